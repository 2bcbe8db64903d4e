"""Turns a permitted message into one fact and what is due for it. Nothing of it is there unless all of it is."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.errors import Refused
from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.hold import CODE
from gateway.hub.journal.outcomes import ranges
from gateway.hub.journal.store import id_bytes, id_text
from gateway.hub.journal.transaction import Transaction
from gateway.hub.journal.work import Work, read_work
from gateway.messages import Header, MessageKind, Permitted, Recorded, Statement, Tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """All that the transaction needs of a permitted message, worked out before it starts: `fields` are its fact's."""

    named: Header | Statement
    work: Work
    packed: bytes | None
    tags: Tags | None
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
    _check_indices(header, statement)
    if header:
        _check_tags(header, sealed.tags)
    fields: dict[str, Any] = {}
    packed = sealed.envelope.pack() if sealed.envelope else None
    if sealed.envelope and packed:
        fields["header"] = msgspec.json.decode(sealed.envelope.header)
        fields["envelope"] = hashlib.sha256(packed).hexdigest()
    if sealed.statement:
        fields["statement"] = msgspec.json.decode(sealed.statement.statement)
        fields["statement_signature"] = sealed.statement.signature.hex()
    return Entry(
        named=named,
        work=Work(fields),
        packed=packed,
        tags=sealed.tags if header else None,
        fields=fields,
    )


def record(transaction: Transaction, entry: Entry, *, at: str, now: float, goes: bool, held: bool = False) -> Recorded:
    """Record the message, or find that it had been; if it `goes` at once, its first attempt too, if it is `held` the
    hold. Raises Refused or Deferred("queue_full").
    """
    first, same = _first(transaction, entry.named)
    if first is not None:
        if not same:
            raise Refused("request_key_reused")
        return _repeated(transaction, entry.named, first, at=at)
    message_id = entry.work.message_id
    if transaction.execute("SELECT 1 FROM message WHERE id = ?", (id_bytes(message_id),)).fetchone():
        raise Refused("message_id_reused")
    if entry.work.kind is MessageKind.REPLY:
        # A reply is let in even when the queue is full: only so can the request that it ends leave the queue.
        _check_answer(transaction, entry.named)
    else:
        transaction.require_room(len(entry.work.open))
    seq = transaction.append(
        FactKind.MESSAGE_RECORDED,
        entry.fields,
        at=at,
        message_id=message_id,
        tag_salt=entry.tags.salt if entry.tags else None,
    )
    transaction.insert(seq, entry.work, now=now)
    _keep(transaction, seq, entry)
    if held:
        place_hold(transaction, entry.work, at=at)
    elif goes:
        transaction.attempt(entry.work, {"attempt": 1, "records": ranges(sorted(entry.work.open))}, at=at)
    return Recorded(message_id, repeated=False, seq=seq)


def place_hold(transaction: Transaction, work: Work, *, at: str) -> None:
    """What is open of it is not due until two people have released it."""
    transaction.tell(work, FactKind.HOLD_PLACED, {"code": CODE}, at=at)


def repeat(transaction: Transaction, named: Header | Statement, *, at: str) -> Recorded | None:
    """The first answer, if this request key of this source came before with this body; None if not."""
    first, same = _first(transaction, named)
    return _repeated(transaction, named, first, at=at) if first is not None and same else None


def stated(transaction: Transaction, kind: FactKind, body: Mapping[str, Any], *, at: str, message_id: str) -> Recorded:
    """What an edge states besides its messages, a whole refusal or a noted act: a fact with nothing due.

    Raises Refused("message_id_reused"): it is no word about another's message.
    """
    if transaction.execute("SELECT 1 FROM message WHERE id = ?", (id_bytes(message_id),)).fetchone():
        raise Refused("message_id_reused")
    return Recorded(message_id, repeated=False, seq=transaction.append(kind, body, at=at, message_id=message_id))


def _check_indices(header: Header | None, statement: Statement | None) -> None:
    """An index names one record: in order among the sealed, and not refused at the same time."""
    sealed = [index for index, _, _ in header.records] if header else []
    refused = [index for index, _, _ in statement.records] if statement else []
    if sealed != sorted(set(sealed)) or len({*sealed, *refused}) != len(sealed) + len(refused):
        raise Refused("header_mismatch")
    if min([*sealed, *refused], default=0) < 0:
        raise Refused("header_mismatch")


def _check_tags(header: Header, tags: Tags | None) -> None:
    """Of the one size, so that nothing else is kept beside a fact, and those that the header commits to."""
    if tags is None or not tags.sound(len(header.records)) or tags.digest() != header.tags_digest:
        raise Refused("bad_tags")


def _source(named: Header | Statement) -> str:
    return named.source if isinstance(named, Header) else named.connector


def _first(transaction: Transaction, named: Header | Statement) -> tuple[tuple[int, bytes] | None, bool]:
    """Seq and id of the message that had this source's request key before, and whether its body was the same."""
    if named.request_key is None:
        return None, False
    row = transaction.execute(
        "SELECT seq, id, body_tag FROM message WHERE source = ? AND request_key = ?",
        (_source(named), bytes.fromhex(named.request_key)),
    ).fetchone()
    if row is None:
        return None, False
    return (row[0], row[1]), row[2] == (bytes.fromhex(named.body_tag) if named.body_tag else None)


def _repeated(transaction: Transaction, named: Header | Statement, first: tuple[int, bytes], *, at: str) -> Recorded:
    """It came again: a fact, and if the message has ended, its settlement is due once more."""
    seq, first_id = first[0], id_text(first[1])
    told: dict[str, Any] = {
        "repeat": named.message_id,
        "connector": _source(named),
        "client_certificate": named.client_certificate,
    }
    if isinstance(named, Header):
        told["attestations"] = msgspec.to_builtins(named.attestations)
    transaction.append(FactKind.MESSAGE_REPEATED, told, at=at, message_id=first_id)
    transaction.execute(
        "UPDATE message SET settle_asked = settle_asked + 1 WHERE seq = ? AND open = 0 AND answers IS NULL", (seq,)
    )
    return Recorded(first_id, repeated=True, seq=seq)


def _check_answer(transaction: Transaction, reply: Header | Statement) -> None:
    """A reply is to an open request, from where that went, and answers it once. Raises Refused("no_open_request")."""
    if not isinstance(reply, Header) or reply.correlation_id is None:
        raise Refused("no_open_request")
    request_id = id_bytes(reply.correlation_id)
    request = read_work(transaction.connection, request_id)
    if request is None or request.header is None or request.kind is not MessageKind.REQUEST or not request.open:
        raise Refused("no_open_request")
    if (request.source, request.header["destination"]) != (reply.destination, reply.source):
        raise Refused("no_open_request")
    if transaction.execute("SELECT 1 FROM message WHERE answers = ?", (request_id,)).fetchone():
        raise Refused("no_open_request")


def _keep(transaction: Transaction, seq: int, entry: Entry) -> None:
    """The envelope, and the person tags beside the fact."""
    if entry.packed is not None:
        transaction.execute("INSERT INTO envelope (message, packed) VALUES (?,?)", (seq, entry.packed))
    if entry.tags is not None:
        rows = [(seq, index, tag) for index, tag in zip(entry.work.open, entry.tags.tags, strict=True)]
        transaction.executemany("INSERT INTO tag (seq, idx, tag) VALUES (?,?,?)", rows)
