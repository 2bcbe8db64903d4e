"""The exchange folder: `in/` → `work/` → `done/`, `status/`, and `out/`, by atomic renames within one file system.

A file is taken when it has been renamed into `in/`, or when its `.end` file stands beside it; never by its age. Every
step may be cut off by kill -9 and is finished, or harmlessly done again, the next time. File names may hold personal
data: they stay in this folder.
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Final, Literal, TextIO

_SUBFOLDERS: Final = ("in", "work", "done", "status", "out")
_END: Final = ".end"
_UNFINISHED: Final = (".tmp", ".part", _END)
_NUMBERED: Final = re.compile(r"~[0-9]+$")
_STATUS_SUFFIXES: Final = (".status.csv", ".slip.csv")
_LONGEST_NAME: Final = 200
"""In bytes: file systems allow 255, and status files need some more than the name."""


class Folder:
    """One system's exchange folder. Every method raises OSError where the folder cannot be used.

    There must be one gateway on one folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._in, self.work, self._done, self._status, self._out = (root / name for name in _SUBFOLDERS)

    def prepare(self) -> None:
        """Make the sub-folders that are missing; the exchange folder itself must be there."""
        for name in _SUBFOLDERS:
            (self._root / name).mkdir(exist_ok=True)

    def usable(self) -> bool:
        """Whether all five sub-folders are there and may be changed."""
        return all(os.access(self._root / name, os.R_OK | os.W_OK | os.X_OK) for name in _SUBFOLDERS)

    # ---- in → work ---------------------------------------------------------------------------------------------------

    def take(self, ready: Literal["renamed", "end_file"]) -> dict[str, OSError]:
        """Move every file that is ready into `work/`, under a name that no other file's status has.

        One that cannot be moved stays, keeps no other back, and is answered with its error.
        """
        self._finish_taking()
        names = _files(self._in)
        held_up: dict[str, OSError] = {}
        for name in names:
            if name.lower().endswith(_UNFINISHED) or len(os.fsencode(name)) > _LONGEST_NAME:
                continue
            try:
                if ready == "renamed":
                    (self._in / name).rename(self.work / self._free_name(name))
                elif name + _END in names:
                    self._take_with_end_file(name)
            except FileNotFoundError:  # the system took it back
                continue
            except OSError as problem:
                held_up[name] = problem
        return held_up

    def waiting(self) -> int:
        """How many files are in `in/` that were not taken."""
        return len(_files(self._in))

    def _take_with_end_file(self, name: str) -> None:
        """The `.end` file goes first: while it is in `work/` alone, the file in `in/` is whole and to be moved."""
        target = self._free_name(name)
        end = (self._in / (name + _END)).rename(self.work / (target + _END))
        (self._in / name).rename(self.work / target)
        end.unlink()

    def _finish_taking(self) -> None:
        for name in _files(self.work):
            if not name.endswith(_END):
                continue
            target = self.work / name.removesuffix(_END)
            stem, extension = _parted(target.name)
            source = self._in / (_NUMBERED.sub("", stem) + extension)
            if source.exists() and not target.exists():
                source.rename(target)
            (self.work / name).unlink()

    def _free_name(self, name: str) -> str:
        """The name itself, or with ~2, ~3, ... on its stem; cut off again, that always gives the name."""
        stem, extension = _parted(name)
        used = self._used_stems()
        if stem.casefold() not in used and not _NUMBERED.search(stem):
            return name
        number = 2
        while f"{stem}~{number}".casefold() in used:
            number += 1
        return f"{stem}~{number}{extension}"

    def _used_stems(self) -> set[str]:
        stems = [_parted(name.removesuffix(_END))[0] for name in (*_entries(self.work), *_entries(self._done))]
        for name in _files(self._status):
            stems += [name.removesuffix(suffix) for suffix in _STATUS_SUFFIXES if name.endswith(suffix)]
        return {stem.casefold() for stem in stems}

    # ---- work → done → gone ------------------------------------------------------------------------------------------

    def in_work(self) -> list[str]:
        """The names of what is to be worked on, be it a file or not; the one written first by the system first."""
        return [name for _, name in _by_time(self.work, _entries(self.work)) if not name.endswith(_END)]

    def publish(self, name: str, suffix: str, encoding: str, write: Callable[[TextIO], None]) -> None:
        """Write a file about a file into `status/`: there is the whole of it, or nothing."""
        _write_whole(self._status / (_parted(name)[0] + suffix), encoding, write)

    def finish(self, name: str, at: float) -> None:
        """Move a file to `done/`. Its time becomes the time of finishing, from which its keeping counts."""
        path = self.work / name
        with suppress(PermissionError, FileNotFoundError):  # another user's: kept from its last writing
            os.utime(path, (at, at))
        with suppress(FileNotFoundError):  # somebody took it away: there is nothing left to keep
            path.rename(self._done / name)

    def finished_before(self, at: float) -> list[Path]:
        """The files in `done/` that were finished before that time (seconds since 1970)."""
        return [self._done / name for written, name in _by_time(self._done, _files(self._done)) if written < at * 1e9]

    # ---- out ---------------------------------------------------------------------------------------------------------

    def hand_out(self, name: str, encoding: str, write: Callable[[TextIO], None]) -> None:
        """Write a file for the system into `out/`, from where the system takes it away: the whole of it, or nothing.

        The same name again is the same file again.
        """
        _write_whole(self._out / name, encoding, write)

    def handed_out(self) -> int:
        """How many files are in `out/` that the system has not taken."""
        return len(_files(self._out))


def _write_whole(path: Path, encoding: str, write: Callable[[TextIO], None]) -> None:
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.touch(0o600)  # doses of persons: for nobody else on this machine
    with unfinished.open("w", encoding=encoding, newline="") as out:
        write(out)
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(path)
    _sync(path.parent)


def _files(folder: Path) -> list[str]:
    """The plain files of a folder by name: no folders, no links, nothing hidden."""
    with os.scandir(folder) as entries:
        return sorted(
            each.name for each in entries if not each.name.startswith(".") and each.is_file(follow_symlinks=False)
        )


def _entries(folder: Path) -> list[str]:
    """All that is in a folder by name, but nothing hidden."""
    return [each.name for each in folder.iterdir() if not each.name.startswith(".")]


def _by_time(folder: Path, names: list[str]) -> list[tuple[int, str]]:
    """When each was written (nanoseconds since 1970), the first one first; what is gone meanwhile is left out."""
    found = []
    for name in names:
        with suppress(FileNotFoundError):
            found.append(((folder / name).lstat().st_mtime_ns, name))
    return sorted(found)


def _parted(name: str) -> tuple[str, str]:
    plain = PurePath(name)
    return plain.stem, plain.suffix


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
