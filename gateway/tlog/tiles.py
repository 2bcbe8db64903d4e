"""A log as static files (c2sp.org/tlog-tiles): which tiles there are for a tree of some size, and where each lies.

A tile is up to 256 tree hashes of one level one after another; a bundle holds the entries of one tile of level 0.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from gateway.tlog.tree import TILE_WIDTH

CHECKPOINT: Final = "checkpoint"
"""Where the newest signed checkpoint lies."""


class Tile(NamedTuple):
    """The `width` hashes of `level` from `number` * 256 on; a partial one has fewer than 256."""

    level: int
    number: int
    width: int

    @property
    def path(self) -> str:
        """Where its hashes lie."""
        return f"tile/{self.level}/{_place(self.number, self.width)}"

    @property
    def bundle(self) -> str:
        """Where the entries of a tile of level 0 lie."""
        return f"tile/entries/{_place(self.number, self.width)}"


def tiles(size: int, *, after: int = 0) -> Iterator[Tile]:
    """All tiles of a tree of that size, level by level; only those that are not as they were when it had `after`."""
    level, count, former = 0, size, after
    while count:
        for number in range(former // TILE_WIDTH, -(-count // TILE_WIDTH)):
            yield Tile(level, number, min(TILE_WIDTH, count - number * TILE_WIDTH))
        level, count, former = level + 1, count // TILE_WIDTH, former // TILE_WIDTH


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries, each behind its length in two bytes."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in entries)


def _place(number: int, width: int) -> str:
    """`x001/x234/067` is tile 1234067; a partial tile's width stands behind it."""
    digits = f"{number:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    place = "/".join([*(f"x{each}" for each in groups[:-1]), groups[-1]])
    return place if width == TILE_WIDTH else f"{place}.p/{width}"
