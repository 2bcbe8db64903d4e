"""RFC 9162 §2.1 hashing, and the frontier: the few subtree roots from which a tree of any size grows on."""

import hashlib
from collections.abc import Iterable
from typing import Final, Self

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 2**TILE_HEIGHT
"""How many hashes a full tile has (c2sp.org/tlog-tiles)."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00, leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01, left, right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the perfect subtrees that `size` leaves fall into, largest first: one for each 1 bit of the size."""

    __slots__ = ("_roots", "size")

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        self.size = size
        self._roots = list(roots)
        if len(self._roots) != size.bit_count():
            raise ValueError("a frontier has one root for each 1 bit of its size")

    def append(self, leaf: bytes) -> list[bytes]:
        """Grow by one leaf, given by its leaf hash. Returns the roots of the full tiles that it completes: at most one
        of each level, level 0 first.
        """
        completed: list[bytes] = []
        merges, height = self.size, 0
        while merges & 1:
            leaf = node_hash(self._roots.pop(), leaf)
            merges >>= 1
            height += 1
            if not height % TILE_HEIGHT:
                completed.append(leaf)
        self._roots.append(leaf)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root

    def copy(self) -> "Frontier":
        """An independent copy: what to return to if a transaction does not hold."""
        return Frontier(self.size, self._roots)

    def pack(self) -> bytes:
        """The roots one after another; with the size they are the frontier."""
        return b"".join(self._roots)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Self:
        """The reverse of `pack`. Raises ValueError if the length does not fit the size."""
        if size < 0 or len(packed) % 32:
            raise ValueError("a frontier is a whole number of hashes")
        return cls(size, (packed[start : start + 32] for start in range(0, len(packed), 32)))
