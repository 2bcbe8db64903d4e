"""予診票: what a resident answered beforehand for one dose that is due, and the doctor's part of it (F50, F55).

The rule: from 強制失効日 on, by the calendar of Japan, all of it is void: its status is told, its content is not. Of two
sets of answers, or two examinations, the later one stands; an examination is of the answers that stood when it came.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.given import letters
from gateway_vaccination_records.record_system.ledger import Ledger, Record
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.resident_models import FilledIn
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import State, Verdict, Version, instant, judge
from gateway_vaccination_records.record_system.visit_models import Examination

_JAPAN: Final = timezone(timedelta(hours=9))
_FILLED_IN, _EXAMINED, _VOID = "1", "2", "9"  # 回答処理ステータス
_DOCTORS: Final = {name: name.replace("_", "-") for name in ("doctor_judgement", "doctor_name", "doctor_note")}
"""The doctor's part, and the item ids under which it follows the answers."""
_Table: TypeAlias = Literal["answer_set", "examination"]


@dataclass(frozen=True, slots=True)
class _Part:
    """What was written last into one part of a questionnaire, and when it was taken here."""

    content: Mapping[str, Any] = field(repr=False)
    changed: int


class Questionnaires:
    """On the area's own connection; what changes something runs inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], ledger: Ledger) -> None:
        self._db = db
        self._key = key
        self._clock = clock
        self._ledger = ledger

    def template(self, person: Person, vaccination_management_id: str) -> Record | Verdict:
        """What may be answered for a dose that the person is due: NO_SUCH_TEMPLATE, EXPIRED_QUESTIONNAIRE."""
        management = self._open(person, vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        return self._ledger.template(management["vaccination_setting_id"]) or Verdict.NO_SUCH_TEMPLATE

    def fill_in(self, person: Person, filled: FilledIn) -> Record | Verdict:
        """Keep what the person answered: `answer_id`, `answer_status`, `forced_expiry_date`, or why not.

        NO_SUCH_TEMPLATE, EXPIRED_QUESTIONNAIRE, UNKNOWN_ITEM (or one that is answered twice), SUPERSEDED,
        VERSION_CONFLICT, OUT_OF_RANGE. The same answers again are what they were.
        """
        management = self._open(person, filled.vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        template = self._ledger.template(management["vaccination_setting_id"])
        if template is None:
            return Verdict.NO_SUCH_TEMPLATE
        asked = [item["item_id"] for item in template["items"]]
        given = [answer.item_id for answer in filled.answers]
        if len(set(given)) < len(given) or not set(given) <= set(asked):
            return Verdict.UNKNOWN_ITEM
        content = {"answered_at": filled.answered_at, "answers": [each.model_dump() for each in filled.answers]}
        dose = self._dose(filled.vaccination_management_id)
        verdict = self._write("answer_set", person, dose, content, "answered_at", {"answer_id": "A" + letters(16)})
        if verdict not in (Verdict.ACCEPTED, Verdict.DUPLICATE):
            return verdict
        kept = self.shown(person, [management])[0]
        shown = {name: kept[name] for name in ("answer_id", "answer_status")}
        return shown | {"forced_expiry_date": management["forced_expiry_date"]}

    def examine(self, person: Person, examination: Examination) -> Record | Verdict:
        """Keep the doctor's part: `answer_status`, or why not (as `fill_in`). There may be no answers: those on paper."""
        management = self._open(person, examination.vaccination_management_id)
        if isinstance(management, Verdict):
            return management
        content = examination.model_dump(
            exclude={"identity_confirmation", "vaccination_subject_no", "vaccination_management_id"}, exclude_none=True
        )
        dose = self._dose(examination.vaccination_management_id)
        answers = self._parts("answer_set", person).get(dose)
        of = {"answer_id": answers.content["answer_id"]} if answers else {}
        verdict = self._write("examination", person, dose, content, "examined_at", of)
        if verdict not in (Verdict.ACCEPTED, Verdict.DUPLICATE):
            return verdict
        return {"answer_status": self.shown(person, [management])[0]["answer_status"]}

    def shown(self, person: Person, managements: list[Record]) -> list[Record]:
        """Of each dose that is due: `answer_id`, `answer_status`, `answered_at`, `answers`, as far as there are any."""
        answers, examinations = self._parts("answer_set", person), self._parts("examination", person)
        doses = [self._dose(each["vaccination_management_id"]) for each in managements]
        return [
            _shown(answers.get(dose), examinations.get(dose), void=self._void(management))
            for dose, management in zip(doses, managements, strict=True)
        ]

    def changed(self, person: Person) -> int:
        """When any of it was last taken here (microseconds since 1970); 0 if there is none."""
        parts = [*self._parts("answer_set", person).values(), *self._parts("examination", person).values()]
        return max((part.changed for part in parts), default=0)

    # ---- one part -------------------------------------------------------------------------------------------------

    def _open(self, person: Person, vaccination_management_id: str) -> Record | Verdict:
        """The dose that is due, while its questionnaire may be filled in."""
        management = self._ledger.management(person, vaccination_management_id)
        if management is None:
            return Verdict.NO_SUCH_TEMPLATE
        return Verdict.EXPIRED_QUESTIONNAIRE if self._void(management) else management

    def _void(self, management: Record) -> bool:
        return self._clock().astimezone(_JAPAN).date() >= date.fromisoformat(management["forced_expiry_date"])

    def _write(
        self, table: _Table, person: Person, dose: bytes, content: Mapping[str, Any], at: str, beside: Mapping[str, str]
    ) -> Verdict:
        """Judge a part by its own time, against the one before it; `beside` goes along without being compared."""
        before = self._parts(table, person).get(dose)
        new, now = _state(content, at), self._clock()
        verdict = judge(_state(before.content, at, *beside) if before else None, new, now)
        if verdict is Verdict.ACCEPTED:
            changed = instant(now)
            sealed = self._key.seal(to_json({**content, **beside}), _row(table, person, dose, changed))
            self._db.execute(f"UPDATE {table} SET latest = 0 WHERE person = ? AND dose = ? AND latest", (person.id, dose))  # noqa: S608 - ours
            self._db.execute(
                f"INSERT INTO {table} (person, dose, latest, changed, sealed) VALUES (?, ?, 1, ?, ?)",  # noqa: S608 - ours
                (person.id, dose, changed, sealed),
            )
        return verdict

    def _parts(self, table: _Table, person: Person) -> dict[bytes, _Part]:
        """The latest of each dose of the person."""
        found = self._db.execute(
            f"SELECT dose, changed, sealed FROM {table} WHERE person = ? AND latest",  # noqa: S608 - ours
            (person.id,),
        )
        return {
            dose: _Part(from_json(self._key.open(sealed, _row(table, person, dose, changed))), changed)
            for dose, changed, sealed in found
        }

    def _dose(self, vaccination_management_id: str) -> bytes:
        return self._key.blind("vaccination_management_id", vaccination_management_id)


def _state(content: Mapping[str, Any], at: str, *beside: str) -> State:
    said = {name: value for name, value in content.items() if name != at and name not in beside}
    return State(Version(instant(datetime.fromisoformat(content[at])), 0), deleted=False, content=said)


def _shown(answers: _Part | None, examination: _Part | None, *, void: bool) -> dict[str, Any]:
    examined = examination is not None and examination.content.get("answer_id") == (
        answers.content["answer_id"] if answers else None
    )
    if not (answers or examined):
        return {}
    content = [*answers.content["answers"]] if answers else []
    if examination is not None and examined:
        doctors = examination.content
        content += [{"item_id": item, "answer_content": doctors[name]} for name, item in _DOCTORS.items() if name in doctors]
    shown: dict[str, Any] = {"answer_status": _VOID if void else _EXAMINED if examined else _FILLED_IN}
    if answers:
        shown |= {name: answers.content[name] for name in ("answer_id", "answered_at")}
    if content and not void:
        shown["answers"] = content
    return shown


def _row(table: _Table, person: Person, dose: bytes, changed: int) -> bytes:
    return b"%s|%d|%s|%d" % (table.encode(), person.id, dose.hex().encode(), changed)
