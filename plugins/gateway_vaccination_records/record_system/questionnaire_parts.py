"""The two parts of a questionnaire as they are kept: what the resident answered, and what the doctor entered.

The rule: of each dose the latest state of a part stands, and is ordered by its own time; nothing is ever written over.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import DESK_AHEAD, State, Verdict, Version, instant, judge


class Asked(NamedTuple):
    """Which questionnaire: the setting that the dose had, and the version of its template; None without one."""

    setting: str
    version: Version | None


@dataclass(frozen=True, slots=True)
class Part:
    """One state of the answers to a questionnaire, or of its doctor's part. `identity` names the answers, if any.

    `at` is its own time, by which it is ordered; `changed` is when it was taken here, in microseconds since 1970.
    """

    at: str
    content: Mapping[str, Any] = field(repr=False)
    identity: Mapping[str, str] = field(repr=False)
    asked: Asked
    changed: int

    @property
    def state(self) -> State:
        return State(Version(instant(datetime.fromisoformat(self.at)), 0), deleted=False, content=self.content)


class Parts:
    """The states of one part of all questionnaires, in a table of their own."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, table: Literal["answer_set", "examination"]) -> None:
        self._db = db
        self._key = key
        self._table = table

    def latest(self, person: Person) -> dict[bytes, Part]:
        """What stands for each dose of the person."""
        query = f"SELECT dose, changed, sealed FROM {self._table} WHERE person = ? AND latest"  # noqa: S608 - ours
        parts = {}
        for dose, changed, sealed in self._db.execute(query, (person.id,)):
            kept = from_json(self._key.open(sealed, self._row(person, dose, changed)))
            setting, version = kept["asked"]
            asked = Asked(setting, Version(*version) if version else None)
            parts[dose] = Part(kept["at"], kept["content"], kept["identity"], asked, changed)
        return parts

    def write(self, person: Person, dose: bytes, part: Part, now: datetime) -> Verdict:
        """Judge a part against the one that stands, and keep it if it is accepted."""
        before = self.latest(person).get(dose)
        verdict = judge(before.state if before else None, part.state, now, DESK_AHEAD)
        if verdict is Verdict.ACCEPTED:
            named = {"at": part.at, "content": part.content, "identity": part.identity, "asked": part.asked}
            kept = to_json(named)
            sealed = self._key.seal(kept, self._row(person, dose, part.changed))
            former = f"UPDATE {self._table} SET latest = 0 WHERE person = ? AND dose = ? AND latest"  # noqa: S608 - ours
            self._db.execute(former, (person.id, dose))
            new = f"INSERT INTO {self._table} (person, dose, latest, changed, sealed) VALUES (?, ?, 1, ?, ?)"  # noqa: S608 - ours
            self._db.execute(new, (person.id, dose, part.changed, sealed))
        return verdict

    def count(self) -> int:
        """How many there were, those among them that do not stand any more."""
        return int(self._db.execute(f"SELECT count(*) FROM {self._table}").fetchone()[0])  # noqa: S608 - ours

    def _row(self, person: Person, dose: bytes, changed: int) -> bytes:
        return b"%s|%d|%s|%d" % (self._table.encode(), person.id, dose.hex().encode(), changed)
