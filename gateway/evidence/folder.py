"""A log as a folder: c2sp.org/tlog-tiles, and beside each bundle of commitments a file with the facts that they are of.

`facts/000.jsonl` has the facts of `tile/entries/000`, a line each. A line is `{"salt":"<64 hex digits>","fact":<body>}`
with the body's bytes as they are: so its commitment is SHA-256(salt ‖ what stands between `"fact":` and the last `}`).
Of a fact whose content was deleted after its time the line is `null`.

`cosigned/<size>` is the checkpoint of that size with its cosignatures, if it is the newest of some witness and not the
folder's own.
"""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from gateway.tlog.proof import HASH_BYTES
from gateway.tlog.tiles import CHECKPOINT, Tile, bundle, unbundle
from gateway.tlog.tree import TILE_WIDTH

_HEAD: Final = b'{"salt":"'
_MIDDLE: Final = b'","fact":'
_GONE: Final = b"null"
_COSIGNED: Final = "cosigned"
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
        file = self.path / CHECKPOINT
        return file.read_bytes().decode() if file.exists() else None

    def cosigned(self) -> list[str]:
        """The signed notes of what witnesses cosigned, but for the folder's own checkpoint."""
        return [each.read_bytes().decode() for each in self._cosigned()]

    def hashes(self, tile: Tile) -> list[bytes]:
        """The tile's hashes."""
        packed = (self.path / tile.path).read_bytes()
        if len(packed) != tile.width * HASH_BYTES:
            raise ValueError("the tile has not as many hashes as its name says")
        return [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]

    def commitments(self, tile: Tile) -> Sequence[bytes]:
        """The entries that a tile of level 0 is of."""
        entries = unbundle((self.path / tile.bundle).read_bytes())
        if len(entries) != tile.width:
            raise ValueError("the bundle has not as many entries as its name says")
        return entries

    def contents(self, tile: Tile) -> list[Content | None]:
        """The facts that a tile of level 0 is of; None for each whose content is gone."""
        lines = self._facts(tile).read_bytes().removesuffix(b"\n").split(b"\n")
        if len(lines) != tile.width:
            raise ValueError("the file has not as many facts as its name says")
        return [_content(line) for line in lines]

    def write(self, tile: Tile, hashes: Iterable[bytes]) -> None:
        """A tile."""
        _write(self.path / tile.path, b"".join(hashes))

    def write_facts(self, tile: Tile, commitments: Iterable[bytes], contents: Iterable[Content | None]) -> None:
        """What a tile of level 0 is of."""
        _write(self.path / tile.bundle, bundle(commitments))
        _write(self._facts(tile), b"".join(_line(each) + b"\n" for each in contents))

    def write_checkpoint(self, note: str) -> None:
        """To be written once what it counts is there."""
        _write(self.path / CHECKPOINT, note.encode())

    def write_cosigned(self, notes: Mapping[int, str]) -> None:
        """These by their size, and no others any more. To be done once a checkpoint is written that counts as much."""
        for size, note in notes.items():
            _write(self.path / _COSIGNED / str(size), note.encode())
        for each in self._cosigned():
            if each.name not in map(str, notes):
                each.unlink()

    def complete(self, tile: Tile) -> None:
        """Take away the partial forms that a full tile replaces, so that no fact lies in the folder twice. To be done
        once the checkpoint is written: until then the former one counts these.
        """
        files = [self.path / tile.path, *([self.path / tile.bundle, self._facts(tile)] if tile.level == 0 else [])]
        if tile.width == TILE_WIDTH:
            for partial in (each.with_name(f"{each.name.removesuffix('.jsonl')}.p") for each in files):
                if partial.is_dir():
                    shutil.rmtree(partial)

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


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all, for its owner alone."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = file.with_name(f".{file.name}.unfinished")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)
    unfinished.replace(file)
