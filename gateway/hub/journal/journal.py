"""One tenant's journal: the central log, the envelopes, and what is due, changed only by the operations below.

Every operation that changes something is one write. It shares a transaction with others, and returns when the writer's
thread has committed that. Times come in as arguments; the journal has no clock. Once a file or fact of the journal is
found changed from outside, or cannot be written, it stays broken until it is reopened: every call raises
Deferred("log_unavailable"), and `health` says why.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from gateway.errors import Deferred
from gateway.hub.journal import delivering, finding, reading
from gateway.hub.journal.acts import acts
from gateway.hub.journal.delivering import Conclusion, Revived
from gateway.hub.journal.facts import DELIVERY_FACTS, Altered, FactKind
from gateway.hub.journal.finding import Found
from gateway.hub.journal.following import Following
from gateway.hub.journal.holds import Holds
from gateway.hub.journal.opening import open_files
from gateway.hub.journal.proofs import Proofs
from gateway.hub.journal.reading import FIRST, DueMessage, DueSettlement, MessageStatus, Outdated
from gateway.hub.journal.recording import entry, record, repeat, stated
from gateway.hub.journal.refusals import refusals
from gateway.hub.journal.retention import Retention
from gateway.hub.journal.store import id_sought
from gateway.hub.journal.transaction import JournalLimits, Transaction
from gateway.hub.journal.undisclosed import undisclosed
from gateway.hub.journal.writer import Writer
from gateway.messages import Envelope, Header, Permitted, Recorded, RecordOutcome, Statement
from gateway.tlog import note

T = TypeVar("T")
LARGE: Final = 64
"""From how many records on a write is a matter for the writer's thread."""


class Journal:
    """Made by `open`. Call it from one event loop; every write is durable when its await returns."""

    def __init__(
        self, path: Path, tenant: str, writer: Writer, reader: sqlite3.Connection, resources: ExitStack
    ) -> None:
        self.path = path
        self._tenant = tenant
        self._writer = writer
        self._connection = reader
        self._resources = resources
        self.holds = Holds(tenant, writer.commit, self._read)
        self.proofs = Proofs(writer.commit, self._read, writer.break_off)
        self.retention = Retention(path, writer.commit, self._read, writer.shorten, lambda: writer.unswept)
        self.following = Following(self._read, lambda: writer.acknowledged.size)

    @classmethod
    def open(cls, path: Path, *, tenant: str, origin: str, signer: note.Signer, limits: JournalLimits) -> Self:
        """Open or create the file, verify it from the last checkpoint on, and hold what is due against the facts.

        Raises Misconfigured if the log or its work list was altered (naming the fact or message), is another tenant's,
        is in use, or cannot be opened.
        """
        return cls(path, tenant, *open_files(path, tenant=tenant, origin=origin, signer=signer, limits=limits))

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

    def keep(self, seconds: Mapping[str, float]) -> None:
        """How long the envelope of what ends from now on is kept, in seconds by route, where it says so."""
        self._writer.keep(seconds)

    # ---- writes -----------------------------------------------------------------------------------------------------

    async def record(
        self, permitted: Permitted, *, at: str, now: float, goes: bool = False, held: bool = False
    ) -> Recorded:
        """Record a message; it is due at once, or if `held` when people have released it. `now` is in epoch seconds. If
        it `goes` at once, its first attempt is recorded with it, as `attempted` would: it is to be handed over when
        this returns, unless it is a repeat.

        The same request key of the same source with the same body gives the first answer again, and if that message
        has ended, its settlement is due once more. Raises Refused (request_key_reused, message_id_reused, bad_tags,
        header_mismatch, no_open_request), Deferred (queue_full, log_unavailable).
        """
        prepared = entry(permitted)
        write = partial(record, entry=prepared, at=at, now=now, goes=goes, held=held)
        return await self._writer.commit(write, large=prepared.work.size > LARGE)

    async def repeat(self, named: Header | Statement, *, at: str) -> Recorded | None:
        """The first answer, if the same request key of the same source came before with the same body; else None.

        For a message that today's rules refuse: what was answered once is answered so again, and that is a fact.
        """
        return await self._writer.commit(partial(repeat, named=named, at=at))

    async def fact(
        self,
        kind: FactKind | str,
        body: Mapping[str, Any],
        *,
        at: str,
        message_id: str | None = None,
        check: Callable[[sqlite3.Connection], None] | None = None,
    ) -> int:
        """Write a fact that changes nothing that is due; returns its seq. `body` is plain JSON without any value.

        `check` is asked inside the write, and sees all that stands before it: what it raises is not written.
        """
        (seq,) = await self.facts([(FactKind(kind), body)], at=at, message_id=message_id, check=check)
        return seq

    async def facts(
        self,
        some: Sequence[tuple[FactKind, Mapping[str, Any]]],
        *,
        at: str,
        message_id: str | None = None,
        check: Callable[[sqlite3.Connection], None] | None = None,
    ) -> list[int]:
        """As `fact`, for facts that come together, one right behind the other, or not at all; returns their seqs."""
        if wrong := [kind for kind, _ in some if kind in DELIVERY_FACTS]:
            raise ValueError(f"{wrong[0]} is written by the operation that it tells of")

        def write(transaction: Transaction) -> list[int]:
            if check is not None:
                check(transaction.connection)
            return [transaction.append(kind, body, at=at, message_id=message_id) for kind, body in some]

        return await self._writer.commit(write)

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
        reply_goes: bool = False,
    ) -> Conclusion:
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
                reply_goes=reply_goes,
                now=now,
                tenant=self._tenant,
            ),
            large=len(outcomes) > LARGE,
        )

    async def settled(self, message_id: str, due: int | None = None) -> None:
        """The source has heard how the message ended.

        `due` is that of the DueSettlement it heard: if the source sent the message once more meanwhile, it stays due.
        Without it, whatever is due is done. It is not hurried: who heard may hear once more.
        """
        await self._writer.commit(partial(delivering.settled, message_id=message_id, due=due), lazy=True)

    async def revive(self, message_id: str, *, at: str, now: float, operator: str, held: bool = False) -> Revived:
        """Make dead records due again; what is to be `held` and was never released is held, and not due.

        Raises Refused (unknown_message; not_replayable if none is dead; send_anew if the envelope is gone; not_ended if
        it is to be held while others of its records are due) or Deferred("queue_full").
        """
        return await self._writer.commit(
            partial(delivering.revive, message_id=message_id, at=at, now=now, operator=operator, held=held)
        )

    async def unreplayable(self, message_id: str, *, at: str, operator: str) -> None:
        """Dead records may not be carried as they were sealed: the source is told to send them anew.

        Raises Refused (unknown_message, not_replayable).
        """
        await self._writer.commit(partial(delivering.unreplayable, message_id=message_id, at=at, operator=operator))

    async def delete_envelope(self, message_id: str, *, at: str) -> None:
        """Keep the envelope of a message that has ended no more. Raises Refused (unknown_message, not_ended,
        under_investigation).
        """
        await self._writer.commit(partial(delivering.delete_envelope, message_id=message_id, at=at))

    async def checkpoint(self) -> str:
        """Sign a checkpoint of all facts so far, beside those that the limits bring about; returns the note."""
        return await self._writer.commit(Transaction.sign)

    # ---- reads: quick, of what is committed -------------------------------------------------------------------------

    def open_messages(self) -> Iterator[DueMessage]:
        """Messages with records that have not ended and are not held, by seq."""
        messages = reading.open_messages(self._connection)
        while (each := self._read(lambda _: next(messages, None))) is not None:
            yield each

    def deaf(self) -> list[str]:
        """The sources that are to hear how a message of theirs has ended."""
        return self._read(reading.deaf)

    def unheard(self, source: str, after: int) -> list[tuple[int, str]]:
        """Seq and id of the next few messages of which this source is to hear, behind that seq."""
        return self._read(partial(reading.unheard, source=source, after=after))

    def settlement(self, message_id: str) -> DueSettlement | None:
        """How this message ended, for its source to hear; None if there is nothing to hear now."""
        return self._read(partial(reading.settlement, message_id=message_id, tenant=self._tenant))

    def envelope(self, message_id: str) -> Envelope | None:
        """The message's envelope, while it is kept. Raises Refused("bad_envelope") if it is not the recorded one."""
        return self._read(lambda connection: reading.envelope(connection, message_id))

    def outdated(self, route: str, ended_before: str, after: Outdated = FIRST) -> list[Outdated]:
        """The next few messages of a route that ended before that time and whose envelopes are kept."""
        return self._read(partial(reading.outdated, route=route, ended_before=ended_before, after=after))

    def kept_too_long(self, now: str, after: Outdated = FIRST) -> list[Outdated]:
        """The next few messages whose envelopes were to be kept until before that time, as `keep` said at their end."""
        return self._read(partial(reading.kept_too_long, now=now, after=after))

    def message(self, message_id: str) -> MessageStatus | None:
        """The message as it stands."""
        return self._read(lambda connection: reading.message(connection, message_id))

    def trace(self, message_id: str) -> list[dict[str, Any]]:
        """All facts of this message, in order."""
        return self._read(lambda connection: reading.trace(connection, message_id))

    def undisclosed(self, message_id: str) -> bool:
        """Whether the exchange that this message is of is not to be disclosed."""
        return self._read(lambda connection: undisclosed(connection, id_sought(message_id)))

    def last(self, kind: FactKind) -> dict[str, Any] | None:
        """The last fact of this kind that is of no message, and not at an edge process's word."""
        return self._read(partial(reading.last, kind=kind.value))

    def told(self, kinds: Sequence[FactKind], *, after: int = 0) -> list[tuple[int, FactKind, dict[str, Any]]]:
        """Seq, kind and body of the facts of these kinds that are of no message, behind that seq, in order."""
        return self._read(partial(reading.told, kinds=kinds, after=after))

    def acts(self, after: tuple[str, int], until: str) -> list[dict[str, Any]]:
        """The next few facts of what persons did, by time, behind that time and seq and before `until`, as plain JSON;
        those about what is not to be disclosed are marked `undisclosed`.
        """
        return self._read(partial(acts, after=after, until=until))

    def dead_letters(self, *, every: bool = False) -> list[dict[str, Any]]:
        """Messages with dead records that wait for a decision, by seq, as plain JSON; with `every` also the others:
        those whose source was told to send them anew.
        """
        return self._read(partial(reading.dead_letters, every=every))

    def refusals(self, before: int | None = None) -> tuple[list[dict[str, Any]], int]:
        """The facts with refusals among the last few before that seq, newest first, as plain JSON, and the seq of the
        oldest that was looked at: from there the next call goes on, until it is 1.
        """
        return self._read(partial(refusals, before=before))

    def found(self, seqs: Sequence[int], tags: Mapping[str, frozenset[bytes]] | None = None) -> list[Found]:
        """The facts of these seqs that are there still; with `tags`, by month, those beside which one of them is."""
        return self._read(partial(finding.found, seqs=seqs, tags=tags))

    def tagged_records(self, seq: int, tags: frozenset[bytes]) -> frozenset[int]:
        """Which records of the message that this fact recorded have one of these tags."""
        return self._read(partial(finding.tagged_records, seq=seq, tags=tags))

    def within(self, seqs: Sequence[int], since: str, until: str) -> list[int]:
        """Those of these many seqs, all near each other, whose facts are from `since` on and before `until`."""
        return self._read(partial(finding.within, seqs=seqs, since=since, until=until))

    def of_message(self, message_id: str) -> list[int]:
        """The seqs of all facts of this message, in order."""
        return self._read(partial(finding.of_message, message_id=message_id))

    def open_records(self) -> int:
        """How many records have not ended."""
        return self._read(reading.open_records)

    def size_and_root(self) -> tuple[int, bytes]:
        """The log's size and root, as far as it is acknowledged."""
        frontier = self._writer.acknowledged
        return frontier.size, frontier.root()

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """One moment of the journal: rows and facts are read together."""
        self._writer.require_whole()
        try:
            self._connection.execute("BEGIN")
            try:
                return query(self._connection)
            finally:
                self._connection.execute("COMMIT")
        except (sqlite3.Error, Altered) as error:
            self._writer.break_off(error)
            raise Deferred("log_unavailable") from None
