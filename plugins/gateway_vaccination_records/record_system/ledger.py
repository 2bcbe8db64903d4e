"""The ledger: questionnaire templates, doses due, doses had and notices, each a chain of sealed states.

The rule: of one entry the higher version stands, whoever wrote it, for its states go on to others under their version.
A dose has one record that is not deleted; an entry belongs to one person, and a record to who entered it, for good.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.due import Due, Item
from gateway_vaccination_records.record_system.given import letters
from gateway_vaccination_records.record_system.ledger_models import (
    DOCTORS_ITEMS,
    DoseGiven,
    RecordRow,
    Registration,
    TemplateRow,
)
from gateway_vaccination_records.record_system.people import People, Person
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import State, Verdict, Version, instant, judge

Kind: TypeAlias = Literal["template", "management", "record", "notice"]
Record: TypeAlias = Mapping[str, Any]

_NAMES: Final[Mapping[Kind, str]] = {
    "template": "vaccination_setting_id",
    "management": "vaccination_management_id",
    "record": "vaccination_record_id",
    "notice": "notice_id",
}
_NAMED_TO_OTHERS: Final = (*_NAMES.values(), "combination_no")
"""What the city made up and others are told: it may be twelve digits, but nobody's individual number (C022)."""
_CITY: Final = "city"


@dataclass(frozen=True, slots=True)
class Entered:
    """A record that a clinic entered is kept, under this id; `due` is its dose as the city planned it."""

    vaccination_record_id: str = field(repr=False)
    due: Record = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Entry:
    id: int
    person: int | None
    source: bytes
    latest: Record = field(repr=False)


class Ledger:
    """On the area's own connection. What keeps something runs inside a transaction of the area."""

    def __init__(
        self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], people: People, due: Due
    ) -> None:
        self._db = db
        self._key = key
        self._clock = clock
        self._people = people
        self._due = due

    # ---- what is kept -----------------------------------------------------------------------------------------------

    def take(self, row: Registration) -> Verdict:
        """Judge one row of the city, which is of this municipality, and keep it if it is accepted."""
        record = row.record.model_dump(exclude_none=True)
        if any(self._people.is_known_number(record[name]) for name in _NAMED_TO_OTHERS if name in record):
            return Verdict.A_NUMBER
        if isinstance(row, TemplateRow):
            return self._take_template(record)
        person = self._people.find("internal_no", row.record.internal_no)
        if person is None or (person.state.deleted and not self._withdraws(row, person)):
            return Verdict.NO_SUCH_PERSON
        return self._take(row.operation, record, person, _CITY)

    def enter(self, person: Person, clinic_code: str, record: Record) -> Entered | Verdict:
        """Take the record that a clinic entered: of `record`, the fields of `DoseGiven` count.

        Without `vaccination_record_id` it is a new one, else a correction of that clinic's own. A verdict is why not:
        SUPERSEDED, VERSION_CONFLICT, OUT_OF_RANGE, DOSE_EXISTS (another record of that dose stands), WRONG_SETTING (the
        dose is due of another vaccination) or NOT_YOURS (the dose is not due of this person; the record is another
        clinic's, another person's, or unknown, be it that it is to be deleted before it was entered).
        """
        management = self.management(person, record["vaccination_management_id"])
        name = record.get("vaccination_record_id")
        entry = self._find("record", name) if name is not None else None
        own = entry is not None and entry.source == self._source(clinic_code)
        if management is None or not (own or (name is None and not record["is_deleted"])):
            return Verdict.NOT_YOURS
        if record["vaccination_setting_id"] != management["vaccination_setting_id"]:
            return Verdict.WRONG_SETTING
        taken = {
            **{name: record[name] for name in DoseGiven.model_fields if record.get(name) is not None},
            "vaccination_record_id": name or "R" + letters(16),
            "clinic_code": clinic_code,
            "subject_category": (entry.latest if entry else person.record)["subject_category"],
        }
        verdict = self._take("record", taken, person, clinic_code)
        if verdict not in (Verdict.ACCEPTED, Verdict.DUPLICATE):
            return verdict
        return Entered(taken["vaccination_record_id"], management)

    # ---- what is read -----------------------------------------------------------------------------------------------

    def template(self, vaccination_setting_id: str) -> Record | None:
        """The latest template of that setting."""
        entry = self._find("template", vaccination_setting_id)
        return entry.latest if entry else None

    def template_changed(self, vaccination_setting_id: str) -> int:
        """When the latest template of that setting was taken here (microseconds since 1970); 0 if there is none."""
        found = self._db.execute(
            "SELECT s.changed FROM entry e JOIN entry_state s ON s.entry = e.id AND s.latest"
            " WHERE e.kind = 'template' AND e.name = ?",
            (self._key.blind(_NAMES["template"], vaccination_setting_id),),
        ).fetchone()
        return int(found[0]) if found else 0

    def template_at(self, vaccination_setting_id: str, version: Version) -> Record | None:
        """The template of that setting as it was in this version; None if there is none at all."""
        entry = self._find("template", vaccination_setting_id)
        return self.state(entry.id, version) if entry else None

    def management(self, person: Person, vaccination_management_id: str) -> Record | None:
        """A dose that this person is due, as registered by the city; None alike if unknown or another person's."""
        entry = self._find("management", vaccination_management_id)
        return entry.latest if entry is not None and entry.person == person.id else None

    def due(self, person: Person) -> list[Record]:
        """The doses that the person is due and has not had: no record of them stands."""
        found = self._db.execute("SELECT dose FROM entry WHERE person = ? AND dose IS NOT NULL", (person.id,))
        had = {dose for (dose,) in found}
        return [each for each in self._all("management", person) if self._dose(each) not in had]

    def records(self, person: Person) -> list[Record]:
        """The latest state of each record of the person, the deleted ones too (`is_deleted`)."""
        return self._all("record", person)

    def notices(self, person: Person) -> list[Record]:
        """The latest state of each notice to the person."""
        return self._all("notice", person)

    def state_of(self, item: Item) -> Record:
        """The state of an entry that is to be sent. Raises LookupError if the item is about none."""
        if item.entry is None or item.version is None:
            raise LookupError
        return self.state(item.entry, item.version)

    def state(self, entry: int, version: Version) -> Record:
        """The state of an entry that had this version."""
        kind, name, sealed = self._db.execute(
            "SELECT e.kind, e.name, s.sealed FROM entry_state s JOIN entry e ON e.id = s.entry"
            " WHERE s.entry = ? AND s.instant = ? AND s.seq = ?",
            (entry, *version),
        ).fetchone()
        return self._open(kind, name, version, sealed)

    def changed(self, person: Person) -> int:
        """When anything of the person or of the person's entries was last taken here (microseconds since 1970).

        Answers and examinations come on top: `max` with their `changed`, then `versions.written`.
        """
        found = self._db.execute(
            "SELECT max(s.changed) FROM entry e JOIN entry_state s ON s.entry = e.id AND s.latest WHERE e.person = ?",
            (person.id,),
        ).fetchone()
        return max(person.changed, found[0] or 0)

    def counts(self) -> dict[str, int]:
        """How many entries there are of each kind."""
        held = dict(self._db.execute("SELECT kind, count(*) FROM entry GROUP BY kind"))
        return {f"{kind}s": held.get(kind, 0) for kind in _NAMES}

    # ---- one entry --------------------------------------------------------------------------------------------------

    def _take_template(self, record: Record) -> Verdict:
        """An item stands once, and none in the doctor's place."""
        ids = [item["item_id"] for item in record["items"]] + [item_id for item_id, _ in DOCTORS_ITEMS.values()]
        if len(set(ids)) < len(ids):
            return Verdict.ITEM_EXISTS
        return self._take("template", record, None, _CITY)

    def _withdraws(self, row: Registration, person: Person) -> bool:
        """Whether a record that this person had is deleted: that must be possible when the person is, too."""
        if not isinstance(row, RecordRow) or not row.record.is_deleted:
            return False
        entry = self._find("record", row.record.vaccination_record_id)
        return entry is not None and entry.person == person.id

    def _take(self, kind: Kind, record: Record, person: Person | None, source: str) -> Verdict:
        entry = self._find(kind, record[_NAMES[kind]])
        owner = person.id if person else None
        if entry is not None and entry.person != owner:
            return Verdict.NOT_YOURS
        new = State.of(record, deleted=False)
        verdict = judge(State.of(entry.latest, deleted=False) if entry else None, new, self._clock())
        if verdict is not Verdict.ACCEPTED:
            return verdict
        dose = self._dose(record) if kind == "record" and not record["is_deleted"] else None
        if kind == "record" and not self._anybodys(record, owner):
            return Verdict.NOT_YOURS
        if dose is not None and self._taken(owner, dose, entry):
            return Verdict.DOSE_EXISTS
        identity = self._keep(kind, entry, record, owner, source, dose)
        if person is not None:
            self._make_due(kind, person, identity, new.version, source)
        return verdict

    def _anybodys(self, record: Record, owner: int | None) -> bool:
        """Whether the dose is this person's as far as it is known; the city's records may come before its plan."""
        management = self._find("management", record["vaccination_management_id"])
        return management is None or management.person == owner

    def _taken(self, owner: int | None, dose: bytes, entry: _Entry | None) -> bool:
        found = self._db.execute("SELECT id FROM entry WHERE person = ? AND dose = ?", (owner, dose)).fetchone()
        return found is not None and (entry is None or found[0] != entry.id)

    def _keep(
        self, kind: Kind, entry: _Entry | None, record: Record, owner: int | None, source: str, dose: bytes | None
    ) -> int:
        name = self._key.blind(_NAMES[kind], record[_NAMES[kind]])
        if entry is None:
            cursor = self._db.execute(
                "INSERT INTO entry (kind, name, person, source, dose) VALUES (?, ?, ?, ?, ?) RETURNING id",
                (kind, name, owner, self._source(source), dose),
            )
            identity = int(cursor.fetchone()[0])
        else:
            identity = entry.id
            self._db.execute("UPDATE entry SET dose = ? WHERE id = ?", (dose, identity))
            self._db.execute("UPDATE entry_state SET latest = 0 WHERE entry = ? AND latest", (identity,))
        version = State.of(record, deleted=False).version
        sealed = self._key.seal(to_json(record), _entry_row(kind, name, version))
        self._db.execute(
            "INSERT INTO entry_state VALUES (?, ?, ?, 1, ?, ?)", (identity, *version, instant(self._clock()), sealed)
        )
        return identity

    def _make_due(self, kind: Kind, person: Person, entry: int, version: Version, source: str) -> None:
        self._due.outdated(entry)
        if kind == "notice":
            self._due.put("notice", person.id, entry, version)
        if kind == "record":
            self._due.want_id5(person.id)
            self._due.put("research", person.id, entry, version)
            if source != _CITY:
                self._due.put("return", person.id, entry, version)

    def _find(self, kind: Kind, name: str) -> _Entry | None:
        blind = self._key.blind(_NAMES[kind], name)
        found = self._db.execute(
            "SELECT e.id, e.person, e.source, s.instant, s.seq, s.sealed FROM entry e"
            " JOIN entry_state s ON s.entry = e.id AND s.latest WHERE e.kind = ? AND e.name = ?",
            (kind, blind),
        ).fetchone()
        if found is None:
            return None
        identity, person, source, moment, seq, sealed = found
        return _Entry(identity, person, source, self._open(kind, blind, Version(moment, seq), sealed))

    def _all(self, kind: Kind, person: Person) -> list[Record]:
        rows = self._db.execute(
            "SELECT e.name, s.instant, s.seq, s.sealed FROM entry e"
            " JOIN entry_state s ON s.entry = e.id AND s.latest WHERE e.person = ? AND e.kind = ? ORDER BY e.id",
            (person.id, kind),
        )
        return [self._open(kind, name, Version(moment, seq), sealed) for name, moment, seq, sealed in rows]

    def _open(self, kind: Kind, name: bytes, version: Version, sealed: bytes) -> Record:
        record: Record = from_json(self._key.open(sealed, _entry_row(kind, name, version)), cache_strings="keys")
        return record

    def _dose(self, record: Record) -> bytes:
        return self._key.blind("dose", record["vaccination_management_id"])

    def _source(self, source: str) -> bytes:
        return self._key.blind("source", source)


def _entry_row(kind: Kind, name: bytes, version: Version) -> bytes:
    return b"entry|%s|%s|%d|%d" % (kind.encode(), name.hex().encode(), *version)
