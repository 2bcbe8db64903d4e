"""予診票: what a resident answered beforehand for one dose that is due, and the doctor's part of it (F50, F55).

The rule: from 強制失効日 on, by the calendar of Japan, all of it is void: its status is told, its content is not. Of
two sets of answers, or two examinations, the later one stands; an examination is of the answers that it found.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final, Literal

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.given import letters
from gateway_vaccination_records.record_system.ledger import Ledger, Record
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.resident_models import FilledIn
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import State, Verdict, Version, instant, judge
from gateway_vaccination_records.record_system.visit_models import AskedVisit, Examination

_JAPAN: Final = timezone(timedelta(hours=9))
_FILLED_IN, _EXAMINED, _VOID = "1", "2", "9"  # 回答処理ステータス
_DOCTORS: Final = {name: name.replace("_", "-") for name in ("doctor_judgement", "doctor_name", "doctor_note")}
"""The doctor's part, and the item ids under which it follows the answers."""


class Questionnaires:
    """On the area's own connection; what changes something runs inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], ledger: Ledger) -> None:
        self._key = key
        self._clock = clock
        self._ledger = ledger
        self._answers = _Parts(db, key, "answer_set")
        self._examinations = _Parts(db, key, "examination")

    def template(self, person: Person, vaccination_management_id: str) -> Record | Verdict:
        """What may be answered for a dose that the person is due. Else NO_SUCH_TEMPLATE, EXPIRED_QUESTIONNAIRE."""
        management = self._usable(person, vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        return self._ledger.template(management["vaccination_setting_id"]) or Verdict.NO_SUCH_TEMPLATE

    def fill_in(self, person: Person, filled: FilledIn) -> Record | Verdict:
        """Keep what the person answered: `answer_id`, `answer_status`, `forced_expiry_date`.

        Else the verdicts of `template`, UNKNOWN_ITEM (also one that is answered twice), SUPERSEDED, VERSION_CONFLICT or
        OUT_OF_RANGE. The same answers again are those that were kept.
        """
        management = self._usable(person, filled.vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        template = self._ledger.template(management["vaccination_setting_id"])
        if template is None:
            return Verdict.NO_SUCH_TEMPLATE
        given = [answer.item_id for answer in filled.answers]
        if len(set(given)) < len(given) or not {*given} <= {item["item_id"] for item in template["items"]}:
            return Verdict.UNKNOWN_ITEM
        content = filled.model_dump(include={"answers"})
        part = _Part(filled.answered_at, content, {"answer_id": "A" + letters(16)}, instant(self._clock()))
        verdict = self._answers.write(person, self._dose(filled.vaccination_management_id), part, self._clock())
        if verdict not in (Verdict.ACCEPTED, Verdict.DUPLICATE):
            return verdict
        (kept,) = self.shown(person, [management])
        status = {name: kept[name] for name in ("answer_id", "answer_status")}
        return status | {"forced_expiry_date": management["forced_expiry_date"]}

    def examine(self, person: Person, examination: Examination) -> Record | Verdict:
        """Keep the doctor's part: `answer_status`. Else the verdicts of `fill_in`.

        There need be no answers, for they may be on paper.
        """
        management = self._usable(person, examination.vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        dose = self._dose(examination.vaccination_management_id)
        beside = {*AskedVisit.model_fields, "vaccination_management_id", "examined_at"} - {"clinic_code"}
        content = examination.model_dump(exclude=beside, exclude_none=True)
        answers = self._answers.latest(person).get(dose)
        part = _Part(examination.examined_at, content, answers.identity if answers else {}, instant(self._clock()))
        verdict = self._examinations.write(person, dose, part, self._clock())
        if verdict not in (Verdict.ACCEPTED, Verdict.DUPLICATE):
            return verdict
        (kept,) = self.shown(person, [management])
        return {"answer_status": kept["answer_status"]}

    def shown(self, person: Person, managements: list[Record]) -> list[Record]:
        """Of each dose due: `answer_id`, `answer_status`, `answered_at`, `answers`, as far as there are any."""
        answers, examinations = self._answers.latest(person), self._examinations.latest(person)
        doses = [self._dose(each["vaccination_management_id"]) for each in managements]
        return [
            _shown(answers.get(dose), examinations.get(dose), void=self._void(management))
            for dose, management in zip(doses, managements, strict=True)
        ]

    def changed(self, person: Person) -> int:
        """When any of it was last taken here (microseconds since 1970); 0 if there is none."""
        parts = [*self._answers.latest(person).values(), *self._examinations.latest(person).values()]
        return max((part.changed for part in parts), default=0)

    def _usable(self, person: Person, vaccination_management_id: str) -> Record | Verdict:
        """The dose due, while its questionnaire may be filled in."""
        management = self._ledger.management(person, vaccination_management_id)
        if management is None:
            return Verdict.NO_SUCH_TEMPLATE
        return Verdict.EXPIRED_QUESTIONNAIRE if self._void(management) else management

    def _void(self, management: Record) -> bool:
        return self._clock().astimezone(_JAPAN).date() >= date.fromisoformat(management["forced_expiry_date"])

    def _dose(self, vaccination_management_id: str) -> bytes:
        return self._key.blind("vaccination_management_id", vaccination_management_id)


@dataclass(frozen=True, slots=True)
class _Part:
    """One state of the answers to a questionnaire, or of its doctor's part. `identity` names the answers, if any.

    `at` is its own time, by which it is ordered; `changed` is when it was taken here, in microseconds since 1970.
    """

    at: str
    content: Mapping[str, Any] = field(repr=False)
    identity: Mapping[str, str] = field(repr=False)
    changed: int

    @property
    def state(self) -> State:
        return State(Version(instant(datetime.fromisoformat(self.at)), 0), deleted=False, content=self.content)


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
            parts[dose] = _Part(kept["at"], kept["content"], kept["identity"], changed)
        return parts

    def write(self, person: Person, dose: bytes, part: _Part, now: datetime) -> Verdict:
        """Judge a part against the one that stands, and keep it if it is accepted."""
        before = self.latest(person).get(dose)
        verdict = judge(before.state if before else None, part.state, now)
        if verdict is Verdict.ACCEPTED:
            kept = to_json({"at": part.at, "content": part.content, "identity": part.identity})
            sealed = self._key.seal(kept, self._row(person, dose, part.changed))
            former = f"UPDATE {self._table} SET latest = 0 WHERE person = ? AND dose = ? AND latest"  # noqa: S608 - ours
            self._db.execute(former, (person.id, dose))
            new = f"INSERT INTO {self._table} (person, dose, latest, changed, sealed) VALUES (?, ?, 1, ?, ?)"  # noqa: S608 - ours
            self._db.execute(new, (person.id, dose, part.changed, sealed))
        return verdict

    def _row(self, person: Person, dose: bytes, changed: int) -> bytes:
        return b"%s|%d|%s|%d" % (self._table.encode(), person.id, dose.hex().encode(), changed)


def _shown(answers: _Part | None, examination: _Part | None, *, void: bool) -> Record:
    identity = answers.identity if answers else {}
    examined = examination if examination is not None and examination.identity == identity else None
    if not (answers or examined):
        return {}
    content = [*answers.content["answers"]] if answers else []
    if examined:
        doctors = examined.content
        content += [
            {"item_id": _DOCTORS[name], "answer_content": doctors[name]} for name in _DOCTORS if name in doctors
        ]
    return {
        **identity,
        "answer_status": _VOID if void else _EXAMINED if examined else _FILLED_IN,
        **({"answered_at": answers.at} if answers else {}),
        **({"answers": content} if content and not void else {}),
    }
