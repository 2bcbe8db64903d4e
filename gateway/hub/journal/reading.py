"""What the journal answers about its messages: quick reads of what is committed, on a connection that cannot write."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gateway.hub.journal.outcomes import group, ungroup
from gateway.hub.journal.store import id_sought, id_text
from gateway.messages import Ending, Envelope, MessageKind, RecordOutcome, Settled

_BATCH: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMessage:
    """A message with records that have not ended, as (index, lane). `next_at` is in epoch seconds."""

    message_id: str
    seq: int
    kind: MessageKind
    source: str
    destination: str
    created_at: str
    expires_at: str
    attempt: int
    next_at: float | None
    records: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class DueSettlement(Settled):
    """A settlement that the source is to hear. `due` says which of several: give it back to `Journal.settled`."""

    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStatus:
    """One message as it stands. What a message of refused records alone never had is None."""

    message_id: str
    seq: int
    kind: MessageKind
    source: str
    source_operation: str | None
    destination: str | None
    operation: str | None
    route: str | None
    created_at: str
    expires_at: str | None
    ended: bool
    outcomes: tuple[RecordOutcome, ...]
    open_records: int
    attempt: int
    next_at: float | None
    correlation_id: str | None
    reply_id: str | None
    settlement_due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The journal in figures."""

    facts: int
    signed_facts: int
    open_messages: int
    open_records: int
    dead_messages: int
    settlements_due: int


def open_messages(connection: sqlite3.Connection) -> Iterator[DueMessage]:
    """By seq. Read in batches: no transaction stays open between two messages, and memory does not grow."""
    after = 0
    while messages := connection.execute(_OPEN, (after, _BATCH)).fetchall():
        seqs = [row[0] for row in messages]
        records: dict[int, list[tuple[int, int]]] = {seq: [] for seq in seqs}
        for seq, index, lane in connection.execute(_OPEN_RECORDS, (seqs[0], seqs[-1])):
            if seq in records:
                records[seq].append((index, lane))
        for seq, stored_id, kind, source, destination, created_at, expires_at, attempt, next_at in messages:
            if not records[seq]:
                continue  # it ended between the two reads
            yield DueMessage(
                message_id=id_text(stored_id),
                seq=seq,
                kind=MessageKind(kind),
                source=source,
                destination=destination,
                created_at=created_at,
                expires_at=expires_at,
                attempt=attempt,
                next_at=next_at,
                records=tuple(records[seq]),
            )
        after = seqs[-1]


def settlements_due(connection: sqlite3.Connection, tenant: str) -> list[DueSettlement]:
    """By seq: messages whose every record has ended and whose source is still to hear of it."""
    rows = connection.execute(
        "SELECT source, id, outcomes, settle_asked FROM"
        " (SELECT *, row_number() OVER (PARTITION BY source ORDER BY seq) AS nth FROM message"
        " WHERE settle_asked > settle_told AND state = 'ended') WHERE nth <= ? ORDER BY seq",
        (_BATCH,),
    )
    return [
        DueSettlement(tenant, source, id_text(stored_id), ungroup(json.loads(outcomes)), due)
        for source, stored_id, outcomes, due in rows
    ]


def envelope(connection: sqlite3.Connection, message_id: str) -> Envelope | None:
    """The message's envelope, while it is kept."""
    row = connection.execute(
        "SELECT packed FROM envelope JOIN message ON message.seq = envelope.message WHERE id = ?",
        (id_sought(message_id),),
    ).fetchone()
    return Envelope.unpack(row[0]) if row else None


def message(connection: sqlite3.Connection, message_id: str) -> MessageStatus | None:
    """The message as it stands; None if there is none of this id."""
    cursor = connection.execute(_STATUS, (id_sought(message_id),))
    row = cursor.fetchone()
    if row is None:
        return None
    values: dict[str, Any] = dict(zip((column[0] for column in cursor.description), row, strict=True))
    for name in ("correlation_id", "reply_id"):
        values[name] = id_text(values[name]) if values[name] else None
    values["outcomes"] = ungroup(json.loads(values["outcomes"]))
    values["kind"] = MessageKind(values["kind"])
    for name in ("ended", "settlement_due"):
        values[name] = bool(values[name])
    return MessageStatus(message_id=id_text(values.pop("id")), **values)


def trace(connection: sqlite3.Connection, message_id: str) -> list[dict[str, Any]]:
    """The bodies of all facts of this message, in their order."""
    rows = connection.execute(
        "SELECT body FROM fact WHERE message_id = ? AND body IS NOT NULL ORDER BY seq", (id_sought(message_id),)
    )
    return [json.loads(body) for (body,) in rows]


def last(connection: sqlite3.Connection, kind: str) -> dict[str, Any] | None:
    """The body of the last fact of this kind, if there is one."""
    row = connection.execute(
        "SELECT body FROM fact WHERE kind = ? AND body IS NOT NULL ORDER BY seq DESC LIMIT 1", (kind,)
    ).fetchone()
    return json.loads(row[0]) if row else None


def dead_letters(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """By seq: messages with dead records, as plain JSON for an operator; `outcomes` are those of the dead alone."""
    rows = connection.execute(
        "SELECT id, seq, source, destination, operation, created_at, outcomes FROM message WHERE dead > 0 ORDER BY seq"
    )
    return [
        {
            "message_id": id_text(stored_id),
            "seq": seq,
            "source": source,
            "destination": destination,
            "operation": operation,
            "created_at": created_at,
            "outcomes": group(each for each in ungroup(json.loads(outcomes)) if each.ending is Ending.DEAD),
        }
        for stored_id, seq, source, destination, operation, created_at, outcomes in rows
    ]


def counts(connection: sqlite3.Connection) -> Counts:
    """Figures for metrics; each comes from an index or the end of a table."""
    return Counts(**dict(zip(_COUNTED, connection.execute(_COUNTS).fetchone(), strict=True)))


_OPEN: Final = (
    "SELECT seq, id, kind, source, destination, created_at, expires_at, attempt, next_at FROM message"
    " WHERE state = 'open' AND seq > ? ORDER BY seq LIMIT ?"
)
_OPEN_RECORDS: Final = "SELECT message, idx, lane FROM open_record WHERE message BETWEEN ? AND ? ORDER BY message, idx"
_STATUS: Final = (
    "SELECT id, seq, kind, source, source_operation, destination, operation, route, created_at, expires_at,"
    " state = 'ended' AS ended,"
    " outcomes, attempt, next_at, correlation_id, reply_id, settle_asked > settle_told AS settlement_due,"
    " (SELECT count(*) FROM open_record WHERE message = message.seq) AS open_records FROM message WHERE id = ?"
)
_COUNTED: Final = ("facts", "signed_facts", "open_messages", "open_records", "dead_messages", "settlements_due")
_COUNTS: Final = (
    "SELECT (SELECT coalesce(max(seq), 0) FROM fact),"
    " (SELECT coalesce(max(size), 0) FROM checkpoint),"
    " (SELECT count(*) FROM message WHERE state = 'open'),"
    " (SELECT count(*) FROM open_record),"
    " (SELECT count(*) FROM message WHERE dead > 0),"
    " (SELECT count(*) FROM message WHERE settle_asked > settle_told AND state = 'ended')"
)
