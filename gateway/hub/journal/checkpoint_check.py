"""The signed checkpoints of a log, in their order: each signs the root that the facts up to it give."""

import sqlite3
from typing import Any, Final

from gateway.hub.journal.facts import Altered
from gateway.tlog import note
from gateway.tlog.tree import Frontier


class Checkpoints:
    """`signed_size` and `count` are of those that were found whole."""

    def __init__(self, connection: sqlite3.Connection, verifier: note.Verifier, origin: str) -> None:
        self._connection = connection
        self._verifier = verifier
        self._origin = origin
        self._next: tuple[Any, Any, Any] | None = None
        self._last = 0
        self.signed_size = 0
        self.count = 0

    def trust_last(self) -> Frontier:
        """The tree that the last checkpoint signs, to go on from. Raises Altered."""
        row = self._connection.execute(_LAST).fetchone()
        if row is None:
            return Frontier()
        self.signed_size, self.count = row[0], 1
        return self._signed(*row)

    def start(self, last: int) -> None:
        """From here on, up to the checkpoint of the size `last`."""
        self._last = last
        self._find_next()

    def check(self, frontier: Frontier) -> None:
        """Whether a checkpoint of this size, if there is one, signs this root. Raises Altered."""
        if self._next is None or self._next[0] != frontier.size:
            return
        first, size = self.signed_size + 1, frontier.size
        if self._signed(*self._next).root() != frontier.root():
            raise Altered(
                first,
                f"facts {first} to {size} do not give the root that the checkpoint of {size} signs:"
                " at least one of them was altered together with its commitment",
            )
        self.signed_size = size
        self.count += 1
        self._find_next()

    def _find_next(self) -> None:
        self._next = self._connection.execute(_NEXT, (self.signed_size, self._last)).fetchone()

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
_NEXT: Final = "SELECT size, note, frontier FROM checkpoint WHERE size > ? AND size <= ? ORDER BY size LIMIT 1"
