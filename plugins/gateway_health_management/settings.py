"""The connector's settings: where the exchange folder is, and how this municipality's system writes its files.

Everything that decides how bytes become values is said here and reviewed; nothing is guessed from a file.
"""

import hashlib
import json
from itertools import permutations
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway_health_management.forms import PAYLOADS, Form, Prefixed, by_label
from gateway_health_management.interface.returned import ReturnedRecord
from gateway_health_management.interface.subject import REGISTER

_READING: Final = {"encoding", "columns", "dates", "datetimes", "utc_offset", "flags", "change_types"}


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PrefixedFiles(_Closed):
    """Files whose names begin with `prefix` hold rows of one operation, under these headers.

    Without `columns` the headers are the catalogue's labels of the operation's fields.
    """

    prefix: Annotated[str, StringConstraints(pattern=r"^[^./~\s]{1,32}$")]
    columns: dict[str, str] | None = None

    def form(self, operation: str) -> Form:
        """How such a file is read."""
        return Form(operation, self.columns if self.columns is not None else by_label(PAYLOADS[operation]))


class Settings(_Closed):
    """Sizes in bytes, times in seconds. `columns` maps each header that a file may have to the interface's field.

    `columns` is for files of subjects: those whose names begin with no prefix of `files`. `return_columns` are the
    headers of what is written into `out/`, in their order.
    """

    exchange_folder: Annotated[Path, AfterValidator(_absolute)]
    ready: Literal["renamed", "end_file"] = "renamed"
    encoding: Literal["cp932", "utf-8", "utf-8-sig"]
    columns: dict[str, str]
    files: dict[Prefixed, PrefixedFiles] = {}
    return_columns: dict[str, str] = by_label(ReturnedRecord)
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
        """Each column names a field of its operation, no field twice, no required field without a column."""
        for form in self._forms():
            if misfits := form.misfits():
                where = "" if form.operation == REGISTER else f"files.{form.operation}."
                raise ValueError("; ".join(where + each for each in misfits))
        if set(self.flags.values()) != {True, False}:
            raise ValueError("flags: there must be a text for true and one for false")
        if sorted(self.return_columns.values()) != sorted(ReturnedRecord.model_fields):
            raise ValueError("return_columns: each field of record.return must have one column, so that none is lost")
        for one, other in permutations((each.prefix for each in self.files.values()), 2):
            if other.startswith(one):
                raise ValueError("files: a prefix begins with another one, so that a name would have two forms")
        try:
            headers = [header for form in self._forms() for header in form.columns]
            "".join([*headers, *self.return_columns]).encode(self.codec)
        except UnicodeEncodeError:
            raise ValueError("columns: a header cannot be written in the configured encoding") from None
        return self

    def form(self, name: str) -> Form:
        """The form of a file of that name."""
        for operation, each in self.files.items():
            if name.startswith(each.prefix):
                return each.form(operation)
        return Form(REGISTER, self.columns)

    @property
    def codec(self) -> str:
        """The codec of a single cell: a byte order mark belongs to the file, not to its cells."""
        return "utf-8" if self.encoding == "utf-8-sig" else self.encoding

    def reading(self, form: Form) -> str:
        """A digest of all that decides how bytes become values: the same bytes read otherwise say other things."""
        plain = self.model_dump(mode="json", include=_READING) | {"columns": dict(form.columns)}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:16]

    def _forms(self) -> list[Form]:
        """That of subjects first."""
        return [Form(REGISTER, self.columns), *(each.form(name) for name, each in self.files.items())]
