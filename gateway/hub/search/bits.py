"""Which facts a term stands in, as one bit a fact, and where these bits lie: a row for each term and `CHUNK` facts."""

import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

CHUNK: Final = 8192
"""Facts whose bits stand in one row: 1 KiB before it is compressed, so that the last row is quickly written anew."""
ALL: Final = (1 << CHUNK) - 1
TERM: Final = "SELECT id FROM term WHERE term = ?"
_BYTES: Final = CHUNK // 8
_CHUNKS: Final = 32
_CHUNK_MASK: Final = (1 << _CHUNKS) - 1


def row_of(term: int, chunk: int) -> int:
    """Where the bits of that term (by its id) stand for that chunk."""
    return term << _CHUNKS | chunk


def chunk_of(row: int) -> int:
    """Of which chunk the bits of that row are."""
    return row & _CHUNK_MASK


def stored(connection: sqlite3.Connection, row: int) -> int:
    """The bits of that row; none if there is no such row."""
    found = connection.execute("SELECT bits FROM posting WHERE row = ?", (row,)).fetchone()
    return int.from_bytes(_unpacked(found[0]), "little") if found else 0


def _unpacked(packed: bytes) -> bytes:
    """However little it says to be so, no more than a row has. Raises ValueError."""
    opened = zlib.decompressobj()
    bits = opened.decompress(packed, _BYTES + 1)
    if len(bits) != _BYTES or not opened.eof:
        raise ValueError("not the bits of a row")
    return bits


def packed(bits: int) -> bytes:
    """As a row has them."""
    return zlib.compress(bits.to_bytes(_BYTES, "little"), 1)


def at(places: Iterable[int]) -> int:
    """The bits of these places."""
    made = bytearray(_BYTES)
    for place in places:
        made[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(made, "little")


def between(first: int, last: int) -> int:
    """The bits of these places and of all between them."""
    return (1 << last + 1) - (1 << first)


def masks(seqs: Iterable[int]) -> dict[int, int]:
    """The bits of these facts, by chunk."""
    made: defaultdict[int, int] = defaultdict(int)
    for seq in seqs:
        made[seq // CHUNK] |= 1 << seq % CHUNK
    return made


def seqs_of(chunk: int, bits: int, *, oldest: bool) -> list[int]:
    """The facts whose bits are set, byte by byte: most bytes of a rare thing are 0."""
    found = [
        chunk * CHUNK + at * 8 + place
        for at, byte in enumerate(bits.to_bytes(_BYTES, "little") if bits else b"")
        if byte
        for place in range(8)
        if byte >> place & 1
    ]
    return found if oldest else found[::-1]
