"""The connector's settings: where the exchange folder is, and how this municipality's system writes its files.

Everything that decides how bytes become values is said here and reviewed; nothing is guessed from a file.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway_health_management.interface import SubjectRegister

FIELDS: Final = SubjectRegister.model_fields
REQUIRED: Final = tuple(name for name, info in FIELDS.items() if info.is_required())

_READING: Final = {"encoding", "columns", "dates", "datetimes", "utc_offset", "flags", "change_types"}


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


class Settings(BaseModel):
    """Sizes in bytes, times in seconds. `columns` maps each header that a file may have to the interface's field."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    exchange_folder: Annotated[Path, AfterValidator(_absolute)]
    ready: Literal["renamed", "end_file"] = "renamed"
    encoding: Literal["cp932", "utf-8", "utf-8-sig"]
    columns: dict[str, str]
    dates: Literal["YYYYMMDD", "YYYY-MM-DD"]
    datetimes: Literal["YYYYMMDDhhmmss", "RFC3339"]
    utc_offset: Annotated[str, StringConstraints(pattern=r"^[+-](0\d|1[0-4]):[0-5]\d$")] = "+09:00"
    flags: dict[str, bool] = Field(default={"1": True, "0": False}, min_length=2)
    change_types: dict[str, Literal["1", "2", "3"]] = {"1": "1", "2": "2", "3": "3"}
    chunk_records: int = Field(500, ge=1, le=10_000)
    chunks_in_flight: int = Field(32, ge=1, le=1024)
    keep_finished_seconds: int = Field(7 * 24 * 3600, ge=0)
    max_file_bytes: int = Field(4 * 1024**3, ge=1)
    max_line_bytes: int = Field(64 * 1024, ge=1024, le=128 * 1024)

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        """Each column names a field of the interface, no field twice, no required field without a column."""
        mapped = list(self.columns.values())
        if unknown := set(mapped) - FIELDS.keys():
            raise ValueError(f"columns: the interface has no field {', '.join(sorted(unknown))}")
        if len(set(mapped)) != len(mapped):
            raise ValueError("columns: a field has more than one column")
        if missing := [name for name in REQUIRED if name not in mapped]:
            raise ValueError(f"columns: no column for {', '.join(missing)}")
        try:
            "".join(self.columns).encode(self.codec)
        except UnicodeEncodeError:
            raise ValueError("columns: a header cannot be written in the configured encoding") from None
        return self

    @property
    def codec(self) -> str:
        """The codec of a single cell: a byte order mark belongs to the file, not to its cells."""
        return "utf-8" if self.encoding == "utf-8-sig" else self.encoding

    def reading(self) -> str:
        """A digest of all that decides how bytes become values: the same bytes read otherwise say other things."""
        plain = self.model_dump(mode="json", include=_READING)
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]
