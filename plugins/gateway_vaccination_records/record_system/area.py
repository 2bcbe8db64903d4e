"""One tenant's area: rows that were validated become durable, versioned, sealed states in a database of its own.

The rule: in clear are only versions, flags of the version history, message ids, verdicts, and how often and when a
number was asked for its PMH key.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.database import LAYOUT, open_database, transaction
from gateway_vaccination_records.record_system.keys import Batch, Keys, Said
from gateway_vaccination_records.record_system.models import DeleteRow, KeyRow, LookupRow, RegisterRow, UnansweredRow
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import State, Verdict, Version, judge

By: TypeAlias = Literal["internal_no", "individual_number", "vaccination_subject_no"]

_FIND: Final[Mapping[By, str]] = {
    by: "SELECT p.id, p.internal_no, p.sealed_subject_no, s.instant, s.seq, s.deleted, s.sealed"  # noqa: S608 - ours
    f" FROM person p JOIN state s ON s.person = p.id AND s.latest WHERE p.{by} = ?"
    for by in ("internal_no", "individual_number", "vaccination_subject_no")
}
_LETTERS: Final = b"BCDFGHJKLMNPQRST" * 16  # each of 256 byte values stands for one of 16 letters, alike often


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Person:
    """A person as latest known: who (rowid), the number given here, and the state opened."""

    id: int
    vaccination_subject_no: str = field(repr=False)
    state: State
    record: Mapping[str, Any] = field(repr=False)


class Area:
    """The store of one municipality. Not thread-safe: one thread calls it, one call at a time."""

    def __init__(
        self, directory: Path, municipality_code: str, key: TenantKey, clock: Callable[[], datetime] = _utc
    ) -> None:
        self.municipality_code = municipality_code
        self._key = key
        self._clock = clock
        path = directory / f"{municipality_code}.sqlite3"
        self._db, layout = open_database(path, municipality_code, key)
        self._keys = Keys(self._db, key, clock)
        if layout == 1:
            self._want_all()

    def close(self) -> None:
        """Checkpoint and close; durable already, so a kill loses nothing."""
        self._db.close()

    def store(self, message_id: str, rows: Sequence[RegisterRow | DeleteRow]) -> dict[int, Verdict]:
        """Judge each row and keep what is accepted, all in one transaction; durable when this returns.

        A row whose (message_id, index) was judged before gets its first verdict again, whatever it holds now.
        """
        with transaction(self._db):
            verdicts, now = self._judged_before(message_id, rows), self._clock()
            fresh = {row.index: self._take(row, now) for row in rows if row.index not in verdicts}
            self._db.executemany(
                "INSERT INTO outcome VALUES (?, ?, ?)", [(message_id, index, str(it)) for index, it in fresh.items()]
            )
        return verdicts | fresh

    def lookup(self, rows: Sequence[LookupRow]) -> dict[int, Person | None]:
        """Who each row means; None alike for the unknown, the deleted and the wrong municipality (C160)."""
        return {row.index: self._visible(row) for row in rows}

    def find(self, by: By, value: str) -> Person | None:
        """The person with this identifier, deleted or not; by individual_number, one of those who have it now."""
        return self._found(by, self._key.blind(by, value))

    def _found(self, by: By, blind: bytes) -> Person | None:
        found = self._db.execute(_FIND[by], (blind,)).fetchone()
        if found is None:
            return None
        person, internal_no, sealed_subject_no, instant, seq, deleted, sealed = found
        opened = self._key.open(sealed, _state_row(internal_no, Version(instant, seq), deleted=bool(deleted)))
        record = from_json(opened, cache_strings="keys")
        subject_no = self._key.open(sealed_subject_no, _person_row(internal_no)).decode()
        return Person(person, subject_no, State.of(record, deleted=bool(deleted)), record)

    def counts(self) -> dict[str, int]:
        """How many persons, versions and deleted persons the area holds."""
        persons, versions, deleted = self._db.execute(
            "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM state),"
            " (SELECT count(*) FROM state WHERE latest AND deleted)"
        ).fetchone()
        return {"persons": persons, "versions": versions, "deleted": deleted}

    def key_batch(self, most: int, besides: Sequence[str] = ()) -> Batch | None:
        """See `Keys.batch`; durable when this returns."""
        with transaction(self._db):
            return self._keys.batch(most, besides)

    def key_answers(self, batch: str | None, rows: Sequence[KeyRow | UnansweredRow]) -> Mapping[int, Said]:
        """See `Keys.answer`; durable when this returns."""
        with transaction(self._db):
            return self._keys.answer(batch, rows)

    def key_counts(self) -> Mapping[str, int]:
        """See `Keys.counts`."""
        return self._keys.counts()

    def disputes(self) -> int:
        """How many disputes about PMH keys wait for people."""
        return self._keys.disputes()

    def check(self) -> None:
        """Raises sqlite3.Error if the database cannot be written now."""
        with transaction(self._db):
            pass

    # ---- one row --------------------------------------------------------------------------------------------------

    def _take(self, row: RegisterRow | DeleteRow, now: datetime) -> Verdict:
        if row.record.municipality_code != self.municipality_code:
            return Verdict.WRONG_MUNICIPALITY
        record = row.record.model_dump(exclude_none=True)
        internal_no = self._key.blind("internal_no", row.record.internal_no)
        person = self._found("internal_no", internal_no)
        new = State.of(record, deleted=row.operation == "delete")
        verdict = judge(person.state if person else None, new, now)
        if verdict is Verdict.ACCEPTED:
            self._keep(internal_no, person, new, record)
        return verdict

    def _keep(self, internal_no: bytes, person: Person | None, new: State, record: Mapping[str, Any]) -> None:
        number = record.get("individual_number")
        blind_number = self._key.blind("individual_number", number) if number is not None else None
        if person is None:
            identity, former = self._enrol(internal_no, blind_number), None
        else:
            identity, former = person.id, person.record.get("individual_number")
            self._db.execute("UPDATE state SET latest = 0 WHERE person = ? AND latest", (identity,))
            self._db.execute("UPDATE person SET individual_number = ? WHERE id = ?", (blind_number, identity))
        if number is not None and number != former:
            self._keys.want(number)
        sealed = self._key.seal(to_json(record), _state_row(internal_no, new.version, deleted=new.deleted))
        self._db.execute(
            "INSERT INTO state VALUES (?, ?, ?, 1, ?, ?)", (identity, *new.version, int(new.deleted), sealed)
        )

    def _enrol(self, internal_no: bytes, number: bytes | None) -> int:
        """Give a new person a 予防接種対象者番号: random and without digits, so never mistaken for a 個人番号."""
        while True:
            subject_no = "V" + os.urandom(12).translate(_LETTERS).decode()
            cursor = self._db.execute(
                "INSERT INTO person (internal_no, individual_number, vaccination_subject_no, sealed_subject_no)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (vaccination_subject_no) DO NOTHING RETURNING id",
                (
                    internal_no,
                    number,
                    self._key.blind("vaccination_subject_no", subject_no),
                    self._key.seal(subject_no.encode(), _person_row(internal_no)),
                ),
            )
            if (row := cursor.fetchone()) is not None:
                return int(row[0])

    def _visible(self, row: LookupRow) -> Person | None:
        if row.municipality_code != self.municipality_code:
            return None
        person = self.find("internal_no", row.internal_no)
        return person if person is not None and not person.state.deleted else None

    # ---- the whole ------------------------------------------------------------------------------------------------

    def _judged_before(self, message_id: str, rows: Sequence[RegisterRow | DeleteRow]) -> dict[int, Verdict]:
        asked = {row.index for row in rows}
        known = self._db.execute(
            "SELECT row, verdict FROM outcome WHERE message_id = ? AND row BETWEEN ? AND ?",
            (message_id, min(asked), max(asked)),
        )
        return {index: Verdict(verdict) for index, verdict in known if index in asked}

    def _want_all(self) -> None:
        """An area from before there were keys: every number that somebody has is wanted now."""
        with transaction(self._db):
            having = "SELECT individual_number FROM person WHERE individual_number IS NOT NULL ORDER BY id"
            for (number,) in self._db.execute(having).fetchall():
                person = self._found("individual_number", number)
                if person is not None:
                    self._keys.want(person.record["individual_number"])
            self._db.execute("UPDATE area SET layout = ?", (LAYOUT,))


def _state_row(internal_no: bytes, version: Version, *, deleted: bool) -> bytes:
    return b"state|%s|%d|%d|%d" % (internal_no.hex().encode(), *version, deleted)


def _person_row(internal_no: bytes) -> bytes:
    return b"person|" + internal_no.hex().encode()
