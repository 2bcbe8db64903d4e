"""Turns one TOML file into the simulator's closed configuration: where to listen, who its clients are, what goes wrong.

The rule: all problems are reported together, each naming a key of the file, never a secret.
"""

import stat
import tomllib
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway_pmh.simulated.faults import FAULTS

Fingerprint = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Strikes = Annotated[dict[Annotated[str, StringConstraints(pattern=f"^({'|'.join(FAULTS)})$")], int], Field()]
_FILE: Final = "file:"


class Invalid(Exception):
    """The configuration does not hold together; each problem is a sentence that names a key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Listen(_Closed):
    """Port 0 takes a free one; the line `listening` on stdout tells which."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0


class Tls(_Closed):
    """Our certificate and key, and the CA that client certificates must come from (PEM)."""

    certificate: Path
    key: Path
    ca: Path


class Client(_Closed):
    """A municipality's client: its id, where its secret is (`file:PATH`), the sha256 (hex, DER) of its certificate."""

    client_id: str
    client_secret: Annotated[str, StringConstraints(pattern=f"^{_FILE}.+$")]
    certificate: Fingerprint


class Times(_Closed):
    """In seconds: a token's life, what Retry-After says, how late a slow answer is, how long a task is processed."""

    token: Annotated[int, Field(ge=1)] = 300
    retry_after: Annotated[int, Field(ge=0)] = 1
    slow: Annotated[float, Field(ge=0)] = 1.0
    processing: Annotated[float, Field(ge=0)] = 0.5


class Terminal(_Closed):
    """A clinic's terminal: the clinic's 医療機関コード, the sha256 (hex, DER) of its certificate."""

    clinic_code: Annotated[str, StringConstraints(pattern="^[0-9]{10}$")]
    certificate: Fingerprint


class Eligibility(_Closed):
    """The eligibility side, with a listener of its own. A confirmation lives `seconds` from the showing of the card."""

    listen: Listen = Listen()
    tls: Tls
    issuer: Annotated[str, StringConstraints(pattern=r"^https://[^?#@\s]+$")]
    signing_key: Path
    seconds: Annotated[int, Field(ge=1)] = 86400
    terminal: Annotated[list[Terminal], Field(min_length=1)]


class Config(_Closed):
    """The whole file. Without `data` the keys are in memory only; without `eligibility` nobody is confirmed."""

    data: Path | None = None
    listen: Listen = Listen()
    tls: Tls
    client: Annotated[list[Client], Field(min_length=1)]
    times: Times = Times()
    faults: Strikes = {}
    eligibility: Eligibility | None = None


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
    data = None if config.data is None else folder / config.data
    clients = [
        each.model_copy(update={"client_secret": f"{_FILE}{folder / each.client_secret.removeprefix(_FILE)}"})
        for each in config.client
    ]
    side = config.eligibility
    if side is not None:
        side = side.model_copy(update={"tls": _files(side.tls, folder), "signing_key": folder / side.signing_key})
    update = {"tls": _files(config.tls, folder), "data": data, "client": clients, "eligibility": side}
    return config.model_copy(update=update)


def _files(tls: Tls, folder: Path) -> Tls:
    return Tls(**{name: folder / path for name, path in tls})


def secret(client: Client) -> bytes:
    """The client's secret, without a final line end, from a file that only its owner can read. Raises Invalid."""
    file = Path(client.client_secret.removeprefix(_FILE))
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise Invalid(["client.client_secret: others than its owner can read the file; chmod 600"])
        return file.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise Invalid([f"client.client_secret: cannot be read ({type(error).__name__})"]) from None
