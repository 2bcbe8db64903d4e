"""PMH keys: which numbers want one, which are being asked for, which have one, and which are in dispute (F43, F44).

The rule: a number is asked once, in one batch at a time; a batch is the same until it is answered; a key once stored is
never replaced (C167). What contradicts that, names another number than was sent (C165) or gives a number for a key
is a dispute: it is kept without a key, for people to look at, and that number is asked no more.
"""

import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway_vaccination_records.record_system.check_digits import numbers_within
from gateway_vaccination_records.record_system.due import Due
from gateway_vaccination_records.record_system.models import KeyRow, UnansweredRow
from gateway_vaccination_records.record_system.pauses import pause
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import instant

DISPUTE: Final = "dispute"
"""The code by which an edge says that it withheld an answer because it named another number."""


class Why(StrEnum):
    """What a dispute is about."""

    WITHHELD = "withheld"
    ANOTHER_NUMBER = "another_number"
    NEVER_ASKED = "never_asked"
    ANOTHER_KEY = "another_key"
    KEY_OF_ANOTHER = "key_of_another"
    A_NUMBER = "a_number"


class Said(StrEnum):
    """What became of one row of an answer."""

    STORED = "stored"
    DISPUTE = "dispute"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Batch:
    """The numbers that are being asked now; a number's place in `numbers` is its index in the batch."""

    id: str
    numbers: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Number:
    blind: bytes
    sealed: bytes = field(repr=False)


class Keys:
    """The key work of one area, on the area's own connection. Every method runs inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], due: Due) -> None:
        self._db = db
        self._key = key
        self._clock = clock
        self._due = due

    def want(self, number: str) -> None:
        """A subject has this number: ask for its key, unless that was done."""
        blind = self._blind(number)
        self._db.execute(
            "INSERT INTO wanted (number, sealed, due, asked) SELECT ?1, ?2, ?3, 0"
            " WHERE NOT EXISTS (SELECT 1 FROM pmh_key WHERE number = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM dispute WHERE number = ?1) ON CONFLICT (number) DO NOTHING",
            (blind, self._sealed(number, blind), instant(self._clock())),
        )

    def knows(self, number: str) -> bool:
        """Whether this number is known at all: a resident whose key is not asked for has one, too."""
        known = (
            "SELECT EXISTS (SELECT 1 FROM person WHERE individual_number = ?1)"
            " OR EXISTS (SELECT 1 FROM wanted WHERE number = ?1) OR EXISTS (SELECT 1 FROM pmh_key WHERE number = ?1)"
            " OR EXISTS (SELECT 1 FROM dispute WHERE number = ?1)"
        )
        return bool(self._db.execute(known, (self._blind(number),)).fetchone()[0])

    def batch(self, most: int, besides: Sequence[str]) -> Batch | None:
        """A batch that is under way, but none of `besides`; else a new one of at most so many numbers; None if none
        is due. Besides others only a full one is begun: what is less may wait for their end.
        """
        # In every batch there is a position 0: no number leaves it before all do.
        under_way = self._db.execute("SELECT batch FROM wanted WHERE batch IS NOT NULL AND position = 0 ORDER BY id")
        others = [each for (each,) in under_way if each not in besides]
        batch = others[0] if others else self._begin(most, most if besides else 1)
        if batch is None:
            return None
        rows = self._db.execute("SELECT number, sealed FROM wanted WHERE batch = ? ORDER BY position", (batch,))
        return Batch(batch, tuple(self._key.open(sealed, _row(number)).decode() for number, sealed in rows))

    def answer(self, batch: str | None, rows: Sequence[KeyRow | UnansweredRow]) -> Mapping[int, Said]:
        """Keep the keys. With the id of the batch under way this ends it; without, it is an answer that came late.

        Each row of a batch must be about the number at its index; a late one about a number that was ever asked.
        """
        found = self._db.execute("SELECT position, number, sealed FROM wanted WHERE batch = ?", (batch,))
        asked = {position: _Number(number, sealed) for position, number, sealed in found}
        named = {row.index: self._blind(row.individual_number) for row in rows if isinstance(row, KeyRow)}
        numbers = {each.blind for each in asked.values()} | set(named.values())
        said = {
            row.index: self._take(row, named[row.index], asked.get(row.index), numbers)
            if isinstance(row, KeyRow)
            else self._unanswered(row, asked.get(row.index))
            for row in rows
        }
        self._end(batch)
        return said

    def counts(self) -> dict[str, int]:
        """How many numbers have a key, want one (those that are being asked included), or are in dispute."""
        return {"issued": self._count("pmh_key"), "wanted": self._count("wanted"), "disputed": self.disputes()}

    def disputes(self) -> int:
        """How many disputes wait for people."""
        return self._count("dispute")

    # ---- a batch ----------------------------------------------------------------------------------------------------

    def _begin(self, most: int, least: int) -> str | None:
        """Numbers that no subject has any more are not asked: they were corrected or deleted meanwhile."""
        batch = uuid.uuid4().hex
        while True:
            due = self._db.execute(
                "SELECT id, EXISTS (SELECT 1 FROM person WHERE individual_number = wanted.number) FROM wanted"
                " WHERE batch IS NULL AND due <= ? ORDER BY due, id LIMIT ?",
                (instant(self._clock()), most),
            ).fetchall()
            if len(due) < least:
                return None
            held = [number for number, somebody_has_it in due if somebody_has_it]
            self._db.executemany("DELETE FROM wanted WHERE id = ?", [(n,) for n, somebodys in due if not somebodys])
            self._db.executemany(
                "UPDATE wanted SET batch = ?, position = ?, asked = asked + 1 WHERE id = ?",
                [(batch, position, number) for position, number in enumerate(held)],
            )
            if held or not due:
                return batch if held else None

    def _end(self, batch: str | None) -> None:
        """What has no key and no dispute is asked again, each time after twice the pause."""
        self._db.execute(
            "DELETE FROM wanted WHERE batch = ?1 AND (EXISTS (SELECT 1 FROM pmh_key WHERE number = wanted.number)"
            " OR EXISTS (SELECT 1 FROM dispute WHERE number = wanted.number))",
            (batch,),
        )
        left = self._db.execute("SELECT id, asked FROM wanted WHERE batch = ?", (batch,)).fetchall()
        self._db.executemany(
            "UPDATE wanted SET batch = NULL, position = NULL, due = ? WHERE id = ?",
            [(instant(self._clock() + pause(asked)), number) for number, asked in left],
        )

    # ---- a row of an answer -----------------------------------------------------------------------------------------

    def _unanswered(self, row: UnansweredRow, asked: _Number | None) -> Said:
        return self._dispute(asked, Why.WITHHELD) if asked and row.code == DISPUTE else Said.LATER

    def _take(self, row: KeyRow, blind: bytes, asked: _Number | None, numbers: set[bytes]) -> Said:
        if asked is not None and blind != asked.blind:
            return self._dispute(asked, Why.ANOTHER_NUMBER)
        named = asked or _Number(blind, self._sealed(row.individual_number, blind))
        within = numbers_within(row.pmh_key)
        if any(whole or self._blind(number) in numbers or self.knows(number) for number, whole in within):
            return self._dispute(named, Why.A_NUMBER)
        pmh_key, was_asked = self._key.blind("pmh_key", row.pmh_key), asked is not None or self._was_asked(named)
        if was_asked and self._kept(named, row.pmh_key, pmh_key):
            if asked is None:
                self._forget(named)
            return Said.STORED
        held = self._db.execute("SELECT pmh_key FROM pmh_key WHERE number = ?", (blind,)).fetchone()
        if held is not None:
            return Said.STORED if held[0] == pmh_key else self._dispute(named, Why.ANOTHER_KEY)
        if not was_asked:
            return self._dispute(named, Why.NEVER_ASKED)
        return Said.DISPUTE if self._disputed(named) else self._dispute(named, Why.KEY_OF_ANOTHER)

    def _kept(self, number: _Number, pmh_key: str, blind: bytes) -> bool:
        """Keep the key, unless the number has one, another number has this one, or people have to look at it first."""
        sealed = self._key.seal(pmh_key.encode(), key_row(number.blind))
        kept = self._db.execute(
            "INSERT INTO pmh_key SELECT ?1, ?2, ?3"
            " WHERE NOT EXISTS (SELECT 1 FROM dispute WHERE number = ?1) ON CONFLICT DO NOTHING",
            (number.blind, blind, sealed),
        )
        if kept.rowcount:
            self._due.wake_number(number.blind)
        return bool(kept.rowcount)

    def _disputed(self, number: _Number) -> bool:
        return self._db.execute("SELECT 1 FROM dispute WHERE number = ?", (number.blind,)).fetchone() is not None

    def _was_asked(self, number: _Number) -> bool:
        found = self._db.execute("SELECT asked FROM wanted WHERE number = ?", (number.blind,)).fetchone()
        return found is not None and found[0] > 0

    def _dispute(self, number: _Number, why: Why) -> Said:
        self._db.execute(
            "INSERT INTO dispute VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (number.blind, str(why), number.sealed, instant(self._clock())),
        )
        self._forget(number)
        return Said.DISPUTE

    def _forget(self, number: _Number) -> None:
        """No longer wanted; but a batch stays what it is until it is answered."""
        self._db.execute("DELETE FROM wanted WHERE number = ? AND batch IS NULL", (number.blind,))

    def _blind(self, number: str) -> bytes:
        return self._key.blind("individual_number", number)

    def _sealed(self, number: str, blind: bytes) -> bytes:
        return self._key.seal(number.encode(), _row(blind))

    def _count(self, table: str) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - ours


def _row(number: bytes) -> bytes:
    return b"number|" + number.hex().encode()


def key_row(number: bytes) -> bytes:
    """What the sealed key of a number (blind) is bound to."""
    return b"pmh_key|" + number.hex().encode()
