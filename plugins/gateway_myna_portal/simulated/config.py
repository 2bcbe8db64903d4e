"""Turns one TOML file into the simulator's closed configuration: where to listen, where the gateway is, faults.

The rule: all problems are reported together, each naming a key of the file.
"""

import tomllib
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway_myna_portal.simulated.faults import FAULTS

Fingerprint = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Strikes = Annotated[dict[Annotated[str, StringConstraints(pattern=f"^({'|'.join(FAULTS)})$")], int], Field()]
Address = Annotated[str, StringConstraints(pattern=r"^https://[^/?#@\s]+$")]


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
    """A certificate and its key, and the CA that the other end's certificate must come from (PEM)."""

    certificate: Path
    key: Path
    ca: Path


class Gateway(_Closed):
    """Where residents' messages go and with which client certificate; `certificate` is the sha256 (hex, DER) of the
    one certificate that may bring notices.
    """

    url: Address
    tenant: Annotated[str, StringConstraints(pattern="^[0-9]{6}$")]
    tls: Tls
    certificate: Fingerprint


class Provider(_Closed):
    """`issuer` is our own address if it is left out. A token lives `seconds`; `purpose_text` is the version of the
    text that a login shows.
    """

    issuer: Address | None = None
    client_id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,255}$")]
    signing_key: Path
    seconds: Annotated[int, Field(ge=1)] = 900
    purpose_text: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,32}$")] = "2026-04"


class Times(_Closed):
    """In seconds: what Retry-After says, how late a slow answer is, how long an answer of the gateway is awaited."""

    retry_after: Annotated[int, Field(ge=0)] = 1
    slow: Annotated[float, Field(ge=0)] = 1.0
    patience: Annotated[float, Field(gt=0)] = 30.0


class Config(_Closed):
    """The whole file. `residents` names a CSV file of those who used the portal before."""

    listen: Listen = Listen()
    residents: Path | None = None
    tls: Tls
    gateway: Gateway
    provider: Provider
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
    own, theirs = (Tls(**{name: folder / path for name, path in tls}) for tls in (config.tls, config.gateway.tls))
    provider = config.provider.model_copy(update={"signing_key": folder / config.provider.signing_key})
    gateway = config.gateway.model_copy(update={"tls": theirs})
    residents = config.residents and folder / config.residents
    return config.model_copy(update={"tls": own, "gateway": gateway, "provider": provider, "residents": residents})
