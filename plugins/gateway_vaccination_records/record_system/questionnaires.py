"""予診票: what a resident answered beforehand for one dose that is due, and the doctor's part of it (F50, F55).

The rule: what is void has a status and no content. That is all of it from 強制失効日 on, by the calendar of Japan, and
what is of other questions than the dose's questionnaire has now. Of two sets of answers, or two examinations, the later
one stands; an examination is of the answers that it names, and they must be those that stand.
"""

import sqlite3
from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from pydantic_core import to_json

from gateway_vaccination_records.record_system.answer_kinds import fits
from gateway_vaccination_records.record_system.days import day
from gateway_vaccination_records.record_system.entries import Entries, Record
from gateway_vaccination_records.record_system.given import letters
from gateway_vaccination_records.record_system.ledger_models import DOCTORS_ITEMS
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.questionnaire_parts import Asked, Part, Parts
from gateway_vaccination_records.record_system.resident_models import FilledIn
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import State, Verdict, instant
from gateway_vaccination_records.record_system.visit_models import AskedVisit, Examination

MOST_ANSWERS: Final = 256 * 1024
"""Bytes of a person's answers that doctors are shown at once. A quarter of what the connector reads of one person:
what a resident writes must not keep the city's flags from the doctor.
"""
_FILLED_IN, _EXAMINED, _VOID = "1", "2", "9"  # 回答処理ステータス
_UNFIT: Final = "2"  # 医師記入欄(可否)


class Questionnaires:
    """On the area's own connection; what changes something runs inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], entries: Entries) -> None:
        self._key = key
        self._clock = clock
        self._entries = entries
        self._answers = Parts(db, key, "answer_set")
        self._examinations = Parts(db, key, "examination")

    def template(self, person: Person, vaccination_management_id: str) -> Record | Verdict:
        """What may be answered for a dose that the person is due. Else NO_SUCH_TEMPLATE, EXPIRED_QUESTIONNAIRE."""
        management = self._usable(person, vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        return self._entries.template(management["vaccination_setting_id"]) or Verdict.NO_SUCH_TEMPLATE

    def fill_in(self, person: Person, filled: FilledIn) -> Record | Verdict:
        """Keep what the person answered: `answer_id`, `answer_status`, `forced_expiry_date`.

        Else the verdicts of `template`, UNKNOWN_ITEM (also one that is answered twice), WRONG_ANSWER_KIND,
        TOO_MANY_ANSWERS (with those for the other doses due), SUPERSEDED, VERSION_CONFLICT or OUT_OF_RANGE. The same
        answers again are those that were kept.
        """
        management = self._usable(person, filled.vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        template = self._entries.template(management["vaccination_setting_id"])
        if template is None:
            return Verdict.NO_SUCH_TEMPLATE
        content = filled.model_dump(include={"answers"})
        identity = {"answer_id": "A" + letters(16)}
        part = Part(filled.answered_at, content, identity, self._asked(management), instant(self._clock()))
        if (wrong := self._wrong(person, filled, part, template)) is not None:
            return wrong
        verdict = self._answers.write(person, self._dose(filled.vaccination_management_id), part, self._clock())
        if verdict not in (Verdict.ACCEPTED, Verdict.DUPLICATE):
            return verdict
        (shown,) = self.shown(person, [management])
        kept = self._answers.latest(person)[self._dose(filled.vaccination_management_id)].identity
        status = {"answer_status": shown["answer_status"], "forced_expiry_date": management["forced_expiry_date"]}
        return {**kept, **status}

    def examine(self, person: Person, examination: Examination) -> Record | Verdict:
        """Keep the doctor's part: `answer_status`. Else the verdicts of `fill_in`.

        SUPERSEDED also if other answers stand than it names: the doctor has not seen them. It names none if none stand,
        for they may be on paper.
        """
        management = self._usable(person, examination.vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        dose = self._dose(examination.vaccination_management_id)
        answers = self._standing(self._answers.latest(person).get(dose), management)
        identity = answers.identity if answers else {}
        if examination.model_dump(include={"answer_id"}, exclude_none=True) != identity:
            return Verdict.SUPERSEDED
        beside = {*AskedVisit.model_fields, "vaccination_management_id", "examined_at"} - {"clinic_code"}
        content = examination.model_dump(exclude=beside, exclude_none=True)
        part = Part(examination.examined_at, content, identity, self._asked(management), instant(self._clock()))
        verdict = self._examinations.write(person, dose, part, self._clock())
        if verdict not in (Verdict.ACCEPTED, Verdict.DUPLICATE):
            return verdict
        (kept,) = self.shown(person, [management])
        return {"answer_status": kept["answer_status"]}

    def judged_unfit(self, person: Person, vaccination_management_id: str) -> bool:
        """Whether the doctor who last examined the person for that dose judged against it."""
        examination = self._examinations.latest(person).get(self._dose(vaccination_management_id))
        return examination is not None and examination.content["doctor_judgement"] == _UNFIT

    def shown(self, person: Person, managements: list[Record]) -> list[Record]:
        """Of each dose due: `answer_id`, `answer_status`, `answered_at`, `answers`, as far as there are any."""
        answers, examinations = self._answers.latest(person), self._examinations.latest(person)
        doses = [self._dose(each["vaccination_management_id"]) for each in managements]
        return [
            self._shown(answers.get(dose), examinations.get(dose), management)
            for dose, management in zip(doses, managements, strict=True)
        ]

    def changed(self, person: Person, managements: list[Record]) -> int:
        """When any of it, or a template of it, was last taken here (microseconds since 1970); 0 if there is none."""
        parts = self._answers.latest(person), self._examinations.latest(person)
        given = [part.changed for each in parts for part in each.values()]
        settings = {management["vaccination_setting_id"] for management in managements} if given else set()
        return max([*given, *map(self._entries.template_changed, settings)], default=0)

    def counts(self) -> dict[str, int]:
        """How often questionnaires were answered beforehand, and how often doctors examined."""
        return {"answers": self._answers.count(), "examinations": self._examinations.count()}

    def _shown(self, answers: Part | None, examination: Part | None, management: Record) -> Record:
        told = self._standing(answers, management)
        identity = told.identity if told else {}  # void answers have none: an examination beside them is on paper
        examined = examination if examination is not None and examination.identity == identity else None
        if not (answers or examined):
            return {}
        seen = self._standing(examined, management)
        dated = answers if told or not seen else None
        content = [*(self._told(told) if told else ()), *(_doctors(seen) if seen else ())]
        return {
            **identity,
            "answer_status": _EXAMINED if seen else _FILLED_IN if told else _VOID,
            **({"answered_at": dated.at} if dated else {}),
            **({"answers": content} if content else {}),
        }

    def _standing(self, part: Part | None, management: Record) -> Part | None:
        """The part, unless it is void: expired, or of another questionnaire than the dose has now."""
        if part is None or self._void(management) or part.asked.setting != management["vaccination_setting_id"]:
            return None
        return part if self._questions(part.asked) == self._questions(self._asked(management)) else None

    def _wrong(self, person: Person, filled: FilledIn, part: Part, template: Record) -> Verdict | None:
        """What speaks against answers to a template, their time aside."""
        given, kinds = filled.answers, {item["item_id"]: item["answer_kind"] for item in template["items"]}
        if len({each.item_id for each in given}) < len(given) or not {each.item_id for each in given} <= kinds.keys():
            return Verdict.UNKNOWN_ITEM
        if not all(fits(kinds[each.item_id], each.answer_content) for each in given):
            return Verdict.WRONG_ANSWER_KIND
        all_of_them = _length(self._told(part)) + self._others(person, filled.vaccination_management_id)
        return Verdict.TOO_MANY_ANSWERS if all_of_them > MOST_ANSWERS else None

    def _others(self, person: Person, besides: str) -> int:
        """How long the answers are that stand for the other doses that the person is due."""
        due = [each for each in self._entries.due(person) if each["vaccination_management_id"] != besides]
        return sum(_length(shown.get("answers", [])) for shown in self.shown(person, due))

    def _told(self, answers: Part) -> list[Record]:
        """The answers with their questions as they were asked."""
        questions = {item["item_id"]: item["question_text"] for item in self._questions(answers.asked)}
        return [
            {
                "item_id": each["item_id"],
                "question_text": questions[each["item_id"]],
                "answer_content": each["answer_content"],
            }
            for each in answers.content["answers"]
        ]

    def _asked(self, management: Record) -> Asked:
        template = self._entries.template(management["vaccination_setting_id"])
        version = State.of(template, deleted=False).version if template else None
        return Asked(management["vaccination_setting_id"], version)

    def _questions(self, asked: Asked) -> list[Record]:
        template = self._entries.template_at(asked.setting, asked.version) if asked.version else None
        return list(template["items"]) if template else []

    def _usable(self, person: Person, vaccination_management_id: str) -> Record | Verdict:
        """The dose due, while its questionnaire may be filled in."""
        management = self._entries.management(person, vaccination_management_id)
        if management is None:
            return Verdict.NO_SUCH_TEMPLATE
        return Verdict.EXPIRED_QUESTIONNAIRE if self._void(management) else management

    def _void(self, management: Record) -> bool:
        return day(self._clock()) >= date.fromisoformat(management["forced_expiry_date"])

    def _dose(self, vaccination_management_id: str) -> bytes:
        return self._key.blind("vaccination_management_id", vaccination_management_id)


def _length(answers: list[Record]) -> int:
    return len(to_json(answers))


def _doctors(examination: Part) -> list[Record]:
    content = examination.content
    return [
        {"item_id": item_id, "question_text": question, "answer_content": content[name]}
        for name, (item_id, question) in DOCTORS_ITEMS.items()
        if name in content
    ]
