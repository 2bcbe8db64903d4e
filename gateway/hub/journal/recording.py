"""Turns a permitted message into one fact and what is due for it. Nothing of it is there unless all of it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.errors import Refused
from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.outcomes import group
from gateway.hub.journal.store import id_bytes, id_text
from gateway.hub.journal.transaction import Transaction
from gateway.messages import Ending, Header, MessageKind, Permitted, Recorded, RecordOutcome, Statement, Tags

TAG_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """All that the transaction needs of a permitted message, worked out before it starts.

    `records` are the sealed ones as (index, lane); `refused` those that the edge refused beside them.
    """

    message_id: str
    source: str
    header: Header | None
    statement: Statement | None
    packed: bytes | None
    tags: Tags | None
    records: tuple[tuple[int, int], ...]
    refused: tuple[RecordOutcome, ...]
    fields: Mapping[str, Any]


def entry(permitted: Permitted) -> Entry:
    """Check what needs no database. Raises Refused("bad_tags") or Refused("header_mismatch").

    A statement that refuses a whole arrival or notes an act is no message: it goes into the log as a fact of its own
    kind, and is a ValueError here.
    """
    header, statement, sealed = permitted.header, permitted.statement, permitted.sealed
    named: Header | Statement | None = header or statement
    if named is None or bool(header) != bool(sealed.envelope) or bool(statement) != bool(sealed.statement):
        raise ValueError("a permitted message has a header with its envelope, a statement with its bytes, or both")
    if header is None and statement and not statement.records:
        raise ValueError("a statement without records is not a message")
    if header and statement and header.message_id != statement.message_id:
        raise Refused("header_mismatch")
    records = tuple((index, lane) for index, _, lane in header.records) if header else ()
    listed = statement.records if statement else ()
    refused = tuple(RecordOutcome(index, Ending.REFUSED, code, path) for index, code, path in listed)
    _check_indices([index for index, _ in records], [each.index for each in refused])
    if header:
        _check_tags(header, sealed.tags)
    fields: dict[str, Any] = {}
    if sealed.envelope:
        fields["header"] = json.loads(sealed.envelope.header)
        fields["envelope"] = sealed.envelope.digest()
    if sealed.statement:
        fields["statement"] = json.loads(sealed.statement.statement)
        fields["statement_signature"] = sealed.statement.signature.hex()
    return Entry(
        message_id=named.message_id,
        source=header.source if header else statement.connector if statement else "",
        header=header,
        statement=statement,
        packed=sealed.envelope.pack() if sealed.envelope else None,
        tags=sealed.tags if header else None,
        records=records,
        refused=refused,
        fields=fields,
    )


def record(transaction: Transaction, entry: Entry, *, at: str, now: float) -> Recorded:
    """Record the message, or find that it had been. Raises Refused or Deferred("queue_full")."""
    first = _repeated(transaction, entry)
    if first is not None:
        told = {"repeat": entry.message_id, "connector": entry.source}
        transaction.append(FactKind.MESSAGE_REPEATED, told, at=at, message_id=first.message_id)
        return first
    stored_id = id_bytes(entry.message_id)
    if transaction.execute("SELECT 1 FROM message WHERE id = ?", (stored_id,)).fetchone():
        raise Refused("message_id_reused")
    reply = _kind(entry) is MessageKind.REPLY
    if reply:
        _answer(transaction, entry)
    seq = transaction.append(
        FactKind.MESSAGE_RECORDED,
        entry.fields,
        at=at,
        message_id=entry.message_id,
        tag_salt=entry.tags.salt if entry.tags else None,
    )
    _insert(transaction, seq, entry, at=at, now=now)
    # A reply is let in even when the queue is full: only so can the request that it ends leave the queue.
    transaction.open_records(seq, entry.records, limited=not reply)
    return Recorded(entry.message_id, repeated=False, seq=seq)


def stated(transaction: Transaction, kind: FactKind, body: Mapping[str, Any], *, at: str, message_id: str) -> Recorded:
    """What an edge states besides its messages, a whole refusal or a noted act: a fact with nothing due."""
    return Recorded(message_id, repeated=False, seq=transaction.append(kind, body, at=at, message_id=message_id))


def _check_indices(sealed: list[int], refused: list[int]) -> None:
    """An index names one record: in order among the sealed, and not refused at the same time."""
    if sealed != sorted(set(sealed)) or len({*sealed, *refused}) != len(sealed) + len(refused):
        raise Refused("header_mismatch")
    if min([*sealed, *refused], default=0) < 0:
        raise Refused("header_mismatch")


def _check_tags(header: Header, tags: Tags | None) -> None:
    if tags is None or len(tags.tags) != len(header.records) or any(len(tag) != TAG_BYTES for tag in tags.tags):
        raise Refused("bad_tags")
    if tags.digest() != header.tags_digest:
        raise Refused("bad_tags")


def _repeated(transaction: Transaction, entry: Entry) -> Recorded | None:
    """What this source's request key led to before, if it came before. Raises Refused("request_key_reused")."""
    request_key, body_tag = _request(entry)
    if request_key is None:
        return None
    row = transaction.execute(
        "SELECT seq, id, body_tag, state, kind FROM message WHERE source = ? AND request_key = ?",
        (entry.source, request_key),
    ).fetchone()
    if row is None:
        return None
    seq, first_id, first_tag, state, kind = row
    if first_tag != body_tag:
        raise Refused("request_key_reused")
    if state == "ended" and kind != MessageKind.REPLY:
        # Whoever sends again has perhaps not heard how it ended: tell once more.
        transaction.execute("UPDATE message SET settle_asked = settle_asked + 1 WHERE seq = ?", (seq,))
    return Recorded(id_text(first_id), repeated=True, seq=seq)


def _request(entry: Entry) -> tuple[bytes | None, bytes | None]:
    named = entry.header or entry.statement
    if named is None or named.request_key is None:
        return None, None
    return bytes.fromhex(named.request_key), bytes.fromhex(named.body_tag) if named.body_tag else None


def _kind(entry: Entry) -> MessageKind:
    """A message of refused records alone has no answer, so it counts as an event."""
    return MessageKind(entry.header.kind) if entry.header else MessageKind.EVENT


def _answer(transaction: Transaction, entry: Entry) -> None:
    """Tie a reply to its request, which it may answer once. Raises Refused("no_open_request")."""
    header = entry.header
    if header is None or header.correlation_id is None:
        raise Refused("no_open_request")
    answered = transaction.execute(
        "UPDATE message SET reply_id = ? WHERE id = ? AND kind = ? AND source = ? AND destination = ?"
        " AND reply_id IS NULL",
        (
            id_bytes(entry.message_id),
            id_bytes(header.correlation_id),
            MessageKind.REQUEST.value,
            header.destination,
            header.source,
        ),
    )
    if answered.rowcount != 1:
        raise Refused("no_open_request")


def _insert(transaction: Transaction, seq: int, entry: Entry, *, at: str, now: float) -> None:
    header, statement = entry.header, entry.statement
    request_key, body_tag = _request(entry)
    is_open = bool(entry.records)
    columns = {
        "seq": seq,
        "id": id_bytes(entry.message_id),
        "kind": _kind(entry).value,
        "source": entry.source,
        "source_operation": header.source_operation if header else statement.operation if statement else None,
        "destination": header.destination if header else None,
        "operation": header.operation if header else None,
        "route": header.route if header else None,
        "correlation_id": id_bytes(header.correlation_id) if header and header.correlation_id else None,
        "request_key": request_key,
        "body_tag": body_tag,
        "created_at": header.created_at if header else at,
        "expires_at": header.expires_at if header else None,
        "state": "open" if is_open else "ended",
        "outcomes": json.dumps(group(entry.refused)),
        "next_at": now if is_open else None,
        "settle_asked": 0 if is_open else 1,
    }
    transaction.execute(_INSERT_MESSAGE, columns)
    if entry.packed is not None:
        transaction.execute("INSERT INTO envelope (message, packed) VALUES (?,?)", (seq, entry.packed))
    if entry.tags is not None:
        rows = [(seq, index, tag) for (index, _), tag in zip(entry.records, entry.tags.tags, strict=True)]
        transaction.executemany("INSERT INTO tag (seq, idx, tag) VALUES (?,?,?)", rows)


_INSERT_MESSAGE: Final = (
    "INSERT INTO message (seq, id, kind, source, source_operation, destination, operation, route, correlation_id,"
    " request_key, body_tag, created_at, expires_at, state, outcomes, next_at, settle_asked)"
    " VALUES (:seq, :id, :kind, :source, :source_operation, :destination, :operation, :route, :correlation_id,"
    " :request_key, :body_tag, :created_at, :expires_at, :state, :outcomes, :next_at, :settle_asked)"
)
