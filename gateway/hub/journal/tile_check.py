"""The roots of full tiles, of which proofs are made, are those that the facts give."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from gateway.hub.journal.facts import Altered
from gateway.tlog.tree import TILE_WIDTH


def check_tiles(connection: sqlite3.Connection, seq: int, completed: Sequence[bytes]) -> None:
    """`completed` are the roots of the tiles that fact `seq` completes, level 1 first. Raises Altered."""
    for level, root in enumerate(completed, start=1):
        stored = connection.execute(_TILE, (level, seq // TILE_WIDTH**level - 1)).fetchone()
        if stored is None or stored[0] != root:
            first = seq - TILE_WIDTH**level + 1
            raise Altered(seq, f"the tile of facts {first} to {seq} does not have the root that they give")


def check_stray_tiles(connection: sqlite3.Connection) -> None:
    """No tile is of facts that there are not. Raises Altered."""
    facts, tiles = connection.execute(_EXTENT).fetchone()
    expected, level = 0, 1
    while count := facts // TILE_WIDTH**level:
        expected, level = expected + count, level + 1
    if tiles != expected:
        raise Altered(facts + 1, "there are more or fewer tiles than the facts fill")


_EXTENT: Final = "SELECT (SELECT coalesce(max(seq), 0) FROM fact), (SELECT count(*) FROM tile)"
_TILE: Final = "SELECT root FROM tile WHERE level = ? AND idx = ?"
