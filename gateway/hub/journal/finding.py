"""What a search reads of the journal: the facts at the places that an index names, whole and as their messages stand,
and slices of all facts for that index to be made of.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.hub.journal.facts import Altered
from gateway.hub.journal.reading import whole
from gateway.hub.journal.store import id_sought
from gateway.hub.journal.undisclosed import recorded_with, undisclosed


class Found(NamedTuple):
    """A fact, what its message was recorded with (itself, or empty), and whether that is not to be disclosed."""

    fact: Mapping[str, Any]
    recorded: Mapping[str, Any]
    undisclosed: bool


class Row(NamedTuple):
    """A fact as an index is made of it; its `body` is None once it was purged."""

    seq: int
    at: str
    kind: str
    message_id: bytes | None
    commitment: bytes
    body: bytes | None


def found(
    connection: sqlite3.Connection, seqs: Sequence[int], tags: Mapping[str, frozenset[bytes]] | None = None
) -> list[Found]:
    """The facts of these seqs, in that order, each held against its commitment; of `tags`, by month, only those beside
    which one of them stands. What was purged is told no more. Raises Altered.
    """
    told = []
    for seq in seqs:
        row = connection.execute(_FACT, (seq,)).fetchone()
        if row is None or row[-1] is None:
            continue
        fact = whole(seq, *row[1:])
        recorded = recorded_with(connection, row[0])
        try:
            if tags is None or not tags_of(connection, seq).isdisjoint(tags.get(made_in(fact), ())):
                told.append(Found(fact, recorded, undisclosed(connection, row[0], recorded.get("header"))))
        except (LookupError, TypeError, AttributeError):
            raise Altered(seq, f"fact {seq} is altered: its body is not a fact's") from None
    return told


def of_message(connection: sqlite3.Connection, message_id: str) -> list[int]:
    """The seqs of all facts of this message, in order."""
    return [seq for (seq,) in connection.execute(_OF_MESSAGE, (id_sought(message_id),))]


def within(connection: sqlite3.Connection, seqs: Sequence[int], since: str, until: str) -> list[int]:
    """Those of these many seqs, all near each other, whose facts are from `since` on and before `until`."""
    rows = connection.execute(_WITHIN, (min(seqs), max(seqs), since, until))
    timely = {seq for (seq,) in rows}
    return [seq for seq in seqs if seq in timely]


def made_in(fact: Mapping[str, Any]) -> str:
    """The month by whose key the person tags beside a fact were made; empty if it can have none."""
    header = fact.get("header")
    return str(header["created_at"][:7]) if header else ""


def tagged_records(connection: sqlite3.Connection, seq: int, tags: frozenset[bytes]) -> frozenset[int]:
    """The indices of the records beside which one of these tags stands."""
    rows = connection.execute("SELECT idx, tag FROM tag WHERE seq = ?", (seq,))
    return frozenset(idx for idx, tag in rows if tag in tags)


def tags_of(connection: sqlite3.Connection, seq: int) -> set[bytes]:
    """The person tags beside a fact, each once."""
    return {tag for (tag,) in connection.execute("SELECT tag FROM tag WHERE seq = ?", (seq,))}


def tagged(connection: sqlite3.Connection, seq: int, tag: bytes) -> bool:
    """Whether this tag stands beside that fact."""
    return tag in tags_of(connection, seq)


def committed(connection: sqlite3.Connection, seq: int, commitment: bytes) -> bool:
    """Whether the log has a fact of that seq with this commitment."""
    return bool(connection.execute(_COMMITMENT, (seq,)).fetchone() == (commitment,))


def size(connection: sqlite3.Connection) -> int:
    """How many facts there are."""
    return int(connection.execute("SELECT coalesce(max(seq), 0) FROM fact").fetchone()[0])


def slice_after(connection: sqlite3.Connection, seq: int, most: int) -> list[Row]:
    """The next facts behind that seq, in order."""
    return [Row(*row) for row in connection.execute(_SLICE, (seq, most))]


_FACT: Final = "SELECT message_id, kind, commitment, salt, body FROM fact WHERE seq = ?"
_COMMITMENT: Final = "SELECT commitment FROM fact WHERE seq = ?"
_WITHIN: Final = "SELECT seq FROM fact WHERE seq BETWEEN ? AND ? AND at >= ? AND at < ?"
_OF_MESSAGE: Final = "SELECT seq FROM fact WHERE message_id = ? ORDER BY seq"
_SLICE: Final = "SELECT seq, at, kind, message_id, commitment, body FROM fact WHERE seq > ? ORDER BY seq LIMIT ?"
