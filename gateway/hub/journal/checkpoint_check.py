"""The signed checkpoints of a log by themselves: each signs the root that the tree hashes beside it give.

And which must be there: what stands behind the last of them agrees with itself only, and anybody who can write into
the file could have added it.
"""

import sqlite3
from typing import Any, Final

from gateway.hub.journal.facts import SIGNED_FACTS, Altered
from gateway.tlog import note
from gateway.tlog.tree import Frontier


class Checkpoints:
    """Those that `verifier`'s key signed for the log `origin`."""

    def __init__(self, connection: sqlite3.Connection, verifier: note.Verifier, origin: str) -> None:
        self._connection = connection
        self._verifier = verifier
        self._origin = origin

    def last(self) -> Frontier:
        """The tree that the last one signs; an empty one if there is none. Raises Altered."""
        row = self._connection.execute(_LAST).fetchone()
        return self._signed(*row) if row else Frontier()

    def sizes(self, first: int, last: int) -> frozenset[int]:
        """Of which sizes from `first` to `last` there is one."""
        return frozenset(size for (size,) in self._connection.execute(_SIZES, (first, last)))

    def at(self, size: int) -> Frontier:
        """The tree that the one of this size signs. Raises Altered."""
        return self._signed(*self._connection.execute(_AT, (size,)).fetchone())

    def _signed(self, size: int, signed: Any, packed: Any) -> Frontier:
        """The tree that a checkpoint signs, with its hashes proven by the signed root. Raises Altered."""
        try:
            checkpoint = note.Checkpoint.parse(note.open_note(str(signed), self._verifier))
        except note.NoteError as error:
            raise Altered(size, f"the checkpoint of {size} is altered: {error}") from None
        if checkpoint.origin != self._origin or checkpoint.size != size:
            raise Altered(size, f"the checkpoint of {size} is of another log or size")
        try:
            frontier = Frontier.unpack(size, packed)
        except (ValueError, TypeError):
            raise Altered(size, f"the tree hashes beside the checkpoint of {size} are malformed") from None
        if frontier.root() != checkpoint.root:
            raise Altered(size, f"the tree hashes beside the checkpoint of {size} do not give the root that it signs")
        return frontier


def check_signed(connection: sqlite3.Connection, after: int, total: int) -> None:
    """Of the facts behind `after` each of a kind that comes with a checkpoint has it, and none is purged behind the
    last checkpoint: of what was, a fact says so that came with one. Raises Altered.
    """
    row = connection.execute(_ALONE, (after, total)).fetchone()
    if row is not None:
        seq, kind = row
        what = f"is a {kind}" if kind else "was purged"
        told = "or the checkpoint was taken away" if kind else "or altered"
        raise Altered(seq, f"fact {seq} {what}, and no checkpoint signs it: it was added without the log's key, {told}")


_KINDS: Final = "', '".join(sorted(SIGNED_FACTS))
_ALONE: Final = (
    "SELECT seq, kind FROM fact WHERE seq > ? AND seq <= ? AND ("  # noqa: S608  (the kinds are ours)
    f" kind IN ('{_KINDS}') AND seq NOT IN (SELECT size FROM checkpoint)"
    " OR kind = '' AND seq > (SELECT coalesce(max(size), 0) FROM checkpoint)) ORDER BY seq LIMIT 1"
)
_LAST: Final = "SELECT size, note, frontier FROM checkpoint ORDER BY size DESC LIMIT 1"
_SIZES: Final = "SELECT size FROM checkpoint WHERE size BETWEEN ? AND ?"
_AT: Final = "SELECT size, note, frontier FROM checkpoint WHERE size = ?"
