"""Turns a city file into rows of plain JSON values, in the form that the interface asks for and otherwise as written.

Only what is a matter of form is reshaped: dates, times, flags, change types, numbers. Whether a value is right is not
decided here: the line does that, by the locked interface. Nothing is trimmed or normalised.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from gateway.plugin import JsonValue, Unreadable
from gateway_health_management.cells import Broken, split
from gateway_health_management.interface import DELETE, REGISTER, SubjectDelete
from gateway_health_management.settings import REQUIRED, Settings

_DELETE_FIELDS: Final = frozenset(SubjectDelete.model_fields)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLOCK: Final = 1 << 20
_DATE: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_TIME: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")

_Change: TypeAlias = Callable[[str], JsonValue]


@dataclass(frozen=True, slots=True)
class Row:
    """One data row; `number` counts them from 1. `person` is None where the row does not say or cannot be read."""

    number: int
    operation: str
    person: str | None = field(repr=False)
    record: dict[str, JsonValue] | Unreadable = field(repr=False)


class WholeFileRefused(Exception):
    """Nothing of the file may be taken. `path` is a field of the interface; `column` counts from 1, and is the first of
    `unfit` ones. `rows` is how many data rows can be told apart.
    """

    def __init__(self, code: str, *, path: str = "", column: int = 0, unfit: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.path = path
        self.column = column
        self.unfit = unfit
        self.rows = 0


class FileChanged(Exception):
    """Somebody wrote into the file after its digest was taken (C199); it has to be read anew from its beginning."""


class NotAFile(Exception):
    """A folder, a link or the like, which is not opened."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a file is: the SHA-256 of its bytes. Inode, size and time of change tell whether it still is that."""

    sha256: bytes
    size: int
    inode: int
    changed_ns: int


def fingerprint(path: Path) -> Fingerprint:
    """Read the file once through. Raises NotAFile, OSError."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise NotAFile("not a plain file")
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        digest = hashlib.sha256()
        while block := file.read(_BLOCK):
            digest.update(block)
    return Fingerprint(digest.digest(), before.st_size, before.st_ino, before.st_mtime_ns)


def read(path: Path, known: Fingerprint, settings: Settings) -> Iterator[Row]:
    """The rows of the file whose fingerprint was taken. Raises WholeFileRefused, FileChanged, OSError."""
    with path.open("rb", buffering=_BLOCK) as file:
        if settings.encoding == "utf-8-sig" and file.read(3) != _BYTE_ORDER_MARK:
            file.seek(0)
        records = split(file, settings.max_line_bytes)
        header = next(records, Broken.REST)
        try:
            if known.size > settings.max_file_bytes:
                raise WholeFileRefused("body_too_large")
            columns = _header(header, settings)
        except WholeFileRefused as refused:
            refused.rows = sum(1 for _ in records)
            raise
        yield from _rows(records, _Reading(columns, settings))
        after = os.fstat(file.fileno())
    if (known.size, known.inode, known.changed_ns) != (after.st_size, after.st_ino, after.st_mtime_ns):
        raise FileChanged("somebody is writing into it")


def _rows(records: Iterator[list[str] | Broken], reading: "_Reading") -> Iterator[Row]:
    for number, cells in enumerate(records, start=1):
        match cells:
            case Broken.ROW:
                yield Row(number, REGISTER, None, Unreadable("unreadable"))
            case Broken.REST:
                yield Row(number, REGISTER, None, Unreadable("unreadable_file"))
            case _:
                yield reading.row(number, cells)


def _header(cells: list[str] | Broken, settings: Settings) -> tuple[str, ...]:
    """The field of each column, in the file's order. A column that is unknown, or there twice, refuses the file."""
    if isinstance(cells, Broken):
        raise WholeFileRefused("unreadable_file")
    fields: list[str] = []
    undecodable: list[int] = []
    unknown: list[int] = []
    for position, cell in enumerate(cells, start=1):
        name = _decoded(cell, settings.codec)
        if name is None:
            undecodable.append(position)
        elif (found := settings.columns.get(name)) is None or found in fields:
            unknown.append(position)
        else:
            fields.append(found)
    for code, unfit in (("undecodable_bytes", undecodable), ("unknown_column", unknown)):
        if unfit:
            raise WholeFileRefused(code, column=unfit[0], unfit=len(unfit))
    for required in REQUIRED:
        if required not in fields:
            raise WholeFileRefused("missing_column", path=required)
    return tuple(fields)


def _decoded(cell: str, codec: str) -> str | None:
    try:
        return cell if cell.isascii() else cell.encode("latin-1").decode(codec)
    except UnicodeDecodeError:
        return None


# ---- one row ---------------------------------------------------------------------------------------------------------


class _Unfit(Exception):
    """The cell does not have the configured form; the text is a code."""


class _Reading:
    """How the cells of one file become values."""

    def __init__(self, columns: tuple[str, ...], settings: Settings) -> None:
        self._columns = columns
        self._codec = settings.codec
        self._changes = _changes(settings)

    def row(self, number: int, cells: list[str]) -> Row:
        if len(cells) != len(self._columns):
            code = "surplus_cell" if len(cells) > len(self._columns) else "missing_cell"
            return Row(number, REGISTER, None, Unreadable(code))
        texts: dict[str, str] = {}
        for name, cell in zip(self._columns, cells, strict=True):
            if not cell:
                continue
            text = _decoded(cell, self._codec)
            if text is None:
                return Row(number, REGISTER, None, Unreadable("undecodable_bytes", name))
            texts[name] = text
        return self._valued(number, texts)

    def _valued(self, number: int, texts: dict[str, str]) -> Row:
        values: dict[str, JsonValue] = dict(texts)
        operation = REGISTER
        for name, change in self._changes.items():
            if name not in values:
                continue
            try:
                values[name] = change(texts[name])
            except _Unfit as unfit:
                return Row(number, operation, None, Unreadable(str(unfit), name))
            if name == "change_type" and values[name] == "3":
                operation = DELETE
                values = {each: value for each, value in values.items() if each in _DELETE_FIELDS}
        return Row(number, operation, texts.get("internal_no"), values)


def _changes(settings: Settings) -> dict[str, _Change]:
    """The fields whose form changes, the change type first, because it decides which fields count; others stay."""
    flag = partial(_listed, settings.flags)
    changes: dict[str, _Change] = {
        "change_type": partial(_listed, settings.change_types),
        "update_seq": _number,
        "control_flag_recovery": flag,
        "control_flag_nondisclosure": flag,
        "control_flag_view_suspended": flag,
    }
    if settings.dates == "YYYYMMDD":
        changes |= {"birth_date": _date, "deletion_event_date": _date}
    if settings.datetimes == "YYYYMMDDhhmmss":
        changes["updated_at"] = partial(_time, settings.utc_offset)
    return changes


def _listed(known: Mapping[str, JsonValue], text: str) -> JsonValue:
    if text not in known:
        raise _Unfit("not_in_code_list")
    return known[text]


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _Unfit("wrong_type")
    return int(text)


def _date(text: str) -> str:
    """Digits moved apart, no more: whether the day exists is for the line to say."""
    if not (digits := _DATE.fullmatch(text)):
        raise _Unfit("not_a_date")
    return "-".join(digits.groups())


def _time(offset: str, text: str) -> str:
    if not (digits := _TIME.fullmatch(text)):
        raise _Unfit("not_a_time")
    year, month, day, hour, minute, second = digits.groups()
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{offset}"
