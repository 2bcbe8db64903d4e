"""Takes the content of old facts out of the log: salt, body, columns and person tags go, the commitment stays.

They go in their order, each at its time, but for those that are needed: of a message that has not ended, those by which
others are judged, and what an investigation holds. That they are gone is a fact, in the same transaction.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, Final, NamedTuple, TypeAlias

from gateway.evidence.purged import Purged
from gateway.hub.journal.facts import COPY_FACTS, PERSON_FACTS, RETENTION_FACTS, REVIEW_FACTS, Altered, FactKind
from gateway.hub.journal.legal_holds import covered, legal_holds
from gateway.hub.journal.outcomes import ranges
from gateway.hub.journal.reading import last, told
from gateway.hub.journal.reviewed import Reviewed, reviewed
from gateway.hub.journal.store import id_text
from gateway.hub.journal.transaction import Transaction
from gateway.hub.journal.undisclosed import marked, undisclosed
from gateway.messages import stamp
from gateway.tlog.cosignature import claimed_at

SLICE: Final = 500
"""Facts that are looked at, and purged, in one transaction: some tens of milliseconds of the writer's thread."""
_RIGHT: Final = timedelta(days=366)
"""A right may last so long: by the facts of persons later decisions are judged."""


Gap: TypeAlias = tuple[int, int]
"""First and last seq of facts that were not purged."""


class Due(NamedTuple):
    """A fact whose time is over. `why` it stays: open, unheard, envelope, investigation, needed, ahead,
    witnessed; or None.
    """

    seq: int
    kind: str
    message_id: bytes | None
    why: str | None


@dataclass(slots=True)
class Looked:
    """One slice of the facts whose time is over: which go, which stay and why, and up to where was looked; `end` is
    None if there is nothing behind it. `envelopes` are ended messages whose envelope is kept still.
    """

    go: list[int] = field(default_factory=list)
    stay: dict[str, list[int]] = field(default_factory=dict)
    envelopes: list[str] = field(default_factory=list)
    end: int | None = None


def purged(connection: sqlite3.Connection, into: Purged, after: int = 0) -> int:
    """Add what the log says was purged by its facts behind `after`; returns up to which fact. Raises Altered."""
    for seq, _, fact in told(connection, [FactKind.FACTS_PURGED], after):
        try:
            into.add(fact)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Altered(seq, f"fact {seq} is altered: what it says was purged could not be, by then") from None
        after = seq
    return after


def look(connection: sqlite3.Connection, gaps: Iterable[Gap], *, before: str, at: str) -> Looked:
    """The next facts in these gaps from before the time `before`, as the log is `at` that time."""
    looked = Looked()
    for each in _due(connection, gaps, before=before, at=at):
        if each.why is None:
            looked.go.append(each.seq)
        else:
            looked.stay.setdefault(each.why, []).append(each.seq)
            if each.why == "envelope" and each.kind == FactKind.MESSAGE_RECORDED and each.message_id is not None:
                looked.envelopes.append(id_text(each.message_id))
        looked.end = each.seq
    return looked


def purge(transaction: Transaction, gaps: Iterable[Gap], *, before: str, at: str) -> Looked:
    """Purge the next of them, and say so."""
    connection = transaction.connection
    looked = look(connection, gaps, before=before, at=at)
    if looked.go:
        going = frozenset(looked.go)
        tags = sum(_erase(transaction, seq, going, at=at) for seq in looked.go)
        fields = {"before": before, "facts": ranges(looked.go), "tags": tags}
        transaction.append(FactKind.FACTS_PURGED, fields, at=at)
    return looked


def _due(connection: sqlite3.Connection, gaps: Iterable[Gap], *, before: str, at: str) -> Iterator[Due]:
    """In order, up to the first that is not older; what a clock that ran ahead wrote is passed over."""
    holds = legal_holds(connection)
    needed = _Needed(connection, before)
    for seq, made, kind, message_id, opened, ended, unheard in islice(_rows(connection, gaps), SLICE):
        if before <= made <= at:
            return
        why = None
        if made > at:
            why = "ahead"
        elif seen_later(connection, seq, before):
            why = "witnessed"
        elif covered(connection, holds, made, message_id):
            why = "investigation"
        elif needed.has(seq, kind, made):
            why = "needed"
        elif opened is not None:
            why = "open" if opened else "unheard" if unheard else "envelope" if ended is not None else None
        if why is None:
            needed.going.add(seq)
        yield Due(seq, kind, message_id, why)


class _Needed:
    """What others are judged by, but for what is `going` in the same transaction."""

    def __init__(self, connection: sqlite3.Connection, before: str) -> None:
        self.going = set[int]()
        self._connection = connection
        self._newest = {fact["seq"] for kind in _LAST if (fact := last(connection, kind)) is not None}
        self._rights = stamp(datetime.fromisoformat(before) - _RIGHT)

    def has(self, seq: int, kind: str, made: str) -> bool:
        """Whether that fact is."""
        if kind in REVIEW_FACTS:
            return self._reviews.needs(seq, self.going)
        right = kind in PERSON_FACTS and made >= self._rights
        return seq in self._newest or kind in _STANDING or right or _hides(self._connection, seq)

    @cached_property
    def _reviews(self) -> Reviewed:
        return reviewed(self._connection)


def seen_later(connection: sqlite3.Connection, seq: int, before: str) -> bool:
    """Whether a witness saw the log without that fact a day after the time `before`, or later: then it may not be
    purged by it, whosever clock was wrong. A day, for clocks differ a little, and a witness is asked when a checkpoint
    was signed.
    """
    row = connection.execute(_SHORTER, (seq,)).fetchone()
    return row is not None and claimed_at(row[0]) >= (datetime.fromisoformat(before) + timedelta(days=1)).timestamp()


def _hides(connection: sqlite3.Connection, seq: int) -> bool:
    """Whether this fact marks an exchange as not to be disclosed of which something is left."""
    return connection.execute(_HIDES, (seq,)).fetchone() is not None


def _rows(connection: sqlite3.Connection, gaps: Iterable[Gap]) -> Iterator[Any]:
    for gap in gaps:
        yield from connection.execute(_NEXT, gap)


def _erase(transaction: Transaction, seq: int, going: frozenset[int], *, at: str) -> int:
    """Returns of how many records the person tag had been erased before."""
    execute = transaction.execute
    kind, message_id, body = execute("SELECT kind, message_id, body FROM fact WHERE seq = ?", (seq,)).fetchone()
    missing = 0
    if kind == FactKind.MESSAGE_RECORDED:
        header = json.loads(body).get("header") or {"records": ()}
        missing = len(header["records"]) - execute("DELETE FROM tag WHERE seq = ?", (seq,)).rowcount
        _mark(transaction, message_id, going, at=at)
        execute("DELETE FROM message WHERE seq = ?", (seq,))
    execute(_PURGE, (seq,))
    return missing


def _mark(transaction: Transaction, message_id: bytes, going: frozenset[int], *, at: str) -> None:
    """What is left of an exchange that is not to be disclosed stays so when what said it goes."""
    left = {seq for (seq,) in transaction.execute(_LEFT, {"id": message_id})} - going
    connection = transaction.connection
    if left and not marked(connection, message_id) and undisclosed(connection, message_id):
        told_by: dict[str, Any] = {"by": "retention"}
        transaction.append(FactKind.MESSAGE_UNDISCLOSED, told_by, at=at, message_id=id_text(message_id))


_STANDING: Final = frozenset({*RETENTION_FACTS, *COPY_FACTS, FactKind.LOG_SUCCEEDED})
"""By these others are judged: what is missing, where copies are, and which log this one follows."""
_LAST: Final = (FactKind.GATEWAY_STARTED, FactKind.GATEWAY_STOPPED)
"""Of these the newest says how long the other logs were."""
_NEXT: Final = (
    "SELECT fact.seq, fact.at, fact.kind, fact.message_id, message.open, message.ended_at,"
    " message.settle_asked > message.settle_told FROM fact LEFT JOIN message ON message.id = fact.message_id"
    " WHERE fact.seq BETWEEN ? AND ? AND fact.kind <> '' ORDER BY fact.seq"
)
_SHORTER: Final = "SELECT line FROM cosignature WHERE size < ? ORDER BY size DESC LIMIT 1"
_LEFT: Final = (
    "SELECT seq FROM fact WHERE message_id = :id"
    " UNION ALL SELECT fact.seq FROM message JOIN fact ON fact.message_id = message.id WHERE answers = :id"
)
_HIDES: Final = (
    "SELECT 1 FROM fact AS mark WHERE mark.seq = ? AND mark.kind = 'message.undisclosed' AND ("
    " EXISTS (SELECT 1 FROM fact WHERE message_id = mark.message_id AND kind <> 'message.undisclosed')"
    " OR EXISTS (SELECT 1 FROM message WHERE answers = mark.message_id))"
)
_PURGE: Final = (
    "UPDATE fact SET at = '', kind = '', message_id = NULL, salt = NULL, body = NULL, tag_salt = NULL WHERE seq = ?"
)
