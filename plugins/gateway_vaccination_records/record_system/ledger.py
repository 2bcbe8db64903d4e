"""What city and clinics may write of templates, doses due, doses had and notices, and what becomes due by it.

The rule: of one entry the higher version stands, whoever wrote it, for its states go on to others under their version.
A dose has one record that is not deleted; an entry belongs to one person, and a record to who entered it, for good.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway_vaccination_records.record_system.due import Due
from gateway_vaccination_records.record_system.entries import NAMES, Entries, Kind, Record
from gateway_vaccination_records.record_system.given import letters
from gateway_vaccination_records.record_system.ledger_models import (
    DOCTORS_ITEMS,
    DoseGiven,
    RecordRow,
    Registration,
    TemplateRow,
)
from gateway_vaccination_records.record_system.people import People, Person
from gateway_vaccination_records.record_system.versions import (
    CITY_AHEAD,
    DESK_AHEAD,
    State,
    Verdict,
    Version,
    judge,
)

_NAMED_TO_OTHERS: Final = (*NAMES.values(), "combination_no")
"""What the city made up and others are told: it may be twelve digits, but nobody's individual number (C022)."""
_CITY: Final = "city"


@dataclass(frozen=True, slots=True)
class Entered:
    """A record that a clinic entered is kept, under this id; `due` is its dose as the city planned it."""

    vaccination_record_id: str = field(repr=False)
    due: Record = field(repr=False)


class Ledger:
    """`entries` is what is kept. Every method runs inside a transaction of the area."""

    def __init__(self, entries: Entries, clock: Callable[[], datetime], people: People, due: Due) -> None:
        self.entries = entries
        self._clock = clock
        self._people = people
        self._due = due

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
        management = self.entries.management(person, record["vaccination_management_id"])
        name = record.get("vaccination_record_id")
        entry = self.entries.find("record", name) if name is not None else None
        own = entry is not None and entry.source == self.entries.source(clinic_code)
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

    # ---- one state --------------------------------------------------------------------------------------------------

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
        entry = self.entries.find("record", row.record.vaccination_record_id)
        return entry is not None and entry.person == person.id

    def _take(self, kind: Kind, record: Record, person: Person | None, source: str) -> Verdict:
        entry = self.entries.find(kind, record[NAMES[kind]])
        owner = person.id if person else None
        if entry is not None and entry.person != owner:
            return Verdict.NOT_YOURS
        new = State.of(record, deleted=False)
        latest = State.of(entry.latest, deleted=False) if entry else None
        verdict = judge(latest, new, self._clock(), CITY_AHEAD if source == _CITY else DESK_AHEAD)
        if verdict is not Verdict.ACCEPTED:
            return verdict
        if kind == "record" and not self._anybodys(record, owner):
            return Verdict.NOT_YOURS
        if kind == "record" and not record["is_deleted"] and self.entries.is_had(owner, record, entry):
            return Verdict.DOSE_EXISTS
        identity = self.entries.keep(kind, entry, record, owner, source)
        if person is not None:
            self._make_due(kind, person, identity, new.version, source)
        return verdict

    def _anybodys(self, record: Record, owner: int | None) -> bool:
        """Whether the dose is this person's as far as it is known; the city's records may come before its plan."""
        management = self.entries.find("management", record["vaccination_management_id"])
        return management is None or management.person == owner

    def _make_due(self, kind: Kind, person: Person, entry: int, version: Version, source: str) -> None:
        self._due.outdated(entry)
        if kind == "notice":
            self._due.put("notice", person.id, entry, version)
        if kind == "record":
            self._due.want_id5(person.id)
            self._due.put("research", person.id, entry, version)
            if source != _CITY:
                self._due.put("return", person.id, entry, version)
