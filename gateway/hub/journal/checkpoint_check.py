"""The signed checkpoints of a log by themselves: each signs the root that the tree hashes beside it give."""

import sqlite3
from typing import Any, Final

from gateway.hub.journal.facts import Altered
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


_LAST: Final = "SELECT size, note, frontier FROM checkpoint ORDER BY size DESC LIMIT 1"
_SIZES: Final = "SELECT size FROM checkpoint WHERE size BETWEEN ? AND ?"
_AT: Final = "SELECT size, note, frontier FROM checkpoint WHERE size = ?"
