"""Turns one TOML file into the simulator's closed configuration: where to listen, who may come, whose city it is.

The rule: all problems are reported together, each naming a key of the file.
"""

import tomllib
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway_intermediate_server.simulated.faults import FAULTS

Fingerprint = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Strikes = Annotated[dict[Annotated[str, StringConstraints(pattern=f"^({'|'.join(FAULTS)})$")], int], Field()]


class Invalid(Exception):
    """The configuration does not hold together; each problem is a sentence that names a key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Listen(_Closed):
    """Port 0 takes a free one; the line `listening` on stdout tells which. `clients` are the sha256 (hex, DER) of the
    certificates that may come.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    clients: Annotated[list[Fingerprint], Field(min_length=1)]


class Tls(_Closed):
    """Our certificate and key, and the CA that client certificates must come from (PEM)."""

    certificate: Path
    key: Path
    ca: Path


class Times(_Closed):
    """In seconds: until a code is acquired, a permit is decided, an inquiry is answered, an announcement arrives; how
    long permits and the list hold; what Retry-After says, how late a slow answer is.
    """

    code: Annotated[float, Field(ge=0)] = 1.0
    permit: Annotated[float, Field(ge=0)] = 0.5
    answer: Annotated[float, Field(ge=0)] = 0.5
    announcement: Annotated[float, Field(ge=0)] = 0.5
    permit_life: Annotated[int, Field(ge=1)] = 600
    list_life: Annotated[int, Field(ge=1)] = 86400
    retry_after: Annotated[int, Field(ge=0)] = 1
    slow: Annotated[float, Field(ge=0)] = 1.0


class Config(_Closed):
    """The whole file. `body` is our own city; without the folder `data` everything is in memory only. `signing_key` is
    the network's, `inquiry_keys` has the file of each other body's.
    """

    body: Annotated[str, StringConstraints(pattern="^[0-9]{6}$")]
    issuer: Annotated[str, StringConstraints(pattern=r"^https://[^?#@\s]+$")] = "https://network.invalid"
    signing_key: Path
    inquiry_keys: dict[str, Path]
    data: Path | None = None
    listen: Listen
    control: Listen
    tls: Tls
    times: Times = Times()
    faults: Strikes = {}


def load(path: Path) -> Config:
    """Read and validate the file; relative paths start at its folder. Raises Invalid."""
    try:
        return _located(Config.model_validate(tomllib.loads(path.read_text("utf-8"))), path.resolve().parent)
    except ValidationError as error:
        places = error.errors(include_url=False, include_context=False, include_input=False)
        raise Invalid([f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in places]) from None
    except (OSError, ValueError) as error:
        raise Invalid([f"the file cannot be read as UTF-8 TOML ({type(error).__name__})"]) from None


def _located(config: Config, folder: Path) -> Config:
    tls = Tls(**{name: folder / path for name, path in config.tls})
    data = None if config.data is None else folder / config.data
    keys = {body: folder / path for body, path in config.inquiry_keys.items()}
    placed = {"signing_key": folder / config.signing_key, "inquiry_keys": keys}
    return config.model_copy(update={"tls": tls, "data": data, **placed})
