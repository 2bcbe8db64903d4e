"""Doses as research gets them: under the ID5 of their person, and of nobody who was taken for that person.

The rule: where a dose may stand, and what of it, is known from the moment that it is sent. While it may stand under the
ID5 of a number that is the person's no more, it is taken back there first, with nothing that was not told there before;
only then does it go out under the person's own.
"""

import sqlite3
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.chains import Chains
from gateway_vaccination_records.record_system.due import Due, Item, Record
from gateway_vaccination_records.record_system.entries import Entries
from gateway_vaccination_records.record_system.people import People, Person, described
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import Version, written

VACCINE: Final = (
    *("vaccination_record_id", "vaccination_management_id", "vaccination_setting_id", "vaccinated_on", "consent_flag"),
    *("implementation_type", "vaccination_type", "gtin", "vaccine_maker", "vaccine_generic_name"),
    *("vaccine_common_name", "vaccine_brand_name", "lot_no", "dose_volume", "injection_site", "injection_method"),
    *("vaccine_expiry_date", "caution_flag", "overseas_flag", "is_deleted", "updated_at", "update_seq"),
)
"""What is told of a dose to whomever it is told."""
_RESEARCH: Final = (*VACCINE, "subject_category")
_GONE: Final = (
    "DELETE FROM at_research WHERE entry = ?1 AND pmh_key = ?2 AND NOT EXISTS ("
    " SELECT 1 FROM due WHERE kind = 'research' AND entry = ?1 AND batch IS NOT NULL AND id <> ?3)"
)
"""Unless another batch has the dose: what that one takes back, or brings, is not known yet."""
_DOSES: Final = (
    "SELECT e.person, e.id, s.instant, s.seq, s.changed FROM entry e JOIN entry_state s ON s.entry = e.id"
    " WHERE e.kind = 'record' ORDER BY e.person, e.id, s.instant, s.seq"
)
_KEYS_WITH_ID5: Final = "SELECT k.number, k.pmh_key FROM pmh_key k JOIN id5 i ON i.pmh_key = k.pmh_key"


class _Stands(NamedTuple):
    """What may stand under the ID5 of a key (blind)."""

    pmh_key: bytes
    record: Record


class Research:
    """On the area's own connection. Every method runs inside a transaction of the area."""

    def __init__(  # noqa: PLR0913  (all that a dose at research is made of)
        self,
        db: sqlite3.Connection,
        key: TenantKey,
        municipality_code: str,
        people: People,
        entries: Entries,
        chains: Chains,
        due: Due,
    ) -> None:
        self._db = db
        self._key = key
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
        if item.version is None:
            return None
        later: dict[str, Any] = {"update_seq": state["update_seq"], "updated_at": state["updated_at"]}
        if person.corrections:
            later["updated_at"] = written(item.version.instant + person.corrections)
        if (former := self._former(item.entry, held)) is not None:
            return {**former.record, "is_deleted": True, **later}
        if person.state.deleted and not state["is_deleted"]:
            return None
        pmh_key = self._own(held)
        id5 = self._chains.id5_of(pmh_key) if pmh_key else None
        return {**self._told(id5, held.record, state), **later} if id5 else None

    def sent(self, items: Iterable[tuple[Item, Record]]) -> None:
        """From now on these may stand there."""
        for item, record in items:
            held = self._people.held(self._people.get(item.person))
            if item.entry is not None and self._former(item.entry, held) is None and (pmh_key := self._own(held)):
                self._stands(item.entry, pmh_key, record)

    def taken(self, item: Item) -> bool:
        """Research has it. Whether it was only taken back, so that more of the item is to be sent."""
        record = self.make(item)
        if record is None or self._due.content(record) != item.content:
            return False
        held = self._people.held(self._people.get(item.person))
        former = self._former(item.entry, held)
        if record["is_deleted"]:
            self._db.execute(_GONE, (item.entry, former.pmh_key if former else self._own(held), item.id))
        return former is not None

    def assume_all(self) -> None:
        """An area from before this was known: whatever could be sent may stand there, under each number that its person
        was held to have, as it was when that number was the person's.

        Where one is not the person's of now, the dose goes anew, first to be taken back.
        """
        keys = dict(self._db.execute(_KEYS_WITH_ID5).fetchall())
        for owner, states in groupby(self._db.execute(_DOSES), key=itemgetter(0)):
            numbers = {number: held for number, held in self._people.numbers(owner).items() if number in keys}
            if numbers.keys() - {self._chains.number_of(self._people.held(self._people.get(owner)))}:
                self._people.corrected(owner)
            for _, entry, instant, seq, taken in states:
                for number, (record, until) in numbers.items():
                    id5 = self._chains.id5_of(keys[number])
                    if id5 is not None and (until is None or taken < until):
                        state = self._entries.state(entry, Version(instant, seq))
                        self._stands(entry, keys[number], self._told(id5, record, state))

    def _told(self, id5: str, person: Record, state: Record) -> Record:
        dose = {name: state[name] for name in _RESEARCH if name in state}
        return {"id5": id5, "municipality_code": self._municipality_code, **described(person), **dose}

    def _own(self, held: Person) -> bytes | None:
        pmh_key = self._chains.key_of(held)
        return pmh_key.blind if pmh_key else None

    def _stands(self, entry: int, pmh_key: bytes, record: Record) -> None:
        sealed = self._key.seal(to_json(record), _row(entry, pmh_key))
        self._db.execute("INSERT OR REPLACE INTO at_research VALUES (?, ?, ?)", (entry, pmh_key, sealed))

    def _former(self, entry: int | None, held: Person) -> _Stands | None:
        """What may stand under the ID5 of a key whose number is not, or no more, the person's."""
        found = self._db.execute(
            "SELECT a.pmh_key, a.sealed FROM at_research a JOIN pmh_key k ON k.pmh_key = a.pmh_key"
            " WHERE a.entry = ? AND k.number IS NOT ? ORDER BY a.pmh_key LIMIT 1",
            (entry, self._chains.number_of(held)),
        ).fetchone()
        if found is None or entry is None:
            return None
        return _Stands(bytes(found[0]), from_json(self._key.open(found[1], _row(entry, bytes(found[0])))))


def _row(entry: int, pmh_key: bytes) -> bytes:
    return b"at_research|%d|%s" % (entry, pmh_key.hex().encode())
