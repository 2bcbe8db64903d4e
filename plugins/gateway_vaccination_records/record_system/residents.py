"""What residents ask and fill in by way of the portal: questionnaires, and their own records and notices (F49, F50).

The rule: a person is named by pseudonym and by nothing else; unknown, deleted and hidden persons are one answer.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from gateway_vaccination_records.record_system import views
from gateway_vaccination_records.record_system.entries import Entries, Record
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.pseudonyms import Pseudonyms
from gateway_vaccination_records.record_system.questionnaires import Questionnaires
from gateway_vaccination_records.record_system.replies import Answer, Replies, answered
from gateway_vaccination_records.record_system.resident_models import AskedRecords, FilledIn, WantedTemplate
from gateway_vaccination_records.record_system.row_models import Row
from gateway_vaccination_records.record_system.versions import Verdict, written

A = TypeVar("A", WantedTemplate, FilledIn, AskedRecords)


class Residents:
    """The residents' side of one area. Every method is whole: what it changed is durable when it returns."""

    def __init__(
        self, pseudonyms: Pseudonyms, questionnaires: Questionnaires, entries: Entries, replies: Replies
    ) -> None:
        self._pseudonyms = pseudonyms
        self._questionnaires = questionnaires
        self._entries = entries
        self._replies = replies

    def templates(self, rows: Collection[Row[WantedTemplate]]) -> Mapping[int, Answer]:
        """The questionnaires of doses that persons are due (F50)."""
        return {row.index: self._answer(row.record, self._template) for row in rows}

    def questionnaires(self, message_id: str, rows: Collection[Row[FilledIn]]) -> Mapping[int, Answer]:
        """Keep what residents answered beforehand (F50)."""
        fill_in = self._questionnaires.fill_in
        return self._replies.once(message_id, rows, lambda row: self._answer(row.record, fill_in))

    def records(self, rows: Collection[Row[AskedRecords]]) -> Mapping[int, Answer]:
        """Persons' own records and notices (F49)."""
        return {row.index: self._answer(row.record, self._records) for row in rows}

    def _answer(self, asked: A, found_for: Callable[[Person, A], Record | Verdict]) -> Answer:
        person = self._pseudonyms.person(asked.pmh_pseudonym_id)
        found = Verdict.NO_SUCH_PERSON if person is None else found_for(person, asked)
        return answered(found if isinstance(found, Verdict) else {"pmh_pseudonym_id": asked.pmh_pseudonym_id, **found})

    def _template(self, person: Person, wanted: WantedTemplate) -> Record | Verdict:
        template = self._questionnaires.template(person, wanted.vaccination_management_id)
        if isinstance(template, Verdict):
            return template
        return {
            "vaccination_management_id": wanted.vaccination_management_id,
            **views.view(template, views.TEMPLATE),
        }

    def _records(self, person: Person, _: AskedRecords) -> Record:
        entries = self._entries
        return {
            "data_changed_at": written(entries.changed(person, "management", "record", "notice")),
            **views.lists(
                due=[views.view(each, views.DOSE_DUE_TO_RESIDENTS) for each in entries.due(person)],
                records=views.had(entries.records(person), views.DOSE_HAD_TO_RESIDENTS),
                notices=[views.view(each, views.NOTICE) for each in entries.notices(person)],
            ),
        }
