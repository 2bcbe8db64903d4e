"""The tree against the published vectors of certificate-transparency, and against the definition of RFC 9162 §2.1.1."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tlog.tree import EMPTY_ROOT, Frontier, leaf_hash, node_hash

LEAVES = [
    bytes.fromhex(each)
    for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(defined_root(leaves[:split]), defined_root(leaves[split:]))


def grown(leaves: list[bytes]) -> Frontier:
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf_hash(leaf))
    return frontier


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    assert grown(LEAVES[:size]).root().hex() == ROOTS[size]


def test_root_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT


@given(st.lists(st.binary(max_size=4), max_size=70))
def test_root_is_the_defined_one(leaves: list[bytes]) -> None:
    assert grown(leaves).root() == defined_root(leaves)


@given(st.lists(st.binary(max_size=4), max_size=40), st.lists(st.binary(max_size=4), max_size=40))
def test_grows_on_from_its_packed_form(before: list[bytes], after: list[bytes]) -> None:
    first = grown(before)
    again = Frontier.unpack(first.size, first.pack())
    for leaf in after:
        again.append(leaf_hash(leaf))
    assert again.root() == defined_root(before + after)


@pytest.mark.parametrize(
    ("size", "packed"), [(1, b""), (2, bytes(64)), (3, bytes(63)), (-1, bytes(32)), (0, bytes(32))]
)
def test_packed_form_must_fit_the_size(size: int, packed: bytes) -> None:
    with pytest.raises(ValueError, match="frontier"):
        Frontier.unpack(size, packed)


def test_a_copy_is_independent() -> None:
    frontier = grown(LEAVES[:3])
    copy = frontier.copy()
    frontier.append(leaf_hash(b"more"))
    assert copy.root().hex() == ROOTS[3]
