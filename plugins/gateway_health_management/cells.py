"""Turns the bytes of a CSV file into rows of cells that are still bytes, one record in memory at a time.

Cells come as latin-1 text, where a character is a byte: so that a cell with undecodable bytes spoils its own row only.
In CP932 and UTF-8 no byte of a longer character is a quote, a comma, CR or LF, so that splitting bytes is exact.
One rule: a row is never guessed. Where quotes leave it open where a row ends, reading stops, because what stands
inside a quoted text must never be taken for a row.
"""

import csv
from collections.abc import Iterator
from enum import Enum
from typing import BinaryIO


class Broken(Enum):
    """What stands in the place of a row that is not CSV (RFC 4180)."""

    ROW = "this row only; the next line is a row again"
    REST = "from here on it is not known where a row begins; nothing follows"


def split(file: BinaryIO, longest: int) -> Iterator[list[str] | Broken]:
    """Each record's cells, from the file's position on; empty lines are no records.

    A record may be `longest` bytes long, its line ends included. Never raises for what the file holds.
    """
    lines = _Lines(file, longest)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLong):
            if not lines.hold_one_row():
                yield Broken.REST
                return
            yield Broken.ROW
            continue
        if cells:
            yield cells


class _TooLong(Exception):
    pass


class _Lines:
    """The physical lines of the file, and those that the present record has used so far."""

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self._file = file
        self._longest = longest
        self._left = longest
        self._record: list[str] = []

    def begin_record(self) -> None:
        self._left = self._longest
        self._record.clear()

    def hold_one_row(self) -> bool:
        """True if the record, read as mildly as can be, is a single line that leaves no quote open."""
        if len(self._record) != 1 or self._left < 0:
            return False
        mild = csv.reader([self._record[0].replace("\r", " "), "the next row"])
        return sum(1 for _ in mild) == 2

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise _TooLong
        if not line:
            raise StopIteration
        text = line.decode("latin-1")
        self._record.append(text)
        return text
