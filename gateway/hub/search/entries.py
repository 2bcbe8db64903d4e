"""What of each fact goes into the index, and what goes out of it because the log says that it went out of the log."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from gateway.evidence.purged import spans
from gateway.hub.journal import FactKind
from gateway.hub.journal.finding import Row, made_in, tags_of
from gateway.hub.journal.undisclosed import recorded_with
from gateway.hub.search.index_file import Entry
from gateway.hub.search.terms import terms, way
from gateway.messages import stamp

_RECORDED: Final = FactKind.MESSAGE_RECORDED.value
_NO_TAG: Final = bytes(16)
"""Beside a record that names no person."""
_ERASING: Final = (FactKind.FACTS_PURGED, FactKind.TRAIL_ERASED)
_ALTERED: Final = (ValueError, LookupError, TypeError, AttributeError, OverflowError)
"""By what a fact shows that it is altered: `gateway log verify` names it, and the index goes on."""


class Erased(NamedTuple):
    """Facts, by first and last, whose tags were made in `month` or before; or somebody's trail."""

    facts: Sequence[tuple[int, int]] = ()
    month: str = ""
    trail: bool = False


def erased_by(rows: Sequence[Row]) -> Iterator[Erased]:
    """What the log says was taken out of it, to go out of its index."""
    for row in rows:
        if row.kind not in _ERASING or row.body is None:
            continue
        if row.kind == FactKind.TRAIL_ERASED:
            yield Erased(trail=True)
            continue
        try:
            fact = msgspec.json.decode(row.body)
            facts = [each for each in spans(fact["facts"]) if each[1] < row.seq]
            latest = datetime.fromisoformat(fact["before"]) + timedelta(1)  # a header's time is an edge's
            yield Erased(facts, stamp(latest)[:7])
        except _ALTERED:
            continue


def erased_after(journal: sqlite3.Connection, seq: int) -> bool:
    """Whether the log says behind that seq that anything was taken out of it."""
    return journal.execute(_ERASED_AFTER, (*_ERASING, seq)).fetchone() is not None


def entries_of(journal: sqlite3.Connection, rows: Sequence[Row]) -> Iterator[Entry]:
    """What the index is to have of these facts; of one that is altered, that it is there."""
    ways: dict[bytes, set[str]] = {}
    for row in rows:
        words: set[str] = set()
        month = ""
        try:
            if row.body is not None:
                fact = msgspec.json.decode(row.body)
                words, month = terms(fact), made_in(fact)
                if row.message_id is not None:
                    if row.message_id not in ways:  # most facts follow close on that which recorded their message
                        first = fact if fact["kind"] == _RECORDED else recorded_with(journal, row.message_id)
                        ways[row.message_id] = way(first)
                    words |= ways[row.message_id]
        except _ALTERED:
            words, month = set(), ""
        tags = tags_of(journal, row.seq) - {_NO_TAG} if month else ()
        yield Entry(row.seq, str(row.at), frozenset(words), month, tuple(tags))


_ERASED_AFTER: Final = "SELECT 1 FROM fact WHERE message_id IS NULL AND kind IN (?, ?) AND seq > ? LIMIT 1"
