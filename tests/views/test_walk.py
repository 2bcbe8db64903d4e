"""The whole matrix, walked: what a receiver is not given is tried on every way towards it, and refused three times.

At the sending edge, before anything is sealed; at the blind hub, by the items that the header names; at the receiving
edge, had both others let it pass. Each layer is tried alone: those before it are taken out by giving them wider rules.
"""

import asyncio
from pathlib import Path

import pytest

from gateway.config import load
from gateway.messages import Sealed
from tests.views.city import header_of
from tests.views.matrix import matrix, name_of
from tests.views.ways import Way, locked_with, opened_to, ways

CONFIG = load(Path(__file__).parents[2])
WAYS = ways(CONFIG)
MATRIX = matrix()
each_way = pytest.mark.parametrize("way", WAYS, ids=str)


def denied(way: Way) -> list[str]:
    """Where on this way each field can be put that is not given this way: at the top, and in every part.

    What goes beyond has no more around it than the route's own address, whatever else the connector may be given.
    """
    names = [row.field for row in MATRIX if not row.cells[way.column].used]
    paths = (place + name for place in sorted(way.places) for name in names)
    return [path for path in paths if path not in way.paths]


def test_every_cell_that_is_not_used_is_walked():
    """Each on every way towards its column, and there is no column without one."""
    tried = {(name_of(path), way.column) for way in WAYS for path in denied(way)}
    assert tried == {(row.field, column) for row in MATRIX for column, cell in row.cells.items() if not cell.used}


@each_way
async def test_what_is_allowed_goes_the_way_whole(city, way):
    """So that what is refused below is refused for its one field."""
    sealed = await city.honest(way)
    assert header_of(sealed).item_sets == (tuple(sorted(way.paths)),)
    assert city.opened(way, sealed) == way.whole
    _, handed = await city.receiver_says(way, sealed)
    assert handed == [way.whole]


# ---- the sending edge: three layers ----------------------------------------------------------------------------------


@each_way
async def test_the_sending_edge_refuses_by_its_own_interface(city, way):
    said = {path: await city.sealed(way, way.with_more(path)) for path in denied(way)}
    assert {path: code for path, code in said.items() if code != "unknown_field"} == {}


@each_way
async def test_the_sending_edge_withholds_what_the_route_has_not(city, way):
    """Though its own interface had all of them at once: what is withheld is never sealed."""
    paths = sorted(denied(way))
    sealed = await city.sealed(way, way.with_more(*paths), locked_with(city.edges[way.sender].rules, way, paths))
    assert isinstance(sealed, Sealed), sealed
    assert header_of(sealed).withheld == tuple(paths)
    assert city.opened(way, sealed) == way.whole


@each_way
async def test_the_sending_edge_refuses_by_the_receiver_s_interface(city, way):
    """Though its own interface and the route had it."""
    rules = locked_with(city.edges[way.sender].rules, way, denied(way))
    said = {path: await city.sealed(way, way.with_more(path), opened_to(rules, way, path)) for path in denied(way)}
    assert {path: code for path, code in said.items() if code != "unknown_field"} == {}


# ---- the blind hub ---------------------------------------------------------------------------------------------------


@each_way
async def test_the_blind_hub_refuses_a_header_that_names_it(city, way):
    """Signed with the sending edge's own key: by the items alone."""
    sealed, before = await city.honest(way), city.journal.size_and_root()[0]
    forged = [city.forged(way, sealed, way.whole, path) for path in denied(way)]
    said = await asyncio.gather(*(city.hub_says(way, each) for each in forged))
    assert {path: code for path, code in zip(denied(way), said, strict=True) if code != "items_beyond_route"} == {}
    assert city.journal.size_and_root()[0] - before == len(said), "each refusal is a fact"


# ---- the receiving edge: three layers, had the hub let it pass -------------------------------------------------------


@each_way
async def test_the_receiving_edge_refuses_a_header_that_names_it(city, way):
    sealed = await city.honest(way)
    for path in denied(way):
        forged = city.forged(way, sealed, way.with_more(path), path)
        assert await city.receiver_says(way, forged) == ("items_beyond_route", []), path


@each_way
async def test_the_receiving_edge_refuses_a_payload_that_hides_it(city, way):
    sealed = await city.honest(way)
    for path in denied(way):
        forged = city.forged(way, sealed, way.with_more(path))
        assert await city.receiver_says(way, forged) == ("items_differ", []), path


@each_way
async def test_the_receiving_edge_refuses_by_its_own_interface(city, way):
    """Though a route had it, and the header names it."""
    sealed, rules = await city.honest(way), city.edges[way.receiver].rules
    for path in denied(way):
        forged = city.forged(way, sealed, way.with_more(path), path)
        assert await city.receiver_says(way, forged, opened_to(rules, way, path)) == ("unknown_field", []), path
