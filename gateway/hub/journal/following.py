"""The log read from some fact or time on, a slice at a time, for copies, reports and reviews; a part of `Journal`."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final

from gateway.hub.journal.facts import Altered, FactKind
from gateway.hub.journal.parts import Read
from gateway.hub.journal.reading import whole
from gateway.hub.journal.undisclosed import header_of, undisclosed
from gateway.messages import stamp

SLICE: Final = 100
"""Facts that one read looks at: a millisecond or two."""
STEP: Final = 1000
"""Facts that are counted at once, which takes no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A fact as it stands in the log, held against its commitment. `body` is its bytes, `fact` what they say, `header`
    that with which its message was recorded, empty if it is of none; `undisclosed` is about the message.
    """

    seq: int
    kind: FactKind
    commitment: bytes
    salt: bytes
    body: bytes
    fact: Mapping[str, Any]
    header: Mapping[str, Any]
    undisclosed: bool


class Following:
    """Of one journal; quick reads of what is committed. Each raises Deferred."""

    def __init__(self, read: Read, size: Callable[[], int]) -> None:
        self._read = read
        self._size = size

    @property
    def size(self) -> int:
        """How many facts are acknowledged."""
        return self._size()

    def after(self, seq: int, kinds: Sequence[str]) -> tuple[list[Followed], int]:
        """See `follow`; no further than what is acknowledged."""
        return self._read(partial(follow, after=seq, until=self._size(), kinds=kinds))

    def persons(self, after: int, upto: int) -> dict[int, frozenset[bytes]]:
        """The person tags beside the facts behind `after` and up to `upto`, by seq: to be counted, never told."""
        return self._read(partial(_persons, after=after, upto=upto))

    def kinds(self, after: int, upto: int) -> dict[str, int]:
        """How many facts of each kind there are behind `after` and up to `upto`, purged ones too."""
        return self._read(partial(_kinds, after=after, upto=upto))

    def time_of(self, seq: int) -> str:
        """When the fact of that seq was written; empty if there is none."""
        return self._read(partial(_time_of, seq=seq))

    def these(self, seqs: Sequence[int]) -> list[Followed]:
        """The facts of these few seqs that are acknowledged and were not purged, in order."""
        return self._read(partial(_these, seqs=[seq for seq in seqs if seq <= self._size()]))

    def between(self, since: str | None, until: str | None) -> tuple[int, int]:
        """Behind which fact, and up to which, all stand from the one time on and before the other, and few others. A
        clock that is set right puts times out of order, by an hour at most.
        """
        size = self._size()
        first = self._read(partial(_first, at=_moved(since, -_ASTRAY), size=size)) if since is not None else 0
        last = self._read(partial(last_before, at=_moved(until, _ASTRAY), size=size)) if until is not None else size
        return first, last

    def back(self, seq: int, kinds: Sequence[str]) -> tuple[int, int]:
        """How many facts of these kinds are among the `STEP` up to `seq`, and behind which seq those begin."""
        after = max(seq - STEP, 0)
        return self._read(partial(_count, after=after, until=seq, kinds=kinds)), after

    def has(self, seq: int, commitment: bytes) -> bool:
        """Whether fact `seq` of this log is the one of that commitment."""
        return self._read(partial(_has, seq=seq, commitment=commitment))


def follow(connection: sqlite3.Connection, after: int, until: int, kinds: Sequence[str]) -> tuple[list[Followed], int]:
    """The facts of these kinds, of all if none is named, among the `SLICE` behind `after` and up to `until`; and up to
    which seq was looked. What was purged is passed over. Raises Altered.
    """
    end = min(after + SLICE, until)
    rows = connection.execute(f"{_FACTS}{_only(kinds)} ORDER BY seq", (after, end, *kinds))
    return list(_followed(connection, rows)), max(end, after)


def _these(connection: sqlite3.Connection, seqs: Sequence[int]) -> list[Followed]:
    rows = connection.execute(_THESE.format(", ".join("?" * len(seqs))), (*seqs,))
    return list(_followed(connection, rows))


def _moved(at: str, by: timedelta) -> str:
    return stamp(datetime.fromisoformat(at) + by)


def _first(connection: sqlite3.Connection, at: str, size: int) -> int:
    """As `last_before`; but where facts of that time were purged, what was kept among them may lie anywhere."""
    row = connection.execute(_LAST_PURGE).fetchone()
    return 0 if row is not None and at < row[0] else last_before(connection, at, size)


def last_before(connection: sqlite3.Connection, at: str, size: int) -> int:
    """The last fact before that time, by halving; 0 if there is none. What was purged is before any time."""
    low, high = 0, size
    while low < high:
        middle = (low + high + 1) // 2
        row = connection.execute("SELECT at FROM fact WHERE seq = ?", (middle,)).fetchone()
        if row is None:
            raise Altered(middle, f"fact {middle} is missing")
        low, high = (middle, high) if row[0] < at else (low, middle - 1)
    return low


def _followed(connection: sqlite3.Connection, rows: sqlite3.Cursor) -> Iterator[Followed]:
    @cache
    def message(stored_id: bytes | None) -> tuple[Mapping[str, Any], bool]:
        return _message(connection, stored_id)

    for stored_id, seq, kind, commitment, salt, body in rows.fetchall():
        fact = whole(seq, kind, commitment, salt, body)
        try:
            header, hidden = message(stored_id)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Altered(seq, f"the message of fact {seq} is altered: its body is not a fact's") from None
        yield Followed(
            seq=seq,
            kind=FactKind(kind),
            commitment=commitment,
            salt=salt,
            body=body,
            fact=fact,
            header=header,
            undisclosed=hidden,
        )


def _message(connection: sqlite3.Connection, stored_id: bytes | None) -> tuple[Mapping[str, Any], bool]:
    """The header, and whether the exchange is not to be disclosed."""
    header = header_of(connection, stored_id)
    return header, undisclosed(connection, stored_id, header)


def _persons(connection: sqlite3.Connection, after: int, upto: int) -> dict[int, frozenset[bytes]]:
    found: defaultdict[int, set[bytes]] = defaultdict(set)
    for seq, tag in connection.execute("SELECT seq, tag FROM tag WHERE seq > ? AND seq <= ?", (after, upto)):
        found[seq].add(tag)
    return {seq: frozenset(tags) for seq, tags in found.items()}


def _kinds(connection: sqlite3.Connection, after: int, upto: int) -> dict[str, int]:
    return dict(connection.execute(_KINDS, (after, upto)).fetchall())


def _time_of(connection: sqlite3.Connection, seq: int) -> str:
    row = connection.execute("SELECT at FROM fact WHERE seq = ?", (seq,)).fetchone()
    return row[0] if row else ""


def _only(kinds: Sequence[str]) -> str:
    return f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""


def _count(connection: sqlite3.Connection, after: int, until: int, kinds: Sequence[str]) -> int:
    return int(connection.execute(f"{_COUNT}{_only(kinds)}", (after, until, *kinds)).fetchone()[0])


def _has(connection: sqlite3.Connection, seq: int, commitment: bytes) -> bool:
    row = connection.execute("SELECT 1 FROM fact WHERE seq = ? AND commitment = ?", (seq, commitment)).fetchone()
    return row is not None


_KINDS: Final = "SELECT kind, count(*) FROM fact WHERE seq > ? AND seq <= ? GROUP BY kind"
_FACTS: Final = (
    "SELECT message_id, seq, kind, commitment, salt, body FROM fact WHERE seq > ? AND seq <= ? AND body IS NOT NULL"
)
_THESE: Final = (
    "SELECT message_id, seq, kind, commitment, salt, body FROM fact WHERE seq IN ({}) AND body IS NOT NULL ORDER BY seq"
)
_ASTRAY: Final = timedelta(hours=1)
_LAST_PURGE: Final = (
    "SELECT json_extract(CAST(body AS TEXT), '$.before') FROM fact WHERE kind = 'facts.purged' AND message_id IS NULL"
    " ORDER BY seq DESC LIMIT 1"
)
_COUNT: Final = "SELECT count(*) FROM fact WHERE seq > ? AND seq <= ? AND body IS NOT NULL"
