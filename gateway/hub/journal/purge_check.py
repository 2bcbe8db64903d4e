"""What is missing of a log is what its facts say was taken out of it, and nothing else: purged facts, erased tags."""

import sqlite3
from bisect import bisect_right, insort
from datetime import datetime
from itertools import accumulate
from typing import Final

from gateway.evidence.purged import CLOCKS_DIFFER, LEAPT, Purged, Span, time_of
from gateway.hub.journal.facts import Altered, FactKind
from gateway.hub.journal.purging import purged, seen_later
from gateway.hub.journal.reading import told
from gateway.tlog.cosignature import claimed_at


def check_purged(connection: sqlite3.Connection, total: int) -> None:
    """Of the first `total` facts, each by itself whole or empty. Raises Altered.

    One moment of a running gateway, which may purge meanwhile. Two things show that a fact was purged too early: one
    that stands before it and is younger than what that purge reached, unless it claims to be from after the purging;
    and a witness, who has cosigned a shorter log later than that, or the purging before the time that it claims.
    """
    connection.execute("BEGIN")
    said = Purged()
    purged(connection, said)
    _check_times(connection)
    stood: list[str] = []
    after = 0
    spans = said.spans()
    least = list(accumulate((each.before for each in reversed(spans)), min))  # of a span and those behind it
    for span in spans:
        _check_kept(connection, after + 1, min(span.first - 1, total))
        for (at,) in connection.execute(_TIMES, (after + 1, span.first - 1, least.pop())):
            insort(stood, at)
        _check_gone(connection, span, total)
        youngest = bisect_right(stood, span.at)
        if (youngest and stood[youngest - 1] >= span.before) or seen_later(connection, span.last, span.before):
            raise Altered(span.first, f"facts {span.first} to {span.last} were purged too early")
        after = span.last
    _check_kept(connection, after + 1, total)
    connection.execute("COMMIT")


def check_not_ahead(connection: sqlite3.Connection, now: datetime) -> None:
    """No purging is later than `now`, by a clock that is not the gateway's own. Raises Altered."""
    for seq, _, fact in told(connection, [FactKind.FACTS_PURGED], 0):
        if time_of(fact["at"]) - now > CLOCKS_DIFFER:
            raise Altered(seq, f"fact {seq} says that it purged at a time that is yet to come")


def erased(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many person tags were erased by the facts, and of how many of these the fact was purged. Raises Altered."""
    said = Purged()
    purged(connection, said)
    count = 0
    for seq, _, fact in told(connection, [FactKind.TRAIL_ERASED], 0):
        if not isinstance(tags := fact.get("tags"), int) or tags < 0:
            raise Altered(seq, f"fact {seq} is altered: it does not say how many tags were erased")
        count += tags
    return count, said.tags


def check_erased(connection: sqlite3.Connection, were: tuple[int, int], lacking: tuple[int, int]) -> None:
    """As many person tags are missing, `lacking` says first of which fact, as trails were erased: `were` when it was
    begun to look, and by now; a running gateway may have erased and purged meanwhile.

    Which they are, nothing tells: then the log would name the trail. Raises Altered.
    """
    seq, count = lacking
    are = erased(connection)
    if not were[0] - are[1] <= count <= are[0] - were[1]:
        seq = seq or 1
        raise Altered(seq, f"other person tags are missing than those of erased trails, the first of fact {seq}")


def _check_times(connection: sqlite3.Connection) -> None:
    """No witness saw a purging long before it was by its own word. Raises Altered."""
    for seq, _, fact in told(connection, [FactKind.FACTS_PURGED], 0):
        row = connection.execute(_SEEN, (seq,)).fetchone()
        if row is not None and time_of(fact["at"]).timestamp() - claimed_at(row[0]) > LEAPT.total_seconds():
            raise Altered(seq, f"fact {seq}: a witness saw it earlier than it claims to be, so it purged too early")


def _check_kept(connection: sqlite3.Connection, first: int, last: int) -> None:
    gone = connection.execute(_EMPTY, (first, last)).fetchone()
    if gone[0] is not None:
        raise Altered(gone[0], f"fact {gone[0]} lacks its salt and body, and no fact says that it was purged")


def _check_gone(connection: sqlite3.Connection, span: Span, total: int) -> None:
    last = min(span.last, total)
    if connection.execute(_EMPTY, (span.first, last)).fetchone()[1] != max(last - span.first + 1, 0):
        raise Altered(span.first, f"of the facts {span.first} to {last} some are there that were purged, by the log")


_SEEN: Final = "SELECT line FROM cosignature WHERE size >= ? ORDER BY size LIMIT 1"
_EMPTY: Final = "SELECT min(seq), count(*) FROM fact WHERE kind = '' AND message_id IS NULL AND seq BETWEEN ? AND ?"
_TIMES: Final = "SELECT at FROM fact WHERE seq BETWEEN ? AND ? AND kind <> '' AND at >= ?"
