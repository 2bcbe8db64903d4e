"""One tenant's journal: the central log, the envelopes, and what is due, changed only by the operations below.

Every operation that changes something is one write of the writer thread and returns when it is durable. Times come in
as arguments; the journal has no clock. Once a file of the journal is found changed from outside, or cannot be written,
it stays broken until it is reopened: every call raises Deferred("log_unavailable"), and `health` says why.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from gateway.errors import Deferred, Misconfigured
from gateway.hub.journal import delivering, reading, store
from gateway.hub.journal.facts import DELIVERY_FACTS, FactKind
from gateway.hub.journal.reading import Counts, DueMessage, DueSettlement, MessageStatus
from gateway.hub.journal.recording import entry, record, stated
from gateway.hub.journal.sentinel import DATABASE_HEAD, WAL_HEAD, Sentinel
from gateway.hub.journal.transaction import JournalLimits, Transaction
from gateway.hub.journal.verify import Altered, resume
from gateway.hub.journal.writer import Writer
from gateway.keys import note
from gateway.messages import Envelope, Permitted, Recorded, RecordOutcome

T = TypeVar("T")


class Journal:
    """Made by `open`. Call it from one event loop; every write is durable when its await returns."""

    def __init__(self, tenant: str, writer: Writer, reader: sqlite3.Connection, resources: ExitStack) -> None:
        self._tenant = tenant
        self._writer = writer
        self._connection = reader
        self._resources = resources

    @classmethod
    def open(cls, path: Path, *, tenant: str, origin: str, signer: note.Signer, limits: JournalLimits) -> Self:
        """Open or create the file, and verify it from the last checkpoint on.

        Raises Misconfigured if the log was altered (naming the fact), is another tenant's, is in use, or cannot be
        opened.
        """
        with ExitStack() as resources:
            try:
                writer = _open(path, resources, tenant=tenant, origin=origin, signer=signer, limits=limits)
                reader = store.connect_reader(path)
            except BlockingIOError:
                raise Misconfigured([f"{path.name}: another gateway has this journal open"]) from None
            except (Altered, store.WrongStore) as error:
                raise Misconfigured([f"{path.name}: {error}"]) from None
            except sqlite3.Error as error:
                name = getattr(error, "sqlite_errorname", type(error).__name__)
                raise Misconfigured([f"{path.name}: the journal cannot be opened ({name})"]) from None
            except OSError as error:
                name = errno.errorcode.get(error.errno or 0, "input/output error")
                raise Misconfigured([f"{path.name}: the journal cannot be opened ({name})"]) from None
            return cls(tenant, writer, reader, resources.pop_all())

    def close(self) -> None:
        """Commit what waits, sign a last checkpoint, close the files. Blocks for that long; a second call does nothing.

        A broken journal signs nothing any more.
        """
        self._writer.stop()
        # SQLite's last connection moves the WAL into the database, without a look at its checksums. That saves what was
        # acknowledged when the WAL was deleted, and would spoil the database when the WAL was overwritten: then the
        # connection that cannot write is the last to close.
        if self._writer.intact:
            self._connection.close()
        self._resources.close()
        self._connection.close()

    def health(self) -> tuple[bool, str]:
        """Whether the journal can be written, and one sentence with the cause if not."""
        return self._writer.health()

    # ---- writes -----------------------------------------------------------------------------------------------------

    async def record(self, permitted: Permitted, *, at: str, now: float) -> Recorded:
        """Record a message; it is due at once. `now` is in epoch seconds.

        The same request key of the same source with the same body gives the first answer again, and if that message
        has ended, its settlement is due once more. Raises Refused (request_key_reused, message_id_reused, bad_tags,
        header_mismatch, no_open_request), Deferred (queue_full, log_unavailable).
        """
        return await self._writer.commit(partial(record, entry=entry(permitted), at=at, now=now))

    async def fact(
        self, kind: FactKind | str, body: Mapping[str, Any], *, at: str, message_id: str | None = None
    ) -> int:
        """Write a fact that changes nothing that is due; returns its seq. `body` is plain JSON without any value."""
        kind = FactKind(kind)
        if kind in DELIVERY_FACTS:
            raise ValueError(f"{kind} is written by the operation that it tells of")
        return await self._writer.commit(
            lambda transaction: transaction.append(kind, body, at=at, message_id=message_id)
        )

    async def state(self, kind: FactKind, body: Mapping[str, Any], *, at: str, message_id: str) -> Recorded:
        """Write what an edge stated besides its messages: a fact under an id of its own, with nothing due."""
        return await self._writer.commit(partial(stated, kind=kind, body=body, at=at, message_id=message_id))

    async def attempted(self, message_id: str, indices: Sequence[int], *, attempt: int, at: str) -> None:
        """To be called before these records are handed over. Raises Refused("unknown_message")."""
        await self._writer.commit(
            partial(delivering.attempted, message_id=message_id, indices=indices, attempt=attempt, at=at)
        )

    async def conclude(  # noqa: PLR0913  (each is one thing that an attempt comes to)
        self,
        message_id: str,
        outcomes: Sequence[RecordOutcome],
        *,
        attempt: int,
        next_at: float | None,
        at: str,
        now: float,
        reply: Permitted | None = None,
    ) -> Recorded | None:
        """What an attempt came to: ended records leave, deferred ones are due again at `next_at` (epoch seconds).

        When none is left, the message has ended and an event's or request's settlement is due. The first outcome of a
        record stands; later ones are ignored. A reply is recorded in the same transaction: if it is Refused, nothing
        is concluded, and the caller concludes without it. Raises as `record` does, and Refused("unknown_message").
        """
        prepared = entry(reply) if reply else None
        return await self._writer.commit(
            partial(
                delivering.conclude,
                message_id=message_id,
                outcomes=outcomes,
                attempt=attempt,
                next_at=next_at,
                at=at,
                reply=prepared,
                now=now,
            )
        )

    async def settled(self, message_id: str, due: int | None = None) -> None:
        """The source has heard how the message ended.

        `due` is that of the DueSettlement it heard: if the source sent the message once more meanwhile, it stays due.
        Without it, whatever is due is done.
        """
        await self._writer.commit(partial(delivering.settled, message_id=message_id, due=due))

    async def revive(self, message_id: str, *, at: str, now: float, operator: str) -> tuple[int, ...]:
        """Make dead records due again; returns their indices.

        Raises Refused (unknown_message; not_replayable if none is dead; send_anew if the envelope is gone) or
        Deferred("queue_full").
        """
        return await self._writer.commit(
            partial(delivering.revive, message_id=message_id, at=at, now=now, operator=operator)
        )

    async def unreplayable(self, message_id: str, *, at: str, operator: str) -> None:
        """Dead records may not be carried as they were sealed: the source is told to send them anew.

        Raises Refused (unknown_message, not_replayable).
        """
        await self._writer.commit(partial(delivering.unreplayable, message_id=message_id, at=at, operator=operator))

    async def checkpoint(self) -> str:
        """Sign a checkpoint of all facts so far, beside those that the limits bring about; returns the note."""
        return await self._writer.commit(Transaction.sign)

    # ---- reads: quick, of what is committed -------------------------------------------------------------------------

    def open_messages(self) -> Iterator[DueMessage]:
        """Messages with records that have not ended, by seq."""
        messages = reading.open_messages(self._connection)
        while (each := self._read(lambda _: next(messages, None))) is not None:
            yield each

    def settlements_due(self) -> list[DueSettlement]:
        """What sources are still to hear, by seq."""
        return self._read(lambda connection: reading.settlements_due(connection, self._tenant))

    def envelope(self, message_id: str) -> Envelope | None:
        """The message's envelope, while it is kept."""
        return self._read(lambda connection: reading.envelope(connection, message_id))

    def message(self, message_id: str) -> MessageStatus | None:
        """The message as it stands."""
        return self._read(lambda connection: reading.message(connection, message_id))

    def trace(self, message_id: str) -> list[dict[str, Any]]:
        """All facts of this message, in order."""
        return self._read(lambda connection: reading.trace(connection, message_id))

    def last(self, kind: FactKind) -> dict[str, Any] | None:
        """The last fact of this kind; a scan from the end of the log, for the small log of the system."""
        return self._read(partial(reading.last, kind=kind.value))

    def dead_letters(self) -> list[dict[str, Any]]:
        """Messages with dead records, by seq, as plain JSON."""
        return self._read(reading.dead_letters)

    def counts(self) -> Counts:
        """Figures for metrics."""
        return self._read(reading.counts)

    def size_and_root(self) -> tuple[int, bytes]:
        """The log's size and root, as far as it is acknowledged."""
        frontier = self._writer.acknowledged
        return frontier.size, frontier.root()

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        self._writer.require_whole()
        try:
            return query(self._connection)
        except sqlite3.Error as error:
            self._writer.break_off(error)
            raise Deferred("log_unavailable") from None


def _open(
    path: Path, resources: ExitStack, *, tenant: str, origin: str, signer: note.Signer, limits: JournalLimits
) -> Writer:
    """Lock, connect, verify, then start writing. `resources` gives everything back in the reverse order."""
    database = Sentinel(path, DATABASE_HEAD, create=True)
    resources.callback(database.close)
    database.lock()
    connection = store.connect_writer(path)
    resources.callback(connection.close)
    store.prepare(connection, tenant=tenant, origin=origin)
    frontier, signed_size = resume(connection, verifier=signer.verifier(), origin=origin)
    # What a crash left in the WAL is verified by now; from here on only we move it.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    wal = Sentinel(store.wal_of(path), WAL_HEAD)
    resources.callback(wal.close)
    _sync_directory(path.parent)
    database.remember()
    wal.remember(restarting=True)
    transaction = Transaction(
        connection, frontier=frontier, signed_size=signed_size, origin=origin, signer=signer, limits=limits
    )
    writer = Writer(transaction, database, wal, wal_bytes=limits.wal_bytes)
    resources.callback(writer.stop)
    return writer


def _sync_directory(directory: Path) -> None:
    """Make the new file's name durable; SQLite does so for its WAL only."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
