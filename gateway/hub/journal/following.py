"""The log read from some fact on, a slice at a time, for copies of it elsewhere; a part of `Journal`."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final

from gateway.hub.journal.facts import Altered, FactKind
from gateway.hub.journal.parts import Read
from gateway.hub.journal.reading import whole
from gateway.hub.journal.undisclosed import header_of, undisclosed

SLICE: Final = 100
"""Facts that one read looks at: a millisecond or two."""


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

    def has(self, seq: int, commitment: bytes) -> bool:
        """Whether fact `seq` of this log is the one of that commitment."""
        return self._read(partial(_has, seq=seq, commitment=commitment))


def follow(connection: sqlite3.Connection, after: int, until: int, kinds: Sequence[str]) -> tuple[list[Followed], int]:
    """The facts of these kinds, of all if none is named, among the `SLICE` behind `after` and up to `until`; and up to
    which seq was looked. What was purged is passed over. Raises Altered.
    """
    end = min(after + SLICE, until)
    only = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
    rows = connection.execute(f"{_FACTS}{only} ORDER BY seq", (after, end, *kinds))

    @cache
    def message(stored_id: bytes | None) -> tuple[Mapping[str, Any], bool]:
        return _message(connection, stored_id)

    return list(_followed(rows, message)), max(end, after)


def _followed(
    rows: sqlite3.Cursor, message: Callable[[bytes | None], tuple[Mapping[str, Any], bool]]
) -> Iterator[Followed]:
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
    return header, undisclosed(connection, header)


def _has(connection: sqlite3.Connection, seq: int, commitment: bytes) -> bool:
    row = connection.execute("SELECT 1 FROM fact WHERE seq = ? AND commitment = ?", (seq, commitment)).fetchone()
    return row is not None


_FACTS: Final = (
    "SELECT message_id, seq, kind, commitment, salt, body FROM fact WHERE seq > ? AND seq <= ? AND body IS NOT NULL"
)
