"""What code leaves in files and tells other programs, as the interpreter says (PEP 578), in whatever thread.

The rule: what is about to be lost to whoever looks later, as by a removal or a new name, is held before that.
"""

import contextlib
import errno
import fcntl
import gc
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

from gateway.plugin.testing.audit import audited
from gateway.plugin.testing.fresh import PROGRAMS, WRITES

_NAMELESS: Final = getattr(os, "O_TMPFILE", -1)
_NAMED_ANEW: Final = ("os.rename", "os.link")
_TOLD: Final = {
    **dict.fromkeys(PROGRAMS, "the words of a program that it started"),
    "syslog.syslog": "the system's log",
}
_MOST: Final = 2**24
"""Bytes of a file that are read: from its beginning, and from where it ended when it was first opened."""
_HELD: Final = 100


class Traces:
    """What was written outside of one folder, also into files that are gone or were open before, and what programs were
    told.
    """

    def __init__(self, folder: Path) -> None:
        self.words: list[tuple[str, str]] = []
        self._folder = folder.resolve()
        self._written: dict[str, int] = {}
        self._held: list[tuple[BinaryIO, int]] = []
        _flush()
        self._open = [(file, _length(file)) for file in _open_beyond(self._folder)]

    def texts(self) -> list[tuple[str, str]]:
        """Where each was, and what it holds by now."""
        _flush()
        for path in [*self._written]:
            self._hold(path)
        while self._held:
            self._read(*self._held.pop())
        while self._open:
            file, ended = self._open.pop()
            with file:
                file.seek(ended if ended <= _length(file) else 0)
                self.words.append(("a file that it kept open", file.read(_MOST).decode(errors="replace")))
        return self.words

    def close(self) -> None:
        """Let go of what was not read."""
        for file, _ in (*self._held, *self._open):
            file.close()
        self._held, self._open = [], []

    def hear(self, event: str, given: tuple[Any, ...]) -> None:
        """Raises OSError where a file without a name is to be made: Python then makes one that can be looked into."""
        if event == "open" and isinstance(given[2], int) and given[2] & WRITES:
            if given[2] & _NAMELESS == _NAMELESS:
                raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
            self._opened(given[0])
        elif event == "sqlite3.connect":
            for behind in ("", "-wal", "-journal"):
                self._opened(f"{_database(given[0])}{behind}")
        elif event == "os.remove":
            self._hold(_path(*given))
        elif event in _NAMED_ANEW:
            self._named_anew(_path(given[0], given[2]), _path(given[1], given[3]))
        elif event == "os.mkdir":
            self._name(_path(given[0], given[2]))
        elif event == "os.symlink":
            self._name(_path(given[1], given[2]))
        elif event in _TOLD:
            self.words.append((_TOLD[event], repr(given)))

    def _opened(self, name: object) -> None:
        path = _path(name)
        if path not in self._written and self._name(path):
            self._written[path] = _size(path)

    def _name(self, path: str) -> bool:
        """Note it. False if it is none, or within the folder, or of what Python compiles for itself."""
        beyond = path and self._folder not in Path(path).parents and Path(path).parent.name != "__pycache__"
        if beyond:
            self.words.append(("a name that it gave", path))
        return bool(beyond)

    def _named_anew(self, former: str, path: str) -> None:
        """A file, or a folder with all that is in it. What had the new name before is no more."""
        self._hold(path)
        with contextlib.suppress(OSError):  # somebody else removes of it meanwhile
            for each in (Path(former), *Path(former).rglob("*")) if former and path else ():
                now = str(Path(path) / each.relative_to(former))
                if self._name(now):
                    self._written[now] = self._written.get(str(each), 0)
                else:
                    self._hold(str(each))

    def _hold(self, path: str) -> None:
        """It can be read as long as it is held, also what is written into it once it has no name."""
        with contextlib.suppress(OSError):
            if path in self._written and Path(path).is_file():
                self._held.append((Path(path).open("rb"), self._written[path]))  # noqa: SIM115  (until it is read)
        if len(self._held) > _HELD:
            self._read(*self._held.pop(0))

    def _read(self, file: BinaryIO, ended: int) -> None:
        """Its name is told: were a value in that, it would be found first, in the name that it gave."""
        with file:
            for start in (0, max(ended, _MOST)):
                file.seek(start)
                self.words.append((f"a file that it wrote ({file.name})", file.read(_MOST).decode(errors="replace")))


def _path(name: object, folder: int = -1) -> str:
    """The whole of it; a name may be below a folder that is open. Empty if it is none."""
    if not isinstance(name, str | bytes | os.PathLike):
        return ""
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # the last for links that lead to each other
        within = Path(f"/proc/self/fd/{folder}") if folder >= 0 else Path()
        return str((within / os.fsdecode(name)).resolve())
    return ""


def _database(name: object) -> str:
    """The file of one that may be named by a URI; empty if it is none."""
    text = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else ""
    return unquote(urlsplit(text).path) if text.startswith("file:") else text


def _open_beyond(folder: Path) -> Iterator[BinaryIO]:
    """The files that the process has open to be written outside of a folder, each once more, to be read."""
    for each in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):  # it was closed since
            number = int(each.name)
            written = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
            if written and _regular(number) and folder not in each.readlink().parents:
                yield each.open("rb")


def _regular(number: int) -> bool:
    """Neither a pipe nor a socket, which flushing could block."""
    return stat.S_ISREG(os.fstat(number).st_mode)


def _length(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _flush() -> None:
    """Files that were left open have it in memory still; it would get into them at the end of the process."""
    for each in gc.get_objects():
        if issubclass(type(each), (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)):
            with contextlib.suppress(OSError, ValueError):  # it is closed, or no file
                if _regular(each.fileno()):
                    each.flush()


def _size(path: str) -> int:
    with contextlib.suppress(OSError):
        return Path(path).stat().st_size
    return 0


@contextlib.contextmanager
def traced(folder: Path) -> Iterator[Traces]:
    """What is left outside of the folder within the block; read it there."""
    with contextlib.closing(Traces(folder)) as traces, audited(traces.hear):
        yield traces
