"""Makes the records that are due into what each destination gets, and takes in what became of them.

The rule: what a destination gets is exactly its operation's payload, named field by field; a state goes out as it was
registered or entered, under its own version. A refusal counts only if the record would still be what was refused.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from gateway_vaccination_records.record_system.chains import Chains, PmhKey, Why
from gateway_vaccination_records.record_system.due import Due, Item, Make, Record, Sending
from gateway_vaccination_records.record_system.entries import Entries
from gateway_vaccination_records.record_system.ledger_models import AnsweredId5, DueKind, EndedRow
from gateway_vaccination_records.record_system.people import People, Person
from gateway_vaccination_records.record_system.research import VACCINE, Research
from gateway_vaccination_records.record_system.versions import written

DISPUTE: Final = "dispute"
"""The code by which an edge says that it withheld an answer because it was about another key."""

_VERSION: Final = ("updated_at", "update_seq")
_NOTICE: Final = ("notice_id", "notice_title", "notice_text", *_VERSION)
_CITY: Final = (*VACCINE, "clinic_code", "doctor_name", "place", "special_circumstances")


class Said(StrEnum):
    """What became of one row that was sent and has ended."""

    KEPT = "kept"
    DISPUTE = "dispute"


class Outgoing:
    """On the area's own connection. Every method runs inside a transaction of the area."""

    def __init__(self, due: Due, people: People, entries: Entries, chains: Chains, research: Research) -> None:
        self._due = due
        self._people = people
        self._entries = entries
        self._chains = chains
        self._research = research
        self._make: Mapping[DueKind, Make] = {
            "notice": self._notice,
            "return": self._return,
            "id5": self._id5,
            "research": research.make,
        }

    def batch(self, kind: DueKind, most: int, besides: Sequence[str]) -> Sending | None:
        """See `Due.batch`."""
        sending = self._due.batch(kind, most, self._make[kind], besides)
        if sending is not None and kind == "research":
            self._research.sent(zip(self._due.items(kind, sending.id).values(), sending.records, strict=True))
        return sending

    def end(self, kind: DueKind, batch: str | None, rows: Sequence[EndedRow]) -> dict[int, Said]:
        """End the batch under way. Rows of another batch than that change nothing, but for an ID5 that came late."""
        asked = self._due.items(kind, batch)
        said = dict.fromkeys((row.index for row in rows), Said.KEPT)
        if kind == "id5":
            said = {row.index: self._answered(row, asked.get(row.index)) for row in rows}
        if batch is not None and asked:
            for row in rows:
                if row.index in asked and self._goes_on(kind, row, asked[row.index]):
                    self._due.goes_on(asked[row.index])
            self._due.end(kind, batch, [_ended(row, said[row.index], kind) for row in rows])
        return said

    def pull(self, person: Person) -> Record:
        """All that the city gets of a person's doses (F42). Its intake drops what it gets by file as well (C196)."""
        records = [_pick(each, _CITY) for each in self._entries.records(person)]
        pulled = {
            "internal_no": person.record["internal_no"],
            "vaccination_subject_no": person.vaccination_subject_no,
            "data_changed_at": written(self._entries.changed(person, "record")),
        }
        return pulled | {"records": records} if records else pulled

    # ---- what is sent -----------------------------------------------------------------------------------------------

    def _notice(self, item: Item) -> Record | None:
        person = self._people.get(item.person)
        pmh_key = None if person.hidden else self._chains.key_of(person)
        pseudonym = self._chains.pseudonym_of(pmh_key) if pmh_key else None
        return {"pmh_pseudonym_id": pseudonym, **_pick(self._entries.state_of(item), _NOTICE)} if pseudonym else None

    def _return(self, item: Item) -> Record | None:
        person = self._people.get(item.person)
        return {
            "internal_no": person.record["internal_no"],
            "vaccination_subject_no": person.vaccination_subject_no,
            **_pick(self._entries.state_of(item), _CITY),
        }

    def _id5(self, item: Item) -> Record | None:
        pmh_key = self._chains.key_of(self._people.get(item.person))
        return {"pmh_key": pmh_key.text} if pmh_key and self._chains.id5_of(pmh_key.blind) is None else None

    def _goes_on(self, kind: DueKind, row: EndedRow, item: Item) -> bool:
        """Whether more of the item is to be sent at once.

        The portal refuses a pseudonym that was replaced while the notice was under way: the new one is to have it.
        """
        if row.status == "refused":
            now = self._make[kind](item)
            return now is None or self._due.content(now) != item.content
        return kind == "research" and row.status == "done" and self._research.taken(item)

    # ---- an ID5 that was answered -----------------------------------------------------------------------------------

    def _answered(self, row: EndedRow, asked: Item | None) -> Said:
        if row.record is None:
            return self._withheld(asked) if row.code == DISPUTE and asked else Said.KEPT
        answered = PmhKey(self._chains.blind_key(row.record.pmh_key), row.record.pmh_key)
        if asked is not None and asked.content != self._due.content({"pmh_key": answered.text}):
            wanted = self._chains.key_of(self._people.get(asked.person))
            return self._dispute(wanted or answered, Why.ID5_OF_ANOTHER_KEY)
        person = self._chains.person_of(answered.blind)
        if asked is None and not self._was_asked(answered, person):
            return self._dispute(answered, Why.NEVER_ASKED)
        return self._keep(answered, row.record, person)

    def _keep(self, pmh_key: PmhKey, answer: AnsweredId5, person: Person | None) -> Said:
        if not self._chains.keep_id5(pmh_key, answer.id5):
            return Said.DISPUTE
        if person is not None:
            self._due.forget("id5", person.id)
            self._due.wake(person.id)
        return Said.KEPT

    def _was_asked(self, pmh_key: PmhKey, person: Person | None) -> bool:
        had = self._chains.id5_of(pmh_key.blind) is not None
        return had or (person is not None and self._due.was_asked(person.id))

    def _withheld(self, asked: Item) -> Said:
        wanted = self._chains.key_of(self._people.get(asked.person))
        return self._dispute(wanted, Why.WITHHELD) if wanted else Said.KEPT

    def _dispute(self, pmh_key: PmhKey, why: Why) -> Said:
        self._chains.dispute(pmh_key, why)
        return Said.DISPUTE


def _ended(row: EndedRow, said: Said, kind: DueKind) -> EndedRow:
    """A dispute is asked no more; an ID5 is done only if it came."""
    if said is Said.DISPUTE:
        return row.model_copy(update={"status": "refused", "code": DISPUTE})
    if kind == "id5" and row.status == "done" and row.record is None:
        return row.model_copy(update={"status": "again"})
    return row


def _pick(record: Record, names: Sequence[str]) -> dict[str, Any]:
    return {name: record[name] for name in names if name in record}
