"""What an operation writes through: one SQLite transaction together with the tree that it grows.

Filled in on the event loop, or if large in the writer's thread, which commits (decision 0019); never by both at once.
`mark` and `reset` keep tree and counters in step with savepoints and rollbacks.
"""

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from gateway.errors import Deferred, Refused
from gateway.hub.journal.facts import SALT_BYTES, SIGNED_FACTS, FactKind, commitment, fact_body
from gateway.hub.journal.reading import open_records
from gateway.hub.journal.sentinel import FileChanged
from gateway.hub.journal.store import id_bytes, id_sought
from gateway.hub.journal.work import Work, read_work
from gateway.messages import stamp
from gateway.tlog import note
from gateway.tlog.tree import TILE_WIDTH, Frontier, leaf_hash

QUEUE_FULL_SECONDS: Final = 5.0
REMEMBERED: Final = 2000
RECORDS_TO_ONE: Final = 20
"""How many messages of one record are remembered as their facts tell them; so many more records weigh as one more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLimits:
    """`max_open_records`: records not yet ended; `wal_bytes`: size at which the WAL is moved into the database."""

    max_open_records: int
    checkpoint_every_facts: int
    wal_bytes: int


class Mark(NamedTuple):
    """The tree and counters at one moment."""

    frontier: Frontier
    signed_size: int
    open_records: int


class Transaction:
    """The connection, the frontier, and the counters that limits speak of. `keeps` are the seconds for which each route
    keeps the envelopes of what has ended, where it says so; replaced whole.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        frontier: Frontier,
        signed_size: int,
        origin: str,
        signer: note.Signer,
        limits: JournalLimits,
    ) -> None:
        self.connection = connection
        self._frontier = frontier
        self._signed_size = signed_size
        self._origin = origin
        self._signer = signer
        self._limits = limits
        self.keeps: Mapping[str, float] = {}
        self._open_records = open_records(connection)
        self._works: dict[str, Work] = {}
        self._weight = 0
        self._data_version = self._read_data_version()
        self.execute = connection.execute
        self.executemany = connection.executemany

    # ---- for the writer ---------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start. Raises FileChanged if another program wrote into the database, for then the tree is not ours."""
        self.execute("BEGIN IMMEDIATE")
        if self._read_data_version() != self._data_version:
            raise FileChanged("the database was written to by another program")

    def mark(self) -> Mark:
        """Where `reset` can go back to."""
        return Mark(self._frontier.copy(), self._signed_size, self._open_records)

    def reset(self, mark: Mark) -> None:
        """Forget what was done since the mark; the caller rolls the database back."""
        self._works.clear()
        self._weight = 0
        self._frontier, self._signed_size, self._open_records = mark.frontier.copy(), *mark[1:]

    def frontier(self) -> Frontier:
        """A copy of the tree as it is now."""
        return self._frontier.copy()

    def sign_if_due(self, *, now: bool = False) -> None:
        """Sign a checkpoint of all facts so far, if enough came since the last one, or `now` if any did."""
        unsigned = self._frontier.size - self._signed_size
        if unsigned >= (1 if now else self._limits.checkpoint_every_facts):
            self.sign()

    # ---- for the operations -----------------------------------------------------------------------------------------

    def append(
        self,
        kind: FactKind,
        fields: Mapping[str, Any],
        *,
        at: str,
        message_id: str | None = None,
        tag_salt: bytes | None = None,
    ) -> int:
        """Write one fact and its leaf, with a checkpoint if it is of a kind that is signed for; returns its seq."""
        seq = self._frontier.size + 1
        body = fact_body(seq, at, kind, {**fields, "message_id": message_id})
        salt = os.urandom(SALT_BYTES)
        committed = commitment(salt, body)
        stored_id = id_bytes(message_id) if message_id else None
        self.execute(
            "INSERT INTO fact (seq, at, kind, message_id, commitment, salt, body, tag_salt) VALUES (?,?,?,?,?,?,?,?)",
            (seq, at, kind.value, stored_id, committed, salt, body, tag_salt),
        )
        for level, root in enumerate(self._frontier.append(leaf_hash(committed)), start=1):
            tile = (level, seq // TILE_WIDTH**level - 1, root)
            self.execute("INSERT INTO tile (level, idx, root) VALUES (?,?,?)", tile)
        if kind in SIGNED_FACTS:
            self.sign()
        return seq

    def sign(self) -> str:
        """Sign a checkpoint of all facts so far and, unless it is the one before or of nothing, store it."""
        size = self._frontier.size
        signed = note.sign(note.Checkpoint(self._origin, size, self._frontier.root()).text(), self._signer)
        if size > self._signed_size:
            self.execute(
                "INSERT INTO checkpoint (size, note, frontier) VALUES (?,?,?)", (size, signed, self._frontier.pack())
            )
            self._signed_size = size
        return signed

    def require_room(self, count: int) -> None:
        """Raises Deferred("queue_full") if so many more records would be too many to be due."""
        if self._open_records + count > self._limits.max_open_records:
            raise Deferred("queue_full", retry_after=QUEUE_FULL_SECONDS)

    def insert(self, seq: int, work: Work, *, now: float) -> None:
        """The row of a message that was recorded just now, as fact `seq`; what is open of it is due at once."""
        self.execute(_INSERT, {**work.row(), "seq": seq, "next_at": now if work.open else None})
        self._open_records += len(work.open)
        self._remember(work)

    def work(self, message_id: str) -> Work:
        """The message as its facts tell it. Raises Refused("unknown_message")."""
        work = self._works.get(message_id) or read_work(self.connection, id_sought(message_id))
        if work is None:
            raise Refused("unknown_message")
        return work

    def attempt(self, work: Work, fields: Mapping[str, Any], *, at: str) -> None:
        """Write the fact of an attempt; nothing that is due changes by it."""
        self.append(FactKind.DELIVERY_ATTEMPTED, fields, at=at, message_id=work.message_id)
        work.apply(FactKind.DELIVERY_ATTEMPTED, fields)

    def tell(
        self, work: Work, kind: FactKind, fields: Mapping[str, Any], *, at: str, next_at: float | None = None
    ) -> int:
        """Write a fact that changes what is due of this message, and bring its row after it.

        What stays open is due at `next_at`, or when it was. Returns how often the source was to hear how it ended.
        """
        open_before, asked_before = len(work.open), work.asked
        self.append(kind, fields, at=at, message_id=work.message_id)
        work.apply(kind, fields)
        left = len(work.open), len(work.dead), work.asked - asked_before
        row = (*left, next_at, work.stored_id, int(work.held), at if work.kept else None, self._kept_until(work, at))
        asked: int = self.execute(_UPDATE, row).fetchone()[0]
        self._open_records += len(work.open) - open_before
        if not work.open:
            self._forget(work.message_id)
        return asked

    def _kept_until(self, work: Work, at: str) -> str | None:
        """If it ends now: later routes may shorten that, and taking its route away does not lengthen it."""
        keep = self.keeps.get(work.header["route"]) if work.header and work.kept else None
        return stamp(datetime.fromisoformat(at) + timedelta(seconds=keep)) if keep is not None else None

    def seq(self, message_id: str) -> int:
        """The seq of a message's recording fact. Raises Refused("unknown_message")."""
        row = self.execute("SELECT seq FROM message WHERE id = ?", (id_sought(message_id),)).fetchone()
        if row is None:
            raise Refused("unknown_message")
        return int(row[0])

    def _remember(self, work: Work) -> None:
        """What was written just now need not be read back, for most of it ends soon; what has waited longest must."""
        if work.open:
            self._works[work.message_id] = work
            self._weight += _weight(work)
        while self._weight > REMEMBERED:
            self._forget(next(iter(self._works)))

    def _forget(self, message_id: str) -> None:
        if (work := self._works.pop(message_id, None)) is not None:
            self._weight -= _weight(work)

    def _read_data_version(self) -> int:
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])


def _weight(work: Work) -> int:
    return 1 + work.size // RECORDS_TO_ONE


_INSERT: Final = (
    "INSERT INTO message"
    " (seq, id, source, route, request_key, body_tag, answers, open, dead, held, settle_asked, next_at) VALUES"
    " (:seq, :id, :source, :route, :request_key, :body_tag, :answers, :open, :dead, :held, :settle_asked, :next_at)"
)
_UPDATE: Final = (
    "UPDATE message SET open = ?1, dead = ?2, held = ?6, settle_asked = settle_asked + ?3,"
    " next_at = CASE WHEN ?1 = 0 THEN NULL ELSE coalesce(?4, next_at) END,"
    " ended_at = ?7, kept_until = ?8 WHERE id = ?5 RETURNING settle_asked"
)
