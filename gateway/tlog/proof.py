"""Inclusion and consistency proofs (RFC 9162 §2.1.3, §2.1.4): what they consist of, and whether one holds.

A proof is a sequence of hashes, each the root of a span of leaves. Whoever has the hashes of a log's tiles can give the
root of any such span.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from gateway.tlog.tree import TILE_HEIGHT, Frontier, node_hash

HASH_BYTES: Final = 32
MOST_HASHES: Final = 63
"""Of one proof: no tree that can be counted in 63 bits needs more (c2sp.org/tlog-witness)."""


class Span(NamedTuple):
    """The leaves from `start` (from 0) up to, but without `end`."""

    start: int
    end: int


Hashes: TypeAlias = Callable[[int, int, int], Sequence[bytes]]
"""Level, index of the first, and count: so many tree hashes one after another, as they stand in a log's tiles. One of
level 0 is a leaf hash; one of level n is the root of 256**n leaves.
"""


def inclusion(index: int, size: int) -> list[Span]:
    """Whose roots prove that the leaf `index` is in the tree of `size`, the leaf's sibling first (§2.1.3.1).

    Raises ValueError if there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf in a tree of that size")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(Span(middle, end))
            end = middle
        else:
            path.append(Span(start, middle))
            start = middle
    return path[::-1]


def consistency(old: int, new: int) -> list[Span]:
    """Whose roots prove that the tree of size `new` grew out of that of `old` (§2.1.4.1); none if `old` is 0.

    Raises ValueError if `old` is larger.
    """
    if not 0 <= old <= new:
        raise ValueError("a tree does not shrink")
    if old == 0:
        return []
    start, end, whole, path = 0, new, True, []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(Span(middle, end))
            end = middle
        else:
            path.append(Span(start, middle))
            start, whole = middle, False
    if not whole:
        path.append(Span(start, end))
    return path[::-1]


def span_root(span: Span, hashes: Hashes) -> bytes:
    """The root of the span's leaves, which must be such as a proof has: its start is a multiple of what it is rounded
    up to the next power of two.
    """
    size, start = span.end - span.start, span.start
    roots = []
    for height in reversed(range(size.bit_length())):
        if size >> height & 1:
            roots.append(_perfect(height, start, hashes))
            start += 1 << height
    return Frontier(size, roots).root()


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that the leaf hash is at `index` in the tree of `size` that has that root (§2.1.3.2)."""
    if not 0 <= index < size or len(path) != len(spans := inclusion(index, size)):
        return False
    found = leaf
    for span, each in zip(spans, path, strict=True):
        found = node_hash(each, found) if span.end <= index else node_hash(found, each)
    return found == root


def consistent(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the tree of size `new` grew out of that of `old` (§2.1.4.2)."""
    if not 0 <= old <= new or len(path) != len(spans := consistency(old, new)):
        return False
    if old == 0:
        return True
    steps = list(zip(spans, path, strict=True))
    # A proof begins with the subtree that `old` ends in, unless that is the whole tree of `old`.
    former = later = steps.pop(0)[1] if any(span.end == old for span in spans) else old_root
    for span, each in steps:
        if span.end <= old:
            former, later = node_hash(each, former), node_hash(each, later)
        else:
            later = node_hash(later, each)
    return former == old_root and later == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than `size`, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1


def _perfect(height: int, start: int, hashes: Hashes) -> bytes:
    """The root of the 2**height leaves from `start` on."""
    level, rest = divmod(height, TILE_HEIGHT)
    row = list(hashes(level, start >> level * TILE_HEIGHT, 1 << rest))
    if len(row) != 1 << rest:
        raise LookupError("the log does not have the hashes that a proof needs")
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]
