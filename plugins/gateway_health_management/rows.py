"""Turns a city file into rows of plain JSON values, in the form that the interface asks for and otherwise as written.

One rule: a bad row stands in its own place, so that the others keep their number; a bad header refuses the file.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.plugin import JsonValue, Unreadable
from gateway_health_management.cells import Broken, split
from gateway_health_management.forms import Form
from gateway_health_management.interface.subject import DELETE, REGISTER, SubjectDelete
from gateway_health_management.settings import Settings
from gateway_health_management.values import Unfit, changes

_DELETE_FIELDS: Final = frozenset(SubjectDelete.model_fields)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BLOCK: Final = 1 << 20


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


def read(path: Path, known: Fingerprint, settings: Settings, form: Form) -> Iterator[Row]:
    """The rows of the file whose fingerprint was taken. Raises WholeFileRefused, FileChanged, OSError."""
    with path.open("rb", buffering=_BLOCK) as file:
        if settings.encoding == "utf-8-sig" and file.read(3) != _BYTE_ORDER_MARK:
            file.seek(0)
        records = split(file, settings.max_line_bytes)
        header = next(records, Broken.REST)
        try:
            if known.size > settings.max_file_bytes:
                raise WholeFileRefused("body_too_large")
            columns = _header(header, settings.codec, form)
        except WholeFileRefused as refused:
            refused.rows = sum(1 for _ in records)
            raise
        yield from _rows(records, _Reading(columns, settings, form.operation))
        after = os.fstat(file.fileno())
    if (known.size, known.inode, known.changed_ns) != (after.st_size, after.st_ino, after.st_mtime_ns):
        raise FileChanged("somebody is writing into it")


def _rows(records: Iterator[list[str] | Broken], reading: "_Reading") -> Iterator[Row]:
    for number, cells in enumerate(records, start=1):
        match cells:
            case Broken.ROW:
                yield reading.unreadable(number, "unreadable")
            case Broken.REST:
                yield reading.unreadable(number, "unreadable_file")
            case _:
                yield reading.row(number, cells)


def _header(cells: list[str] | Broken, codec: str, form: Form) -> tuple[str, ...]:
    """The field of each column, in the file's order. A column that is unknown, or there twice, refuses the file."""
    if isinstance(cells, Broken):
        raise WholeFileRefused("unreadable_file")
    fields: list[str] = []
    undecodable: list[int] = []
    unknown: list[int] = []
    for position, cell in enumerate(cells, start=1):
        name = _decoded(cell, codec)
        if name is None:
            undecodable.append(position)
        elif (found := form.columns.get(name)) is None or found in fields:
            unknown.append(position)
        else:
            fields.append(found)
    for code, unfit in (("undecodable_bytes", undecodable), ("unknown_column", unknown)):
        if unfit:
            raise WholeFileRefused(code, column=unfit[0], unfit=len(unfit))
    for required in form.required:
        if required not in fields:
            raise WholeFileRefused("missing_column", path=required)
    return tuple(fields)


def _decoded(cell: str, codec: str) -> str | None:
    try:
        return cell if cell.isascii() else cell.encode("latin-1").decode(codec)
    except UnicodeDecodeError:
        return None


# ---- one row ---------------------------------------------------------------------------------------------------------


class _Reading:
    """How the cells of one file become values."""

    def __init__(self, columns: tuple[str, ...], settings: Settings, operation: str) -> None:
        self._columns = columns
        self._operation = operation
        self._codec = settings.codec
        self._changes = {name: change for name, change in changes(settings).items() if name in columns}

    def unreadable(self, number: int, code: str, path: str | None = None) -> Row:
        return Row(number, self._operation, None, Unreadable(code, path))

    def row(self, number: int, cells: list[str]) -> Row:
        if len(cells) != len(self._columns):
            code = "surplus_cell" if len(cells) > len(self._columns) else "missing_cell"
            return self.unreadable(number, code)
        texts: dict[str, str] = {}
        for name, cell in zip(self._columns, cells, strict=True):
            if not cell:
                continue
            text = _decoded(cell, self._codec)
            if text is None:
                return self.unreadable(number, "undecodable_bytes", name)
            texts[name] = text
        return self._valued(number, texts)

    def _valued(self, number: int, texts: dict[str, str]) -> Row:
        values: dict[str, JsonValue] = dict(texts)
        operation = self._operation
        for name, change in self._changes.items():
            if name not in values:
                continue
            try:
                values[name] = change(texts[name])
            except Unfit as unfit:
                return Row(number, operation, None, Unreadable(str(unfit), name))
            if operation == REGISTER and name == "change_type" and values[name] == "3":
                operation = DELETE
                values = {each: value for each, value in values.items() if each in _DELETE_FIELDS}
        return Row(number, operation, texts.get("internal_no"), values)
