"""Turns one TOML file into the simulator's closed configuration: where to listen, which clinics there are, where the
eligibility side and the gateway are, faults.

The rule: all problems are reported together, each naming a key of the file.
"""

import tomllib
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gateway_clinic_app.simulated.faults import FAULTS

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
    """Our certificate and key, and the CA that client certificates must come from (PEM)."""

    certificate: Path
    key: Path
    ca: Path


class Clinic(_Closed):
    """医療機関コード, and the one client certificate (PEM) of its application and of its terminal."""

    code: Annotated[str, StringConstraints(pattern="^[0-9]{10}$")]
    certificate: Path
    key: Path


class Gateway(_Closed):
    """The gateway's listener, and the CA that its certificate must come from."""

    url: Address
    tenant: Annotated[str, StringConstraints(pattern="^[0-9]{6}$")]
    ca: Path


class Eligibility(_Closed):
    """The eligibility side, and the CA that its certificate must come from."""

    url: Address
    ca: Path


class Times(_Closed):
    """In seconds: how long an answer of the gateway is awaited."""

    patience: Annotated[float, Field(gt=0)] = 30.0


class Config(_Closed):
    """The whole file."""

    listen: Listen = Listen()
    tls: Tls
    clinic: Annotated[list[Clinic], Field(min_length=1)]
    gateway: Gateway
    eligibility: Eligibility
    times: Times = Times()
    faults: Strikes = {}


def load(path: Path) -> Config:
    """Read and validate the file; relative paths start at its folder. Raises Invalid."""
    try:
        config = _located(Config.model_validate(tomllib.loads(path.read_text("utf-8"))), path.resolve().parent)
    except ValidationError as error:
        places = error.errors(include_url=False, include_context=False, include_input=False)
        raise Invalid([f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in places]) from None
    except (OSError, ValueError) as error:
        raise Invalid([f"the file cannot be read as UTF-8 TOML ({type(error).__name__})"]) from None
    if len({each.code for each in config.clinic}) < len(config.clinic):
        raise Invalid(["clinic: two have the same code"])
    return config


def _located(config: Config, folder: Path) -> Config:
    files = {"certificate": folder / config.tls.certificate, "key": folder / config.tls.key}
    clinics = [
        each.model_copy(update={"certificate": folder / each.certificate, "key": folder / each.key})
        for each in config.clinic
    ]
    return config.model_copy(
        update={
            "tls": Tls(**files, ca=folder / config.tls.ca),
            "clinic": clinics,
            "gateway": config.gateway.model_copy(update={"ca": folder / config.gateway.ca}),
            "eligibility": config.eligibility.model_copy(update={"ca": folder / config.eligibility.ca}),
        }
    )
