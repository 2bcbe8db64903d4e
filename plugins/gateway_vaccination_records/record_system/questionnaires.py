"""予診票: what a resident answered beforehand for one dose that is due, and the doctor's part of it (F50, F55).

The rule: what is void has a status and no content. That is all of it from 強制失効日 on, by the calendar of Japan, and
what is of other questions than the dose's questionnaire has now. Of two sets of answers, or two examinations, the later
one stands; an examination is of the answers that it names, and they must be those that stand.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.answer_kinds import fits
from gateway_vaccination_records.record_system.days import day
from gateway_vaccination_records.record_system.entries import Entries, Record
from gateway_vaccination_records.record_system.given import letters
from gateway_vaccination_records.record_system.ledger_models import DOCTORS_ITEMS
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.resident_models import FilledIn
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import State, Verdict, Version, instant, judge
from gateway_vaccination_records.record_system.visit_models import AskedVisit, Examination

_FILLED_IN, _EXAMINED, _VOID = "1", "2", "9"  # 回答処理ステータス
_UNFIT: Final = "2"  # 医師記入欄(可否)


class _Asked(NamedTuple):
    """Which questionnaire: the setting that the dose had, and the version of its template; None without one."""

    setting: str
    version: Version | None


@dataclass(frozen=True, slots=True)
class _Part:
    """One state of the answers to a questionnaire, or of its doctor's part. `identity` names the answers, if any.

    `at` is its own time, by which it is ordered; `changed` is when it was taken here, in microseconds since 1970.
    """

    at: str
    content: Mapping[str, Any] = field(repr=False)
    identity: Mapping[str, str] = field(repr=False)
    asked: _Asked
    changed: int

    @property
    def state(self) -> State:
        return State(Version(instant(datetime.fromisoformat(self.at)), 0), deleted=False, content=self.content)


class Questionnaires:
    """On the area's own connection; what changes something runs inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], entries: Entries) -> None:
        self._key = key
        self._clock = clock
        self._entries = entries
        self._answers = _Parts(db, key, "answer_set")
        self._examinations = _Parts(db, key, "examination")

    def template(self, person: Person, vaccination_management_id: str) -> Record | Verdict:
        """What may be answered for a dose that the person is due. Else NO_SUCH_TEMPLATE, EXPIRED_QUESTIONNAIRE."""
        management = self._usable(person, vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        return self._entries.template(management["vaccination_setting_id"]) or Verdict.NO_SUCH_TEMPLATE

    def fill_in(self, person: Person, filled: FilledIn) -> Record | Verdict:
        """Keep what the person answered: `answer_id`, `answer_status`, `forced_expiry_date`.

        Else the verdicts of `template`, UNKNOWN_ITEM (also one that is answered twice), WRONG_ANSWER_KIND, SUPERSEDED,
        VERSION_CONFLICT or OUT_OF_RANGE. The same answers again are those that were kept.
        """
        management = self._usable(person, filled.vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        template = self._entries.template(management["vaccination_setting_id"])
        if template is None:
            return Verdict.NO_SUCH_TEMPLATE
        given, kinds = filled.answers, {item["item_id"]: item["answer_kind"] for item in template["items"]}
        if len({each.item_id for each in given}) < len(given) or not {each.item_id for each in given} <= kinds.keys():
            return Verdict.UNKNOWN_ITEM
        if not all(fits(kinds[each.item_id], each.answer_content) for each in given):
            return Verdict.WRONG_ANSWER_KIND
        content = filled.model_dump(include={"answers"})
        identity = {"answer_id": "A" + letters(16)}
        part = _Part(filled.answered_at, content, identity, self._asked(management), instant(self._clock()))
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
        part = _Part(examination.examined_at, content, identity, self._asked(management), instant(self._clock()))
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

    def _shown(self, answers: _Part | None, examination: _Part | None, management: Record) -> Record:
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

    def _standing(self, part: _Part | None, management: Record) -> _Part | None:
        """The part, unless it is void: expired, or of another questionnaire than the dose has now."""
        if part is None or self._void(management) or part.asked.setting != management["vaccination_setting_id"]:
            return None
        return part if self._questions(part.asked) == self._questions(self._asked(management)) else None

    def _told(self, answers: _Part) -> list[Record]:
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

    def _asked(self, management: Record) -> _Asked:
        template = self._entries.template(management["vaccination_setting_id"])
        version = State.of(template, deleted=False).version if template else None
        return _Asked(management["vaccination_setting_id"], version)

    def _questions(self, asked: _Asked) -> list[Record]:
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


class _Parts:
    """The states of one part of all questionnaires, in a table of their own."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, table: Literal["answer_set", "examination"]) -> None:
        self._db = db
        self._key = key
        self._table = table

    def latest(self, person: Person) -> dict[bytes, _Part]:
        """What stands for each dose of the person."""
        query = f"SELECT dose, changed, sealed FROM {self._table} WHERE person = ? AND latest"  # noqa: S608 - ours
        parts = {}
        for dose, changed, sealed in self._db.execute(query, (person.id,)):
            kept = from_json(self._key.open(sealed, self._row(person, dose, changed)))
            setting, version = kept["asked"]
            asked = _Asked(setting, Version(*version) if version else None)
            parts[dose] = _Part(kept["at"], kept["content"], kept["identity"], asked, changed)
        return parts

    def write(self, person: Person, dose: bytes, part: _Part, now: datetime) -> Verdict:
        """Judge a part against the one that stands, and keep it if it is accepted."""
        before = self.latest(person).get(dose)
        verdict = judge(before.state if before else None, part.state, now)
        if verdict is Verdict.ACCEPTED:
            named = {"at": part.at, "content": part.content, "identity": part.identity, "asked": part.asked}
            kept = to_json(named)
            sealed = self._key.seal(kept, self._row(person, dose, part.changed))
            former = f"UPDATE {self._table} SET latest = 0 WHERE person = ? AND dose = ? AND latest"  # noqa: S608 - ours
            self._db.execute(former, (person.id, dose))
            new = f"INSERT INTO {self._table} (person, dose, latest, changed, sealed) VALUES (?, ?, 1, ?, ?)"  # noqa: S608 - ours
            self._db.execute(new, (person.id, dose, part.changed, sealed))
        return verdict

    def _row(self, person: Person, dose: bytes, changed: int) -> bytes:
        return b"%s|%d|%s|%d" % (self._table.encode(), person.id, dose.hex().encode(), changed)


def _doctors(examination: _Part) -> list[Record]:
    content = examination.content
    return [
        {"item_id": item_id, "question_text": question, "answer_content": content[name]}
        for name, (item_id, question) in DOCTORS_ITEMS.items()
        if name in content
    ]
