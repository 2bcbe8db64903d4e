"""An answer in which something stands twice says nothing: of two safety flags nobody knows which one holds."""

import json
from typing import Any

import pytest

from gateway.plugin import Accepted, RefusedRecord
from gateway.plugin.exchange import Later
from gateway_vaccination_records import answers
from gateway_vaccination_records.interface.clinic import AskedVisit, Visit

DUE = {"vaccination_management_id": "M1", "vaccination_setting_id": "S1", "not_eligible_flag": True}
VISIT: dict[str, Any] = {
    "vaccination_subject_no": "MADEUPSUBJECT1",
    "name": "架空 花子",
    "name_kana": "カクウ ハナコ",
    "birth_date": "2025-04-01",
    "sex": "2",
    "subject_category": "A1",
    "data_changed_at": "2026-04-01T09:00:00+09:00",
    "due": [DUE | {"forced_expiry_date": "2027-04-01"}],
}

ASKED = {
    0: AskedVisit(identity_confirmation="C-1", vaccination_subject_no="MADEUPSUBJECT1", clinic_code="1319999999"),
}


def answer(row: dict[str, Any], *, old: str = "", new: str = "") -> bytes:
    text = json.dumps({"rows": [{"index": 0, **row}]})
    assert old in text
    return text.replace(old, new).encode() if old else text.encode()


def test_a_flag_that_stands_twice_is_not_used() -> None:
    told = {"record": VISIT}
    good = answers.answered(answer(told), ASKED, Visit)
    assert good == {0: Accepted(reply=VISIT)}
    twice = answer(told, old='"not_eligible_flag": true', new='"not_eligible_flag": true, "not_eligible_flag": false')
    with pytest.raises(Later):
        answers.answered(twice, ASKED, Visit)


def test_an_answer_about_another_person_is_a_dispute() -> None:
    other = answer({"record": VISIT | {"vaccination_subject_no": "MADEUPSUBJECT2"}})
    assert answers.answered(other, ASKED, Visit) == {0: RefusedRecord("dispute", "vaccination_subject_no")}


def test_a_verdict_that_stands_twice_is_not_used() -> None:
    twice = answer({"status": "accepted"}, old='"accepted"', new='"busy", "status": "accepted"')
    assert answers.judged(answer({"status": "accepted"}), [0]) == {0: Accepted()}
    with pytest.raises(Later):
        answers.judged(twice, [0])
