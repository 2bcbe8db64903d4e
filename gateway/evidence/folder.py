"""A log as a folder: c2sp.org/tlog-tiles, and beside each bundle of commitments a file with the facts that they are of.

`facts/000.jsonl` has the facts of `tile/entries/000`, a line each. A line is `{"salt":"<64 hex digits>","fact":<body>}`
with the body's bytes as they are: so its commitment is SHA-256(salt ‖ what stands between `"fact":` and the last `}`).
Of a fact whose content was deleted after its time the line is `null`.

`cosigned/<size>` is the checkpoint of that size with its cosignatures, if it is the newest of some witness and not the
folder's own.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from gateway.evidence.bounded import FACT_BYTES, open_ordinary, read_ordinary
from gateway.tlog.note import MAX_NOTE
from gateway.tlog.proof import HASH_BYTES
from gateway.tlog.tiles import CHECKPOINT, Tile, bundle, tiles

_HEAD: Final = b'{"salt":"'
_MIDDLE: Final = b'","fact":'
_GONE: Final = b"null"
_COSIGNED: Final = "cosigned"
_UNFINISHED: Final = ".unfinished"
_OURS: Final = ("tile/", "facts/", f"{_COSIGNED}/", f".{CHECKPOINT}")
_LENGTH: Final = HASH_BYTES.to_bytes(2, "big")
"""What stands before each commitment in a bundle."""
SALT_BYTES: Final = 32


class Content(NamedTuple):
    """What a commitment is of."""

    salt: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class LogFolder:
    """Reading raises OSError if a file is not there, and ValueError if it is out of form."""

    path: Path

    def checkpoint(self) -> str | None:
        """The signed note of the log as it is in the folder; None if there is none."""
        try:
            return _note(self.path / CHECKPOINT)
        except FileNotFoundError:
            return None

    def cosigned(self) -> list[str]:
        """The signed notes of what witnesses cosigned, but for the folder's own checkpoint."""
        return [_note(each) for each in self._cosigned()]

    def hashes(self, tile: Tile) -> list[bytes]:
        """The tile's hashes."""
        packed = read_ordinary(self.path / tile.path, tile.width * HASH_BYTES)
        if len(packed) != tile.width * HASH_BYTES:
            raise ValueError("the tile has not as many hashes as its name says")
        return [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]

    def commitments(self, tile: Tile) -> Iterator[bytes]:
        """The entries that a tile of level 0 is of, one after another, so that the first that is not one is known."""
        size = len(_LENGTH) + HASH_BYTES
        packed = read_ordinary(self.path / tile.bundle, tile.width * size)
        for at in range(0, tile.width * size, size):
            entry = packed[at : at + size]
            if len(entry) != size or not entry.startswith(_LENGTH):
                raise ValueError("the bundle has no commitment there, or another length before it")
            yield entry[len(_LENGTH) :]

    def contents(self, tile: Tile) -> Iterator[Content | None]:
        """The facts that a tile of level 0 is of, one after another; None for each whose content is gone."""
        with open_ordinary(self._facts(tile)) as stream:
            for _ in range(tile.width):
                line = stream.readline(2 * FACT_BYTES)
                if not line.endswith(b"\n"):
                    raise ValueError("the file has not as many facts as its name says, or a line that is none")
                yield _content(line[:-1])
            if stream.read(1):
                raise ValueError("the file has not as many facts as its name says: it goes on")

    def strays(self, size: int) -> list[str]:
        """What lies in the folder and is no part of a log of so many facts, so that nothing vouches for it."""
        known = {CHECKPOINT, *(f"{_COSIGNED}/{each.name}" for each in self._cosigned())}
        for tile in tiles(size):
            known.update(str(each.relative_to(self.path)) for each in self._files(tile))
        return sorted(each for each in self._all() if each not in known)

    def write(self, tile: Tile, hashes: Iterable[bytes]) -> None:
        """A tile."""
        _write(self.path / tile.path, b"".join(hashes))

    def write_facts(self, tile: Tile, commitments: Iterable[bytes], contents: Iterable[Content | None]) -> None:
        """What a tile of level 0 is of."""
        _write(self.path / tile.bundle, bundle(commitments))
        _write(self._facts(tile), b"".join(_line(each) + b"\n" for each in contents))

    def write_checkpoint(self, note: str, size: int, *, after: int = 0) -> None:
        """To be written once what it counts is there; what came behind the first `after` facts is on the disk before
        it is, so that no loss of power leaves a checkpoint of what is lost.
        """
        written = [file for tile in tiles(size, after=after) for file in self._files(tile)]
        for each in (*written, *sorted({parent for file in written for parent in self._parents(file)})):
            _durable(each)
        _write(self.path / CHECKPOINT, note.encode(), durable=True)
        _durable(self.path)

    def write_cosigned(self, notes: Mapping[int, str]) -> None:
        """These by their size, and no others any more. To be done once a checkpoint is written that counts as much."""
        for size, note in notes.items():
            _write(self.path / _COSIGNED / str(size), note.encode(), durable=True)
        for each in self._cosigned():
            if each.name not in map(str, notes):
                each.unlink()

    def tidy(self, size: int) -> None:
        """Take away the partial tiles that a log of so many facts has no more, and what was left unfinished: no fact
        lies in the folder twice, nor what nobody checks. What is not ours stays.

        To be done once the checkpoint is written: until then the former one counts these.
        """
        for each in (self.path / name for name in self.strays(size) if name.startswith(_OURS)):
            if each.parent.suffix == ".p" or each.name.endswith(_UNFINISHED):
                each.unlink()
                with contextlib.suppress(OSError):  # not empty, or not a partial tile's
                    each.parent.rmdir()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else writes here meanwhile. Raises BlockingIOError if somebody does."""
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise
            except OSError:  # a file system without locks for folders: then nothing can tell
                pass
            yield
        finally:
            os.close(handle)

    def _all(self) -> Iterator[str]:
        """Every file, link or other thing that is no folder, by its name below this one."""

        def unread(error: OSError) -> None:
            raise error

        for folder, folders, files in os.walk(self.path, onerror=unread):
            links = (each for each in folders if Path(folder, each).is_symlink())
            yield from (str(Path(folder, each).relative_to(self.path)) for each in (*files, *links))

    def _files(self, tile: Tile) -> list[Path]:
        beside = [self.path / tile.bundle, self._facts(tile)] if tile.level == 0 else []
        return [self.path / tile.path, *beside]

    def _parents(self, file: Path) -> Iterator[Path]:
        """The folders, below this one, in which it lies."""
        yield from (each for each in file.parents if each.is_relative_to(self.path) and each != self.path)

    def _cosigned(self) -> list[Path]:
        """Without what an interrupted export left unfinished."""
        return sorted(each for each in (self.path / _COSIGNED).glob("*") if not each.name.startswith("."))

    def _facts(self, tile: Tile) -> Path:
        place = tile.bundle.removeprefix("tile/entries/")
        return self.path / "facts" / f"{place}.jsonl"


def _line(content: Content | None) -> bytes:
    if content is None:
        return _GONE
    return b"".join((_HEAD, content.salt.hex().encode(), _MIDDLE, content.body, b"}"))


def _content(line: bytes) -> Content | None:
    if line == _GONE:
        return None
    middle = len(_HEAD) + 2 * SALT_BYTES
    if not (line.startswith(_HEAD) and line[middle:].startswith(_MIDDLE) and line.endswith(b"}")):
        raise ValueError("a line is not that of a fact")
    content = Content(bytes.fromhex(line[len(_HEAD) : middle].decode()), line[middle + len(_MIDDLE) : -1])
    if _line(content) != line:
        raise ValueError("a line is not in its one form")
    return content


def _note(file: Path) -> str:
    return read_ordinary(file, MAX_NOTE).decode()


def _write(file: Path, content: bytes, *, durable: bool = False) -> None:
    """Whole or not at all, for its owner alone."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = file.with_name(f".{file.name}{_UNFINISHED}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())
    unfinished.replace(file)


def _durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
