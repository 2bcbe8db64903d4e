"""Doses as research gets them: under the ID5 of their person, and of nobody who was taken for that person.

The rule: where a dose may stand is known from the moment that it is sent. While it may stand under the ID5 of a number
that is the person's no more, it is taken back there first; only then does it go out under the person's own.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from gateway_vaccination_records.record_system.chains import Chains
from gateway_vaccination_records.record_system.due import Due, Item, Record
from gateway_vaccination_records.record_system.entries import Entries
from gateway_vaccination_records.record_system.people import People, Person, described
from gateway_vaccination_records.record_system.versions import written

VACCINE: Final = (
    *("vaccination_record_id", "vaccination_management_id", "vaccination_setting_id", "vaccinated_on", "consent_flag"),
    *("implementation_type", "vaccination_type", "gtin", "vaccine_maker", "vaccine_generic_name"),
    *("vaccine_common_name", "vaccine_brand_name", "lot_no", "dose_volume", "injection_site", "injection_method"),
    *("vaccine_expiry_date", "caution_flag", "overseas_flag", "is_deleted", "updated_at", "update_seq"),
)
"""What is told of a dose to whomever it is told."""
_RESEARCH: Final = (*VACCINE, "subject_category")
_STANDING_NOW: Final = (
    "INSERT OR IGNORE INTO at_research SELECT e.id, i.pmh_key FROM entry e JOIN person p ON p.id = e.person"
    " JOIN pmh_key k ON k.number = p.individual_number JOIN id5 i ON i.pmh_key = k.pmh_key WHERE e.kind = 'record'"
)


class Research:
    """On the area's own connection. Every method runs inside a transaction of the area."""

    def __init__(
        self, db: sqlite3.Connection, municipality_code: str, people: People, entries: Entries, chains: Chains, due: Due
    ) -> None:
        self._db = db
        self._municipality_code = municipality_code
        self._people = people
        self._entries = entries
        self._chains = chains
        self._due = due

    def make(self, item: Item) -> Record | None:
        """The record that goes out next for a state of a dose; None if none can now.

        Of a person who was deleted it is only that a dose is no more: research may have it, under the ID5 of then.
        """
        person = self._people.get(item.person)
        held = self._people.held(person)
        state = self._entries.state_of(item)
        former = self._former(item, held)
        if former is None and person.state.deleted and not state["is_deleted"]:
            return None
        pmh_key = former or self._own(held)
        id5 = self._chains.id5_of(pmh_key) if pmh_key else None
        if id5 is None or item.version is None:
            return None
        later: dict[str, Any] = {"is_deleted": True} if former else {}
        if person.corrections:
            later["updated_at"] = written(item.version.instant + person.corrections)
        told = {name: state[name] for name in _RESEARCH if name in state}
        return {"id5": id5, "municipality_code": self._municipality_code, **described(held.record), **told, **later}

    def sent(self, items: Iterable[Item]) -> None:
        """From now on these may stand there."""
        for item in items:
            held = self._people.held(self._people.get(item.person))
            pmh_key = self._former(item, held) or self._own(held)
            self._db.execute("INSERT OR IGNORE INTO at_research VALUES (?, ?)", (item.entry, pmh_key))

    def taken(self, item: Item) -> bool:
        """Research has it. Whether it was only taken back, so that more of the item is to be sent."""
        record = self.make(item)
        if record is None or self._due.content(record) != item.content:
            return False
        held = self._people.held(self._people.get(item.person))
        former = self._former(item, held)
        if record["is_deleted"]:
            gone = (item.entry, former or self._own(held))
            self._db.execute("DELETE FROM at_research WHERE entry = ? AND pmh_key = ?", gone)
        return former is not None

    def assume_all(self) -> None:
        """An area from before this was known: whatever could be sent may stand there."""
        self._db.execute(_STANDING_NOW)

    def _own(self, held: Person) -> bytes | None:
        pmh_key = self._chains.key_of(held)
        return pmh_key.blind if pmh_key else None

    def _former(self, item: Item, held: Person) -> bytes | None:
        """A key (blind) under whose ID5 the dose may stand, though its number is not, or no more, the person's."""
        found = self._db.execute(
            "SELECT a.pmh_key FROM at_research a JOIN pmh_key k ON k.pmh_key = a.pmh_key"
            " WHERE a.entry = ? AND k.number IS NOT ? ORDER BY a.pmh_key LIMIT 1",
            (item.entry, self._chains.number_of(held)),
        ).fetchone()
        return bytes(found[0]) if found else None
