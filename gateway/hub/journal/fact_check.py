"""Each fact by itself: in its place, in its one byte form, as its commitment says, with the tags of its header."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from gateway.errors import Refused
from gateway.hub.journal.facts import Altered, FactKind, commitment
from gateway.hub.journal.store import id_bytes
from gateway.messages import decode_header, decode_statement, encode

_BATCH: Final = 200
COMMITMENT_BYTES: Final = 32
_KINDS: Final = frozenset(kind.value for kind in FactKind)
Tags: TypeAlias = Sequence[tuple[Any, Any]]
"""Index and tag of each row beside one fact, by index."""


class _Form(msgspec.Struct):
    """What of a recording's body has a form of its own, as it lies there."""

    header: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    statement: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_FORM: Final = msgspec.json.Decoder(_Form)


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

    @property
    def empty(self) -> bool:
        """Whether nothing of it is left but the commitment: it was purged, and `check_purged` asks by which fact."""
        return (
            (self.at, self.kind) == ("", "")
            and self[3:4] + self[5:] == (None,) * 4
            and isinstance(self.commitment, bytes)
            and len(self.commitment) == COMMITMENT_BYTES
        )


def facts(connection: sqlite3.Connection, first: int, last: int) -> Iterator[tuple[Fact, int]]:
    """From `first` to `last`, in order and without a gap, each checked, and of how many of its records the person tag
    is missing. Raises Altered.
    """
    expected = first
    while expected <= last:
        rows = connection.execute(_FACTS, (expected, last, _BATCH)).fetchall()
        in_place = [Fact(*row) for place, row in enumerate(rows, expected) if row[0] == place]
        for fact, tags in _with_tags(connection, in_place):
            yield fact, check(fact, tags)
        expected += len(in_place)
        if len(in_place) < len(rows) or not rows:
            raise Altered(expected, f"fact {expected} is missing")


def check(fact: Fact, tags: Tags) -> int:
    """One fact and what lies beside it. Returns of how many records the person tag is missing. Raises Altered."""
    seq = fact.seq
    if fact.empty:
        return _check_tags(fact, {}, tags)
    if not (isinstance(fact.commitment, bytes) and isinstance(fact.salt, bytes) and isinstance(fact.body, bytes)):
        raise Altered(seq, f"fact {seq} lacks its commitment, salt or body")
    if commitment(fact.salt, fact.body) != fact.commitment:
        raise Altered(seq, f"fact {seq} is altered: its salt and body do not give its commitment")
    try:
        body = msgspec.json.decode(fact.body)
        named, columns = body["seq"], (body["at"], body["kind"], _stored_id(body))
        _check_form(body, fact.body)
        canonical = encode(body)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, msgspec.MsgspecError, Refused):
        raise Altered(seq, f"fact {seq} is altered: its body is not a fact's") from None
    if named != seq:
        raise Altered(seq, f"fact {seq} is out of order: in its place lies fact {named}")
    if canonical != fact.body:
        raise Altered(seq, f"fact {seq} is altered: its body is not in the one byte form")
    if (fact.at, fact.kind, fact.message_id) != columns:
        raise Altered(seq, f"fact {seq} is altered: its columns contradict its body")
    return _check_tags(fact, body, tags)


def check_stray(connection: sqlite3.Connection, total: int) -> None:
    """Nothing may stand before the first fact, nor tags beside no fact. Raises Altered."""
    if _count(connection, "SELECT count(*) FROM fact WHERE seq < 1"):
        raise Altered(1, "a fact stands before fact 1")
    if _count(connection, "SELECT count(*) FROM tag WHERE seq < 1"):
        raise Altered(1, "person tags stand before fact 1")
    # A running gateway may have gone on; then the rows beyond `total` have their facts.
    if _count(connection, "SELECT count(*) FROM tag WHERE seq > ? AND seq NOT IN (SELECT seq FROM fact)", total):
        raise Altered(total + 1, f"person tags stand after the last fact, {total}")


def _with_tags(connection: sqlite3.Connection, rows: Sequence[Fact]) -> Iterator[tuple[Fact, Tags]]:
    """Each fact with the tags beside it, one fact's at a time. Raises Altered."""
    groups = _grouped(connection.execute(_TAGS, (rows[0].seq, rows[-1].seq))) if rows else iter(())
    seq, tags = next(groups, _NONE)
    for fact in rows:
        if seq is None or seq > fact.seq:
            yield fact, ()
        elif seq == fact.seq:
            yield fact, tags
            seq, tags = next(groups, _NONE)
        else:
            raise Altered(fact.seq, f"person tags stand beside no fact, before fact {fact.seq}")


def _grouped(tags: Iterable[tuple[Any, Any, Any]]) -> Iterator[tuple[Any, Tags]]:
    return ((seq, [(index, tag) for _, index, tag in group]) for seq, group in groupby(tags, key=itemgetter(0)))


def _stored_id(body: Mapping[str, Any]) -> bytes | None:
    message_id = body.get("message_id")
    return id_bytes(message_id) if message_id is not None else None


def _check_form(body: Mapping[str, Any], raw: bytes) -> None:
    """A known kind; header and statement as the specification gives them. Raises ValueError or Refused."""
    if body["kind"] not in _KINDS:
        raise ValueError("no kind of fact")
    if body["kind"] != FactKind.MESSAGE_RECORDED:
        return
    form = _FORM.decode(raw)
    if form.header is not msgspec.UNSET:
        decode_header(bytes(form.header))
    if form.statement is not msgspec.UNSET:
        decode_statement(bytes(form.statement))


def _check_tags(fact: Fact, body: Mapping[str, Any], tags: Tags) -> int:
    """The rows beside the fact give the digest that the header, signed by the edge, commits to. If some are missing,
    for a trail was erased, no other stands there; returns how many.
    """
    seq, header = fact.seq, body.get("header")
    if header is None or fact.kind != FactKind.MESSAGE_RECORDED:
        if tags or fact.tag_salt is not None:
            raise Altered(seq, f"fact {seq} has person tags that do not belong to it")
        return 0
    there, expected = [index for index, _ in tags], []
    try:
        expected = [index for index, _, _ in header["records"]]
        digest = hashlib.sha256(fact.tag_salt + b"".join(tag for _, tag in tags)).hexdigest()
        whole = digest == header["tags_digest"] if there == expected else set(there) < set(expected)
        whole = whole and all(len(tag) == 16 for _, tag in tags)
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise Altered(seq, f"fact {seq} is altered: its person tags do not give the digest in its header")
    return len(expected) - len(there)


def _count(connection: sqlite3.Connection, query: str, *parameters: int) -> int:
    return int(connection.execute(query, parameters).fetchone()[0])


_NONE: Final = (None, ())
_FACTS: Final = (
    "SELECT seq, at, kind, message_id, commitment, salt, body, tag_salt FROM fact"
    " WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?"
)
_TAGS: Final = "SELECT seq, idx, tag FROM tag WHERE seq BETWEEN ? AND ? ORDER BY seq, idx"
