"""Each fact by itself: in its place, in its one byte form, as its commitment says, with the tags of its header."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from gateway.errors import Refused
from gateway.hub.journal.facts import Altered, FactKind, commitment, fact_body
from gateway.hub.journal.store import id_bytes
from gateway.messages import decode_header, decode_statement, encode

_BATCH: Final = 200


class Fact(NamedTuple):
    """A row as it lies there: any column may hold anything."""

    seq: int
    at: Any
    kind: Any
    message_id: Any
    commitment: Any
    salt: Any
    body: Any
    tag_salt: Any


def facts(connection: sqlite3.Connection, first: int, total: int) -> Iterator[Fact]:
    """From `first` to `total`, in order and without a gap, each checked. Raises Altered."""
    expected = first
    while expected <= total:
        rows = connection.execute(_FACTS, (expected, total, _BATCH)).fetchall()
        for row in rows:
            fact = Fact(*row)
            if fact.seq != expected:
                raise Altered(expected, f"fact {expected} is missing")
            header = _check(fact)
            _check_tags(connection, fact, header)
            yield fact
            expected += 1
        if not rows:
            raise Altered(expected, f"fact {expected} is missing")


def check_stray(connection: sqlite3.Connection, total: int) -> None:
    """Nothing may stand before the first fact, nor tags beside no fact. Raises Altered."""
    if _count(connection, "SELECT count(*) FROM fact WHERE seq < 1"):
        raise Altered(1, "a fact stands before fact 1")
    if _count(connection, "SELECT count(*) FROM tag WHERE seq < 1"):
        raise Altered(1, "person tags stand before fact 1")
    # A running gateway may have gone on; then the rows beyond `total` have their facts.
    if _count(connection, "SELECT count(*) FROM tag WHERE seq > ? AND seq NOT IN (SELECT seq FROM fact)", total):
        raise Altered(total + 1, f"person tags stand after the last fact, {total}")


def _check(fact: Fact) -> Any:
    """Returns the header that the fact holds, if it holds one."""
    seq = fact.seq
    if not (isinstance(fact.commitment, bytes) and isinstance(fact.salt, bytes) and isinstance(fact.body, bytes)):
        raise Altered(seq, f"fact {seq} lacks its commitment, salt or body")
    if commitment(fact.salt, fact.body) != fact.commitment:
        raise Altered(seq, f"fact {seq} is altered: its salt and body do not give its commitment")
    try:
        body = json.loads(fact.body)
        kind = FactKind(body.pop("kind"))
        named, at = body.pop("seq"), body.pop("at")
        message_id = body.get("message_id")
        canonical = fact_body(named, at, kind, body)
        stored_id = id_bytes(message_id) if message_id is not None else None
        if kind is FactKind.MESSAGE_RECORDED:
            _check_form(body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Refused):
        raise Altered(seq, f"fact {seq} is altered: its body is not a fact's") from None
    if named != seq:
        raise Altered(seq, f"fact {seq} is out of order: in its place lies fact {named}")
    if canonical != fact.body:
        raise Altered(seq, f"fact {seq} is altered: its body is not in the one byte form")
    if (fact.at, fact.kind, fact.message_id) != (at, kind.value, stored_id):
        raise Altered(seq, f"fact {seq} is altered: its columns contradict its body")
    return body.get("header")


def _check_form(body: Mapping[str, Any]) -> None:
    """Header and statement as the specification gives them. Raises Refused."""
    if "header" in body:
        decode_header(encode(body["header"]))
    if "statement" in body:
        decode_statement(encode(body["statement"]))


def _check_tags(connection: sqlite3.Connection, fact: Fact, header: Any) -> None:
    """The rows beside the fact give the digest that the header, signed by the edge, commits to."""
    seq = fact.seq
    rows = connection.execute("SELECT idx, tag FROM tag WHERE seq = ? ORDER BY idx", (seq,)).fetchall()
    if header is None or fact.kind != FactKind.MESSAGE_RECORDED:
        if rows or fact.tag_salt is not None:
            raise Altered(seq, f"fact {seq} has person tags that do not belong to it")
        return
    try:
        expected = [index for index, _, _ in header["records"]]
        whole = expected == [index for index, _ in rows]
        digest = hashlib.sha256(fact.tag_salt + b"".join(tag for _, tag in rows)).hexdigest()
        whole = whole and digest == header["tags_digest"] and all(len(tag) == 16 for _, tag in rows)
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise Altered(seq, f"fact {seq} is altered: its person tags do not give the digest in its header")


def _count(connection: sqlite3.Connection, query: str, *parameters: int) -> int:
    return int(connection.execute(query, parameters).fetchone()[0])


_FACTS: Final = (
    "SELECT seq, at, kind, message_id, commitment, salt, body, tag_salt FROM fact"
    " WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
)
