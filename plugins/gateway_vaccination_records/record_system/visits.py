"""What clinics ask and enter at a visit: about one person, under a confirmation that PMH has of that very visit.

The rule: first the confirmation, then the person. What does not fit (another person or clinic, no consent, too late),
and whom a clinic may not be shown, is one answer: no such person (C206, C207).
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Final, TypeVar

from gateway_vaccination_records.record_system import views
from gateway_vaccination_records.record_system.confirmations import Confirmations
from gateway_vaccination_records.record_system.days import day
from gateway_vaccination_records.record_system.doubts import doubts
from gateway_vaccination_records.record_system.entries import Record
from gateway_vaccination_records.record_system.ledger import Ledger
from gateway_vaccination_records.record_system.people import People, Person
from gateway_vaccination_records.record_system.questionnaires import Questionnaires
from gateway_vaccination_records.record_system.replies import Answer, Replies, answered
from gateway_vaccination_records.record_system.row_models import Row
from gateway_vaccination_records.record_system.versions import Verdict, written
from gateway_vaccination_records.record_system.visit_models import AskedVisit, Examination, Vaccination

A = TypeVar("A", bound=AskedVisit)
_WANTED: Final = answered(Verdict.CONFIRMATION_WANTED)


class Visits:
    """The clinics' side of one area. Every method is whole: what it changed is durable when it returns.

    A row is answered `confirmation_wanted` while its confirmation is not known here: give it, and ask again.
    """

    def __init__(
        self,
        people: People,
        confirmations: Confirmations,
        questionnaires: Questionnaires,
        ledger: Ledger,
        replies: Replies,
        clock: Callable[[], datetime],
    ) -> None:
        self._clock = clock
        self._people = people
        self._confirmations = confirmations
        self._questionnaires = questionnaires
        self._entries = ledger.entries
        self._ledger = ledger
        self._replies = replies

    def queries(self, rows: Collection[Row[AskedVisit]]) -> Mapping[int, Answer]:
        """What the clinic may see of that one person (F54)."""
        return {row.index: self._answer(row.record, self._visit) for row in rows}

    def examinations(self, message_id: str, rows: Collection[Row[Examination]]) -> Mapping[int, Answer]:
        """Keep the doctor's part of a questionnaire (F55)."""
        return self._once(message_id, rows, self._questionnaires.examine)

    def vaccinations(self, message_id: str, rows: Collection[Row[Vaccination]]) -> Mapping[int, Answer]:
        """Keep, correct or delete logically what the clinic entered (F55)."""
        return self._once(message_id, rows, self._enter)

    def _once(
        self, message_id: str, rows: Collection[Row[A]], found_for: Callable[[Person, A], Record | Verdict]
    ) -> Mapping[int, Answer]:
        """An answer that wants the confirmation is none: the same row comes again when that is known."""
        return self._replies.once(
            message_id, rows, lambda row: self._answer(row.record, found_for), final=lambda answer: answer != _WANTED
        )

    def _answer(self, asked: A, found_for: Callable[[Person, A], Record | Verdict]) -> Answer:
        allowed = self._confirmations.allows(asked)
        if allowed is None:
            return _WANTED
        person = self._people.find("vaccination_subject_no", asked.vaccination_subject_no)
        if not allowed or person is None or person.hidden:
            return answered(Verdict.NO_SUCH_PERSON)
        found = found_for(person, asked)
        if isinstance(found, Verdict):
            return answered(found)
        return answered({"vaccination_subject_no": person.vaccination_subject_no, **found})

    def _visit(self, person: Person, _: AskedVisit) -> Record:
        managements = self._entries.due(person)
        filled_in = self._questionnaires.shown(person, managements)
        due = [
            {**views.view(management, views.DOSE_DUE_TO_CLINICS), **shown}
            for management, shown in zip(managements, filled_in, strict=True)
        ]
        changed = max(
            self._entries.changed(person, "management", "record"), self._questionnaires.changed(person, managements)
        )
        return {
            **views.view(person.record, views.PERSON_TO_CLINICS),
            "data_changed_at": written(changed),
            **views.lists(due=due, records=views.had(self._entries.records(person), views.DOSE_HAD_TO_CLINICS)),
        }

    def _enter(self, person: Person, vaccination: Vaccination) -> Record | Verdict:
        record = vaccination.model_dump(exclude={*AskedVisit.model_fields}, exclude_none=True)
        entered = self._ledger.enter(person, vaccination.clinic_code, record)
        if isinstance(entered, Verdict):
            return entered
        unfit = self._questionnaires.judged_unfit(person, vaccination.vaccination_management_id)
        codes = doubts(vaccination, entered.due, unfit=unfit, today=day(self._clock()))
        warnings = [{"warning_code": each} for each in codes]
        return {"vaccination_record_id": entered.vaccination_record_id, **views.lists(warnings=warnings)}
