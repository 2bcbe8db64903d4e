"""The persons of one area: each a chain of states, found by the blind index of an identifier.

The rule: the higher version stands (see `versions.py`); a person is known by `internal_no`, all else may be corrected.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.check_digits import numbers_within
from gateway_vaccination_records.record_system.due import Due
from gateway_vaccination_records.record_system.given import letters
from gateway_vaccination_records.record_system.keys import Keys
from gateway_vaccination_records.record_system.models import DeleteRow, RegisterRow
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import State, Verdict, Version, instant, judge

By: TypeAlias = Literal["internal_no", "individual_number", "vaccination_subject_no"]

_STATES: Final = (
    "SELECT p.id, p.internal_no, p.sealed_subject_no, p.corrections, s.instant, s.seq, s.deleted, s.changed, s.sealed"
    " FROM person p JOIN state s ON s.person = p.id"
)
_FOUND: Final = f"{_STATES} AND s.latest WHERE p."
_HELD: Final = f"{_STATES} AND NOT s.deleted WHERE p.id = ? ORDER BY s.instant DESC, s.seq DESC LIMIT 1"
_ALL_HELD: Final = f"{_STATES} AND NOT s.deleted WHERE p.id = ? ORDER BY s.instant, s.seq"
_FIND: Final[Mapping[By, str]] = {
    by: f"{_FOUND}{by} = ?" for by in ("internal_no", "individual_number", "vaccination_subject_no")
}


@dataclass(frozen=True, slots=True)
class Person:
    """A person as latest known: who (rowid and blind index), the number given here, and the state opened.

    `changed` is when that state was taken here, in microseconds since 1970. `corrections` counts how often month of
    birth, sex or individual number became another.
    """

    id: int
    internal_no: bytes = field(repr=False)
    vaccination_subject_no: str = field(repr=False)
    state: State
    record: Mapping[str, Any] = field(repr=False)
    changed: int
    corrections: int

    @property
    def hidden(self) -> bool:
        """Not shown to residents and clinics: 不開示, 閲覧停止, or deleted. To them there is no such person."""
        flags = ("control_flag_nondisclosure", "control_flag_view_suspended")
        return self.state.deleted or any(self.record[flag] for flag in flags)


class People:
    """On the area's own connection. `take` runs inside a transaction of the area."""

    def __init__(
        self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], keys: Keys, due: Due
    ) -> None:
        self._db = db
        self._key = key
        self._clock = clock
        self._keys = keys
        self._due = due

    def take(self, row: RegisterRow | DeleteRow) -> Verdict:
        """Judge one row of this municipality and keep it if it is accepted."""
        record = row.record.model_dump(exclude_none=True)
        person = self.find("internal_no", row.record.internal_no)
        new = State.of(record, deleted=row.operation == "delete")
        verdict = judge(person.state if person else None, new, self._clock())
        if verdict is Verdict.ACCEPTED:
            self._keep(person, new, record)
        return verdict

    def find(self, by: By, value: str) -> Person | None:
        """The person with this identifier, deleted or not; by individual_number, one of those who have it now."""
        return self._found(_FIND[by], self._key.blind(by, value))

    def get(self, identity: int) -> Person:
        """The person with this rowid. Raises LookupError."""
        person = self._found(f"{_FOUND}id = ?", identity)
        if person is None:
            raise LookupError
        return person

    def held(self, person: Person) -> Person:
        """The person as last held here: of a deleted one, as before the deletion."""
        return (self._found(_HELD, person.id) if person.state.deleted else None) or person

    def numbers(self, identity: int) -> dict[bytes, tuple[Mapping[str, Any], int | None]]:
        """Every individual number (blind) that the person was held to have: the latest record that has it, and when
        another was taken in its place (microseconds since 1970; None: it is still held).
        """
        numbers: dict[bytes, tuple[Mapping[str, Any], int | None]] = {}
        last = None
        for row in self._db.execute(_ALL_HELD, (identity,)).fetchall():
            held = self._person(row)
            given = held.record.get("individual_number")
            number = self._key.blind("individual_number", given) if given is not None else None
            if last is not None and last != number:
                numbers[last] = (numbers[last][0], held.changed)
            if number is not None:
                numbers[number] = (held.record, None)
            last = number
        return numbers

    def only_one(self, number: bytes) -> Person | None:
        """Who has this individual number (blind); None if nobody has, or two: then it cannot tell which is meant."""
        having = self._having(number)
        return self.get(having[0]) if len(having) == 1 else None

    def is_shared(self, number: bytes) -> bool:
        """Whether two persons have this individual number (blind)."""
        return len(self._having(number)) > 1

    def is_known_number(self, identifier: str) -> bool:
        """Whether an identifier is, or holds, an individual number that is known here (C022)."""
        return any(self._keys.knows(number) for number, _ in numbers_within(identifier))

    def want_all(self) -> None:
        """An area from before there were keys: every number that somebody has is wanted now."""
        having = "SELECT id FROM person WHERE individual_number IS NOT NULL ORDER BY id"
        for (identity,) in self._db.execute(having).fetchall():
            self._keys.want(self.get(identity).record["individual_number"])

    def counts(self) -> dict[str, int]:
        """How many persons, versions and deleted persons there are."""
        persons, versions, deleted = self._db.execute(
            "SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM state),"
            " (SELECT count(*) FROM state WHERE latest AND deleted)"
        ).fetchone()
        return {"persons": persons, "versions": versions, "deleted": deleted}

    def _having(self, number: bytes) -> list[int]:
        found = self._db.execute("SELECT id FROM person WHERE individual_number = ? LIMIT 2", (number,))
        return [row[0] for row in found]

    def _found(self, query: str, value: bytes | int) -> Person | None:
        found = self._db.execute(query, (value,)).fetchone()
        return self._person(found) if found is not None else None

    def _person(self, row: tuple[Any, ...]) -> Person:
        identity, internal_no, sealed_subject_no, corrections, moment, seq, deleted, changed, sealed = row
        opened = self._key.open(sealed, _state_row(internal_no, Version(moment, seq), deleted=bool(deleted)))
        record = from_json(opened, cache_strings="keys")
        subject_no = self._key.open(sealed_subject_no, _person_row(internal_no)).decode()
        state = State.of(record, deleted=bool(deleted))
        return Person(identity, internal_no, subject_no, state, record, changed, corrections)

    def _keep(self, person: Person | None, new: State, record: Mapping[str, Any]) -> None:
        number, former = record.get("individual_number"), person.record.get("individual_number") if person else None
        if number is not None and number != former:
            self._keys.want(number)
        blind_number = self._key.blind("individual_number", number) if number is not None else None
        former_held = self.held(person).record if person else record
        if person is None:
            internal_no = self._key.blind("internal_no", record["internal_no"])
            identity = self._enrol(internal_no, blind_number)
        else:
            identity, internal_no = person.id, person.internal_no
            self._db.execute("UPDATE state SET latest = 0 WHERE person = ? AND latest", (identity,))
            self._db.execute("UPDATE person SET individual_number = ? WHERE id = ?", (blind_number, identity))
        sealed = self._key.seal(to_json(record), _state_row(internal_no, new.version, deleted=new.deleted))
        self._db.execute(
            "INSERT INTO state (person, instant, seq, latest, deleted, sealed, changed) VALUES (?, ?, ?, 1, ?, ?, ?)",
            (identity, *new.version, int(new.deleted), sealed, instant(self._clock())),
        )
        if person is not None:
            self._due.wake(identity)
            if not new.deleted:
                self._compare(identity, former_held, record)
        if number != former:
            self._renumbered(identity, former)

    def _compare(self, identity: int, former: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        """What follows from what was wrong of a person."""
        another = record.get("individual_number") != former.get("individual_number")
        if another or described(record) != described(former):
            self.corrected(identity)
        if another:
            self._void_answers(identity)
            self._due.revive("notice", identity)

    def _void_answers(self, identity: int) -> None:
        """Whoever was linked by the former number may have given them."""
        self._db.execute("UPDATE answer_set SET latest = 0 WHERE person = ? AND latest", (identity,))

    def corrected(self, identity: int) -> None:
        """Doses that research has are wrong now, or stand there under another person's ID5."""
        self._db.execute("UPDATE person SET corrections = corrections + 1 WHERE id = ?", (identity,))
        self._due.again(identity)

    def _renumbered(self, identity: int, former: str | None) -> None:
        """With the number the key is another; and the former number may name now one person, of two that had it."""
        self._due.forget("id5", identity)
        self._due.want_id5(identity)
        if former is not None:
            self._due.wake_number(self._key.blind("individual_number", former))

    def _enrol(self, internal_no: bytes, number: bytes | None) -> int:
        """Give a new person a 予防接種対象者番号."""
        while True:
            subject_no = "V" + letters(12)
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


def described(record: Mapping[str, Any]) -> Mapping[str, str]:
    """What research is told of a person beside the ID5: there is no day of birth in it."""
    return {"birth_month": record["birth_date"][: len("2025-01")], "sex": record["sex"]}


def _state_row(internal_no: bytes, version: Version, *, deleted: bool) -> bytes:
    return b"state|%s|%d|%d|%d" % (internal_no.hex().encode(), *version, deleted)


def _person_row(internal_no: bytes) -> bytes:
    return b"person|" + internal_no.hex().encode()
