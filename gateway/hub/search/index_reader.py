"""What the file of one tenant's index answers: in which facts all of some terms stand, a chunk of facts at a time."""

import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from gateway.hub.search import bits
from gateway.hub.search.bits import CHUNK
from gateway.hub.search.index_schema import bound


class Stretch(NamedTuple):
    """Of a log: the seqs of its first and its last fact, and times; that of `until` is the first one after it."""

    first: int = 1
    last: int = sys.maxsize
    since: str = ""
    until: str = "9999-12-31T23:59:59.999999Z"


class IndexReader:
    """One search of the index, as far as it goes now: up to the fact of seq `upto`. `close` it."""

    def __init__(self, path: Path) -> None:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        self._connection = bound(connection)
        with ExitStack() as otherwise:
            otherwise.callback(self.close)
            self.upto = int(self._connection.execute("SELECT upto FROM goes").fetchone()[0])
            otherwise.pop_all()

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def tagged(self, tags: Mapping[str, Iterable[bytes]]) -> set[int]:
        """The facts with one of these tags of one of these months."""
        asked = ((month, tag) for month, some in tags.items() for tag in some)
        return {seq for each in asked for (seq,) in self._connection.execute(_TAGGED, each)}

    def chunks(
        self, words: Iterable[str], among: set[int] | None, stretch: Stretch, *, oldest: bool
    ) -> Iterator[list[int]]:
        """The seqs of the facts with all these terms and, if given, `among` those, a chunk at a time, newest first or
        `oldest` first; of the stretch, and perhaps of other times beside its own.
        """
        found = [self._connection.execute(bits.TERM, (word,)).fetchone() for word in words]
        if None in found:
            return
        order = "ASC" if oldest else "DESC"
        first, last = stretch.first, min(stretch.last, self.upto)
        within = (stretch.since, stretch.until, first // CHUNK, last // CHUNK)
        chunks = self._connection.execute(_BETWEEN + order, within).fetchall() if first <= last else ()
        few = bits.masks(among) if among is not None else None
        for (chunk,) in chunks:
            left = bits.ALL if few is None else few.get(chunk, 0)
            for (term,) in found:
                left = left and left & bits.stored(self._connection, bits.row_of(term, chunk))
            its = bits.between(max(first - chunk * CHUNK, 0), min(last - chunk * CHUNK, CHUNK - 1))
            yield bits.seqs_of(chunk, left & its, oldest=oldest)


_TAGGED: Final = "SELECT seq FROM tag WHERE month = ? AND tag = ?"
_BETWEEN: Final = (
    "SELECT chunk FROM chunk WHERE last_at >= ? AND first_at < ? AND chunk BETWEEN ? AND ? ORDER BY chunk "
)
