"""The layout of c2sp.org/tlog-tiles, by the specification's own examples."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.tlog.tiles import Tile, bundle, tiles


def test_the_place_of_a_tile_is_the_specifications() -> None:
    assert Tile(0, 1234067, 256).path == "tile/0/x001/x234/067"
    assert Tile(2, 0, 1).path == "tile/2/000.p/1"
    assert Tile(0, 999, 256).bundle == "tile/entries/999"
    assert Tile(0, 1000, 7).bundle == "tile/entries/x001/000.p/7"


def test_the_tiles_of_a_tree_are_the_specifications() -> None:
    found = list(tiles(70_000))
    assert [each for each in found if each.level == 0] == [*(Tile(0, at, 256) for at in range(273)), Tile(0, 273, 112)]
    assert found[274:] == [Tile(1, 0, 256), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(tiles(256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]
    assert list(tiles(0)) == []


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_what_came_later_completes_what_was_there(one: int, other: int) -> None:
    before, size = sorted((one, other))
    was = {each for each in tiles(before) if each.width == 256}
    assert {each.path for each in tiles(size)} == {each.path for each in was | set(tiles(size, after=before))}


def test_a_bundle_has_each_entry_behind_its_length() -> None:
    assert bundle([b"", b"abc", b"x" * 300]) == b"\x00\x00\x00\x03abc\x01\x2c" + b"x" * 300
