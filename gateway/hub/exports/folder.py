"""Copies as lines of files in a folder: a file for each log and each day in Japan, for its owner alone."""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

from gateway.config import japanese_day
from gateway.hub.exports.audit_event import audit_event
from gateway.hub.exports.copy import Copy
from gateway.hub.exports.json_lines import json_line
from gateway.hub.journal.copying import durable

_BLOCK = 65536


SUFFIXES: Final = MappingProxyType({"jsonl": ".jsonl", "fhir": ".ndjson"})
"""The forms that a file may have, and how its name ends."""


def file_form(form: str, gateway: str) -> Callable[[Copy], bytes]:
    """What makes a line of a copy, in one of `SUFFIXES`."""
    return json_line if form == "jsonl" else partial(audit_event, gateway=gateway)


class Folder:
    """`form` is one of `SUFFIXES`, `gateway` the gateway's name. The folder must be there: that a disk is not mounted
    must not go unseen.
    """

    again = 0

    def __init__(self, path: Path, form: str, gateway: str) -> None:
        self._path = path
        self._suffix = SUFFIXES[form]
        self._form = file_form(form, gateway)

    def hand(self, copies: Sequence[Copy]) -> None:
        """They survive a loss of power when this returns."""
        for name, some in groupby(copies, self._name):
            _append(self._path / name, b"".join(map(self._form, some)))

    def interrupt(self) -> None:
        """A disk cannot be hurried."""

    def forget(self, log: str, before: date) -> None:
        """Take the files of earlier days away, whoever of this name's form made them."""
        for file in self._path.glob(f"{log}-*{self._suffix}"):
            with suppress(ValueError):  # no file of ours
                if date.fromisoformat(file.name.removeprefix(f"{log}-").removesuffix(self._suffix)) < before:
                    file.unlink()
        durable(self._path)

    def days(self, log: str) -> frozenset[date]:
        """Of which days files of that log are there, whoever of this name's form made them. Raises OSError."""
        found = set()
        for name in (each.name for each in self._path.iterdir()):
            if name.startswith(f"{log}-") and name.endswith(self._suffix):
                with suppress(ValueError):  # no file of ours
                    found.add(date.fromisoformat(name.removeprefix(f"{log}-").removesuffix(self._suffix)))
        return frozenset(found)

    def close(self) -> None:
        """No file is open between two calls."""

    def _name(self, copy: Copy) -> str:
        day = japanese_day(datetime.fromisoformat(copy.fact["at"]))
        return f"{copy.log}-{day}{self._suffix}"


def _append(path: Path, lines: bytes) -> None:
    """Behind the last whole line: what a crash or a full disk cut off is written anew."""
    new = not path.exists()
    with _opened(path) as file:
        file.truncate(_whole(file))
        file.seek(0, os.SEEK_END)
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    if new:
        durable(path.parent)


def _opened(path: Path) -> BinaryIO:
    """The file, made if need be. Raises OSError if it is none, such as a FIFO: there, what is written is gone."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return os.fdopen(handle, "r+b")
    os.close(handle)
    raise OSError(errno.EINVAL, "Not a regular file")


def _whole(file: BinaryIO) -> int:
    """Where the last whole line ends."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(end - _BLOCK, 0)
        file.seek(start)
        if (found := file.read(end - start).rfind(b"\n")) >= 0:
            return start + found + 1
        end = start
    return 0
