"""Turns one TOML file into a closed configuration: where to listen, whose certificates speak for which area.

The rule: all problems are reported together, each naming a key of the file, never a secret.
"""

import os
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, ValidationError, ValidationInfo, field_validator

from gateway_vaccination_records.record_system.closed import Closed, MunicipalityCode

Fingerprint = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
_FILE: Final = "file:"
_ENV: Final = "env:"


class Invalid(Exception):
    """The configuration does not hold together; each problem is a sentence that names a key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class _Located(Closed):
    """Relative paths are relative to the configuration file's folder."""

    @field_validator("certificate", "key", "ca", "data", mode="before", check_fields=False)
    @classmethod
    def _beside_the_file(cls, value: Any, info: ValidationInfo) -> Any:
        return Path(str(info.context)) / value if isinstance(value, str) else value


class Listen(Closed):
    """Port 0 takes a free one; the line `listening` on stdout tells which."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)]


class Tls(_Located):
    """Our certificate and key, and the CA that client certificates must come from (PEM)."""

    certificate: Path
    key: Path
    ca: Path


class Limits(Closed):
    """`body_bytes` per request; `waiting` requests per area before it answers 503; `drain_seconds` at SIGTERM."""

    body_bytes: Annotated[int, Field(ge=1024)] = 4 * 1024 * 1024
    waiting: Annotated[int, Field(ge=1)] = 32
    drain_seconds: Annotated[int, Field(ge=1, le=300)] = 15


class AreaConfig(Closed):
    """One tenant: the sha256 fingerprints (hex, of the DER form) that speak for it, and where its key is."""

    municipality_code: MunicipalityCode
    certificates: Annotated[list[Fingerprint], Field(min_length=1)]
    key: Annotated[str, StringConstraints(pattern="^(file|env):.+$")]


class Config(_Located):
    """The whole file."""

    data: Path
    listen: Listen
    tls: Tls
    limits: Limits = Limits()
    area: Annotated[list[AreaConfig], Field(min_length=1)]


def load(path: Path) -> Config:
    """Read and validate the file. Raises Invalid."""
    try:
        config = Config.model_validate(tomllib.loads(path.read_text("utf-8")), context=str(path.resolve().parent))
    except ValidationError as error:
        places = error.errors(include_url=False, include_context=False, include_input=False)
        raise Invalid([f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in places]) from None
    except (OSError, ValueError) as error:
        raise Invalid([f"the file cannot be read as UTF-8 TOML ({type(error).__name__})"]) from None
    codes = [area.municipality_code for area in config.area]
    prints = [each for area in config.area for each in area.certificates]
    problems = []
    if len(set(codes)) != len(codes):
        problems.append("area.municipality_code: a municipality has one area")
    if len(set(prints)) != len(prints):
        problems.append("area.certificates: a certificate speaks for one area only")
    if problems:
        raise Invalid(problems)
    return config


def master_key(area: AreaConfig, folder: Path) -> bytes:
    """The 32 bytes behind a reference: 64 hex digits in a file that only its owner can read, or in the environment.

    Raises Invalid.
    """
    place = f"area {area.municipality_code}: key"
    try:
        if area.key.startswith(_ENV):
            text = os.environ[area.key.removeprefix(_ENV)]
        else:
            file = folder / area.key.removeprefix(_FILE)
            if stat.S_IMODE(file.stat().st_mode) & 0o077:
                raise Invalid([f"{place}: others than its owner can read the file; chmod 600"])
            text = file.read_text("ascii")
        master = bytes.fromhex(text.strip())
    except (OSError, KeyError, ValueError) as error:
        raise Invalid([f"{place}: cannot be read as 64 hex digits ({type(error).__name__})"]) from None
    if len(master) != 32:
        raise Invalid([f"{place}: is not 64 hex digits"])
    return master
