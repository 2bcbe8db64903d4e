"""What code leaves in files and tells other programs, as the interpreter says (PEP 578), in whatever thread.

The rule: a hook stays for good, so there is one, and it looks only while somebody wants to know.
"""

import contextlib
import errno
import gc
import io
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

from gateway.plugin.testing.fresh import PROGRAMS, WRITES

_NAMELESS: Final = getattr(os, "O_TMPFILE", -1)
_GONE: Final = ("os.remove", "os.rename")
_TOLD: Final = {
    **dict.fromkeys(PROGRAMS, "the words of a program that it started"),
    "syslog.syslog": "the system's log",
}
_MOST: Final = 2**24
"""Bytes of a file that are read: from its beginning, and from where it ended when it was first opened."""
_HELD: Final = 100


class Traces:
    """What was written outside of one folder, also into files that are gone, and what programs were told."""

    def __init__(self, folder: Path) -> None:
        self.words: list[tuple[str, str]] = []
        self._folder = folder.resolve()
        self._written: dict[str, int] = {}
        self._held: list[tuple[BinaryIO, int]] = []

    def texts(self) -> list[tuple[str, str]]:
        """Where each was, and what it holds by now."""
        _flush(self._written)
        for path in [*self._written]:
            self._hold(path)
        while self._held:
            self._read(*self._held.pop())
        return self.words

    def hear(self, event: str, given: tuple[Any, ...]) -> None:
        """Raises OSError where a file without a name is to be made: Python then makes one that can be looked into."""
        if event == "open" and isinstance(given[2], int) and given[2] & WRITES:
            if given[2] & _NAMELESS == _NAMELESS:
                raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
            self._opened(given[0])
        elif event == "sqlite3.connect":
            for behind in ("", "-wal", "-journal"):
                self._opened(f"{_database(str(given[0]))}{behind}")
        elif event in _GONE and (path := _path(given[0], given[1 if event == "os.remove" else 2])) in self._written:
            self._hold(path)
        elif event in _TOLD:
            self.words.append((_TOLD[event], repr(given)))

    def _opened(self, name: object) -> None:
        path = _path(name)
        beyond = path and path not in self._written and self._folder not in Path(path).parents
        if beyond and Path(path).parent.name != "__pycache__":
            self._written[path] = _size(path)
            self.words.append(("the name of a file that it wrote", path))

    def _hold(self, path: str) -> None:
        """It can be read as long as it is held, also what is written into it once it has no name."""
        with contextlib.suppress(OSError):
            if Path(path).is_file():
                self._held.append((Path(path).open("rb"), self._written[path]))  # noqa: SIM115  (until it is read)
        if len(self._held) > _HELD:
            self._read(*self._held.pop(0))

    def _read(self, file: BinaryIO, ended: int) -> None:
        with file:
            for start in (0, max(ended, _MOST)):
                file.seek(start)
                self.words.append(("a file that it wrote", file.read(_MOST).decode(errors="replace")))


def _path(name: object, folder: int = -1) -> str:
    """The whole of it; a name may be below a folder that is open. Empty if it is none."""
    if not isinstance(name, str | bytes | os.PathLike):
        return ""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # the last for links that lead to each other
        within = Path(f"/proc/self/fd/{folder}") if folder >= 0 else Path()
        return str((within / os.fsdecode(name)).resolve())
    return ""


def _database(name: str) -> str:
    """The file of one that may be named by a URI."""
    return unquote(urlsplit(name).path) if name.startswith("file:") else name


def _flush(paths: Collection[str]) -> None:
    """Files that were left open have it in memory still; it would get into them at the end of the process."""
    for each in gc.get_objects():
        if type(each) in (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom):
            with contextlib.suppress(OSError, ValueError, AttributeError):  # it is closed, or has no name
                if _path(each.name) in paths:
                    each.flush()


def _size(path: str) -> int:
    with contextlib.suppress(OSError):
        return Path(path).stat().st_size
    return 0


_looking: Traces | None = None
_installed = False


def _hear(event: str, given: tuple[Any, ...]) -> None:
    if _looking is not None:
        _looking.hear(event, given)


@contextlib.contextmanager
def traced(folder: Path) -> Iterator[Traces]:
    """What is left outside of the folder within the block; read it there, or after."""
    global _looking, _installed  # noqa: PLW0603  (an audit hook cannot be taken away again)
    if not _installed:
        sys.addaudithook(_hear)
        _installed = True
    _looking = traces = Traces(folder)
    try:
        yield traces
    finally:
        _looking = None
