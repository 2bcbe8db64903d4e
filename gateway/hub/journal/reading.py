"""What the journal answers about its messages: quick reads of what is committed, on a connection that cannot write.

The rows of `message` find what is due; what is said of it comes from its facts.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from gateway.errors import Refused
from gateway.hub.journal.facts import Altered, FactKind, commitment
from gateway.hub.journal.outcomes import group
from gateway.hub.journal.store import id_sought, id_text
from gateway.hub.journal.undisclosed import undisclosed
from gateway.hub.journal.work import read_work
from gateway.messages import Ending, Envelope, MessageKind, RecordOutcome, Settled

_BATCH: Final = 256
UNHEARD: Final = 256
"""How many messages of a source `unheard` tells at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMessage:
    """A message with records that have not ended, as (index, lane). `next_at` is in epoch seconds."""

    message_id: str
    seq: int
    kind: MessageKind
    source: str
    destination: str
    attempt: int
    next_at: float | None
    records: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class DueSettlement(Settled):
    """A settlement that the source is to hear. `due` says which of several: give it back to `Journal.settled`."""

    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStatus:
    """One message as it stands."""

    message_id: str
    seq: int
    kind: MessageKind
    source: str
    client_certificate: str | None
    ended: bool
    outcomes: tuple[RecordOutcome, ...]
    open_records: int
    reply_id: str | None
    settlement_due: bool


def open_messages(connection: sqlite3.Connection) -> Iterator[DueMessage]:
    """By seq. Read in batches: no transaction stays open between two messages, and memory does not grow."""
    after = 0
    while rows := connection.execute(_OPEN, (after, _BATCH)).fetchall():
        for seq, stored_id, next_at in rows:
            work = read_work(connection, stored_id)
            if work is None or work.header is None or not work.open or work.held:
                continue  # it ended between the two reads
            yield DueMessage(
                message_id=work.message_id,
                seq=seq,
                kind=work.kind,
                source=work.source,
                destination=work.destination,
                attempt=work.attempt,
                next_at=next_at,
                records=tuple(sorted(work.open.items())),
            )
        after = rows[-1][0]


def deaf(connection: sqlite3.Connection) -> list[str]:
    """The sources that are to hear how a message of theirs has ended."""
    found: list[str] = []
    while row := connection.execute(_NEXT_SOURCE, (found[-1] if found else "",)).fetchone():
        found.append(row[0])
    return found


def unheard(connection: sqlite3.Connection, source: str, after: int) -> list[tuple[int, str]]:
    """Seq and id of the next messages of this source that have ended and of which it is to hear, by seq."""
    return [(seq, id_text(found)) for seq, found in connection.execute(_UNHEARD, (source, after, UNHEARD))]


class Outdated(NamedTuple):
    """A message whose envelope is to be kept no more. `time` and `seq` are its place among such."""

    message_id: str
    time: str
    seq: int


FIRST: Final = Outdated("", "", 0)
"""Before all others."""


def outdated(connection: sqlite3.Connection, route: str, ended_before: str, after: Outdated) -> list[Outdated]:
    """The next few messages of a route that ended before that time and whose envelopes are kept, oldest first."""
    rows = connection.execute(_OUTDATED, (route, ended_before, after.time, after.seq, _BATCH))
    return [Outdated(id_text(found), time, seq) for found, time, seq in rows]


def kept_too_long(connection: sqlite3.Connection, now: str, after: Outdated) -> list[Outdated]:
    """The next few messages whose envelopes were to be kept until before that time, whatever their routes are now."""
    rows = connection.execute(_KEPT, (now, after.time, after.seq, _BATCH))
    return [Outdated(id_text(found), time, seq) for found, time, seq in rows]


def settlement(connection: sqlite3.Connection, message_id: str, tenant: str) -> DueSettlement | None:
    """How the message ended, for its source to hear; None if there is nothing to hear now. Raises Altered."""
    row = connection.execute(_SETTLEMENT, (id_sought(message_id),)).fetchone()
    if row is None:
        return None
    seq, due = row
    work = read_work(connection, id_sought(message_id))
    if work is None or work.open:
        raise Altered(seq, f"the work list contradicts the log: message {message_id} has not ended by its facts")
    return DueSettlement(tenant, work.source, message_id, work.outcomes, due)


def envelope(connection: sqlite3.Connection, message_id: str) -> Envelope | None:
    """The message's envelope, while it is kept. Raises Refused("bad_envelope") if it is not the one in its fact."""
    row = connection.execute(_ENVELOPE, (id_sought(message_id),)).fetchone()
    work = read_work(connection, id_sought(message_id)) if row else None
    if row is None or work is None:
        return None
    if not isinstance(row[0], bytes) or hashlib.sha256(row[0]).hexdigest() != work.envelope:
        raise Refused("bad_envelope")
    return Envelope.unpack(row[0])


def message(connection: sqlite3.Connection, message_id: str) -> MessageStatus | None:
    """The message as it stands; None if there is none of this id."""
    row = connection.execute(_STATUS, (id_sought(message_id),)).fetchone()
    work = read_work(connection, id_sought(message_id)) if row else None
    if row is None or work is None:
        return None
    seq, settlement_due, reply_id = row
    if reply_id is not None and not (isinstance(reply_id, bytes) and len(reply_id) == 16):
        raise Altered(seq, f"the work list contradicts the log: the reply to message {message_id} has no id")
    return MessageStatus(
        message_id=message_id,
        seq=seq,
        kind=work.kind,
        source=work.source,
        client_certificate=work.client_certificate,
        ended=not work.open,
        outcomes=work.outcomes,
        open_records=len(work.open),
        reply_id=id_text(reply_id) if reply_id else None,
        settlement_due=bool(settlement_due),
    )


def trace(connection: sqlite3.Connection, message_id: str) -> list[dict[str, Any]]:
    """The bodies of all facts of this message, in their order. Raises Altered."""
    rows = connection.execute(
        "SELECT seq, body FROM fact WHERE message_id = ? AND body IS NOT NULL ORDER BY seq", (id_sought(message_id),)
    )
    return [_body(*row) for row in rows]


def last(connection: sqlite3.Connection, kind: str) -> dict[str, Any] | None:
    """The body of the last fact of this kind that is of no message, nor at an edge process's word. Raises Altered."""
    row = connection.execute(_LAST, (kind,)).fetchone()
    return _body(*row) if row else None


def told(
    connection: sqlite3.Connection, kinds: Sequence[FactKind], after: int
) -> list[tuple[int, FactKind, dict[str, Any]]]:
    """Seq, kind and body of the facts of these kinds that are of no message, behind that seq, in order; each held
    against its commitment. Raises Altered.
    """
    rows = connection.execute(_TOLD.format(", ".join("?" * len(kinds))), (*kinds, after))
    return [(row[0], FactKind(row[1]), whole(*row)) for row in rows]


def whole(seq: int, kind: str, kept: bytes, salt: Any, body: Any) -> dict[str, Any]:
    """The fact of this row, held against its commitment. Raises Altered."""
    if not (isinstance(salt, bytes) and isinstance(body, bytes)) or commitment(salt, body) != kept:
        raise Altered(seq, f"fact {seq} is altered: its salt and body do not give its commitment")
    fact = _body(seq, body)
    if fact["kind"] != kind:
        raise Altered(seq, f"fact {seq} is altered: its columns contradict its body")
    return fact


def _body(seq: int, body: Any) -> dict[str, Any]:
    try:
        fact: dict[str, Any] = json.loads(body)
    except (ValueError, TypeError):
        raise Altered(seq, f"fact {seq} is altered: its body is not a fact's") from None
    return fact


def open_records(connection: sqlite3.Connection) -> int:
    """How many records have not ended."""
    count: int = connection.execute(_OPEN_RECORDS).fetchone()[0]
    return count


def dead_letters(connection: sqlite3.Connection, *, every: bool) -> list[dict[str, Any]]:
    """By seq: messages with dead records, as plain JSON for an operator; `outcomes` are those of the dead alone.

    Without `every`, only records that wait for a decision: of what was answered `send_anew`, the source has heard.
    """
    rows = connection.execute("SELECT seq, id FROM message WHERE dead > 0 ORDER BY seq").fetchall()
    found = ((seq, read_work(connection, stored_id)) for seq, stored_id in rows)
    return [
        {
            "message_id": work.message_id,
            "seq": seq,
            "at": work.header["created_at"],
            "kind": FactKind.MESSAGE_RECORDED,
            "source": work.source,
            "destination": work.destination,
            "operation": work.header["operation"],
            "created_at": work.header["created_at"],
            "outcomes": group(dead),
            "undisclosed": undisclosed(connection, work.stored_id, work.header),
        }
        for seq, work in found
        if work and work.header
        if (dead := [each for each in work.outcomes if _is_dead(each, every=every)])
    ]


def _is_dead(outcome: RecordOutcome, *, every: bool) -> bool:
    return outcome.ending is Ending.DEAD and (every or outcome.code != "send_anew")


_OPEN: Final = "SELECT seq, id, next_at FROM message WHERE open > 0 AND held = 0 AND seq > ? ORDER BY seq LIMIT ?"
_OPEN_RECORDS: Final = "SELECT coalesce(sum(open), 0) FROM message WHERE open > 0"
_NEXT_SOURCE: Final = (
    "SELECT source FROM message WHERE open = 0 AND settle_asked > settle_told AND source > ? ORDER BY source LIMIT 1"
)
_UNHEARD: Final = (
    "SELECT seq, id FROM message WHERE open = 0 AND settle_asked > settle_told AND source = ? AND seq > ?"
    " ORDER BY seq LIMIT ?"
)
_SETTLEMENT: Final = "SELECT seq, settle_asked FROM message WHERE open = 0 AND settle_asked > settle_told AND id = ?"
_OUTDATED: Final = (
    "SELECT id, ended_at, seq FROM message WHERE route = ? AND ended_at < ? AND (ended_at, seq) > (?, ?)"
    " ORDER BY ended_at, seq LIMIT ?"
)
_KEPT: Final = (
    "SELECT id, kept_until, seq FROM message WHERE kept_until < ? AND (kept_until, seq) > (?, ?)"
    " ORDER BY kept_until, seq LIMIT ?"
)
_LAST: Final = (
    "SELECT seq, body FROM fact WHERE kind = ? AND message_id IS NULL AND body IS NOT NULL"
    " AND json_extract(CAST(body AS TEXT), '$.edge') IS NULL ORDER BY seq DESC LIMIT 1"
)
_TOLD: Final = (
    "SELECT seq, kind, commitment, salt, body FROM fact WHERE kind IN ({}) AND message_id IS NULL AND seq > ?"
    " ORDER BY seq"
)
_ENVELOPE: Final = "SELECT packed FROM envelope JOIN message ON message.seq = envelope.message WHERE id = ?"
_STATUS: Final = (
    "SELECT seq, open = 0 AND settle_asked > settle_told,"
    " (SELECT reply.id FROM message AS reply WHERE reply.answers = message.id) FROM message WHERE id = ?"
)
