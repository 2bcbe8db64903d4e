"""Proofs against the definitions of RFC 9162 §2.1.3.1 and §2.1.4.1, word for word, and every one that is altered."""

from collections.abc import Callable, Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tlog.proof import Span, consistency, consistent, included, inclusion, span_root
from gateway.tlog.tree import Frontier, leaf_hash, node_hash

SIZES = st.integers(1, 3000)


def leaf(index: int) -> bytes:
    return index.to_bytes(4, "big")


@cache
def defined(start: int, end: int) -> bytes:
    """MTH(D[start:end])."""
    if end - start == 1:
        return leaf_hash(leaf(start))
    split = 1
    while split * 2 < end - start:
        split *= 2
    return node_hash(defined(start, start + split), defined(start + split, end))


def defined_path(index: int, start: int, end: int) -> list[bytes]:
    """PATH(m, D[n])."""
    if end - start == 1:
        return []
    split = 1
    while split * 2 < end - start:
        split *= 2
    middle = start + split
    if index < middle:
        return [*defined_path(index, start, middle), defined(middle, end)]
    return [*defined_path(index, middle, end), defined(start, middle)]


def defined_proof(old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    if old == end:
        return [] if whole else [defined(start, end)]
    split = 1
    while split * 2 < end - start:
        split *= 2
    middle = start + split
    if old <= middle:
        return [*defined_proof(old, start, middle, whole=whole), defined(middle, end)]
    return [*defined_proof(old, middle, end, whole=False), defined(start, middle)]


@cache
def tiles(size: int) -> Callable[[int, int, int], Sequence[bytes]]:
    """The hashes of a log of that size, level by level, as its tiles have them."""
    levels: list[list[bytes]] = [[]]
    frontier = Frontier()
    for index in range(size):
        levels[0].append(leaf_hash(leaf(index)))
        for level, root in enumerate(frontier.append(levels[0][-1]), start=1):
            if level == len(levels):
                levels.append([])
            levels[level].append(root)
    return lambda level, first, count: levels[level][first : first + count]


def roots(spans: Sequence[Span], size: int) -> list[bytes]:
    return [span_root(each, tiles(size)) for each in spans]


@given(SIZES, st.data())
def test_an_inclusion_proof_is_the_defined_one_and_holds(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = roots(inclusion(index, size), 3000)
    assert path == defined_path(index, 0, size)
    assert included(leaf_hash(leaf(index)), index, size, path, defined(0, size))


@given(SIZES, st.data())
def test_a_consistency_proof_is_the_defined_one_and_holds(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    path = roots(consistency(old, new), 3000)
    assert path == defined_proof(old, 0, new, whole=True)
    assert consistent(old, defined(0, old), new, defined(0, new), path)


@pytest.mark.parametrize("size", range(1, 20))
def test_no_other_inclusion_proof_holds(size: int) -> None:
    root = defined(0, size)
    for index in range(size):
        path = defined_path(index, 0, size)
        own = leaf_hash(leaf(index))
        for claimed in range(-1, size + 2):
            assert included(own, claimed, size, path, root) is (claimed == index)
        for wrong in _altered(path):
            assert not included(own, index, size, wrong, root)
        assert not included(leaf_hash(b"another"), index, size, path, root)
        assert not included(own, index, size, path, defined(0, size + 1))


@pytest.mark.parametrize("new", range(2, 20))
def test_no_other_consistency_proof_holds(new: int) -> None:
    for old in range(1, new):
        path = defined_proof(old, 0, new, whole=True)
        for wrong in _altered(path):
            assert not consistent(old, defined(0, old), new, defined(0, new), wrong)
        assert not consistent(old, defined(0, old + 1), new, defined(0, new), path)
        assert not consistent(old, defined(0, old), new, defined(0, new + 1), path)


def test_nothing_is_proven_of_what_cannot_be() -> None:
    assert consistent(0, b"", 7, defined(0, 7), [])
    assert not consistent(0, b"", 7, defined(0, 7), [b"x"])
    assert consistent(7, defined(0, 7), 7, defined(0, 7), [])
    assert not consistent(7, defined(0, 7), 7, defined(0, 8), [])
    assert not consistent(8, defined(0, 8), 7, defined(0, 7), [])
    assert not consistent(3, defined(0, 3), 7, defined(0, 7), [])
    for wrong in ((-1, 5), (5, 5), (0, 0)):
        with pytest.raises(ValueError, match="no such leaf"):
            inclusion(*wrong)
    for wrong in ((-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="shrink"):
            consistency(*wrong)


def test_hashes_that_the_log_lacks_are_not_made_up() -> None:
    with pytest.raises(LookupError, match="does not have the hashes"):
        span_root(Span(0, 256), lambda level, first, count: [])


def _altered(path: list[bytes]) -> list[list[bytes]]:
    flipped = [[*path[:at], bytes([path[at][0] ^ 1]) + path[at][1:], *path[at + 1 :]] for at in range(len(path))]
    shorter = [path[:at] + path[at + 1 :] for at in range(len(path))]
    longer = [[*path[:at], bytes(32), *path[at:]] for at in range(len(path) + 1)]
    return [*flipped, *shorter, *longer]
