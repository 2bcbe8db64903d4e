"""What residents fill in and see by way of the portal (F49, F50; C021, C154, C155; rules 3, 5 and 8)."""

import json

import pytest

from gateway_vaccination_records.addresses import VISITS
from gateway_vaccination_records.interface.clinic import Visit
from gateway_vaccination_records.interface.resident import Kept, OwnRecords, Template
from tests.plugins.vaccination_records.village import (
    NOBODY,
    SETTING,
    Village,
    city_record,
    dose,
    management,
    notice,
    pseudonym,
    shaped,
    template,
)

ANSWERS = {"FEVER": "no", "NOTE": "架空の心配なこと"}


def test_a_questionnaire_is_that_of_the_dose_that_the_person_is_due(village: Village) -> None:
    village.ready(1)
    assert shaped(village.template(pseudonym(1), dose(1)), Template) == {
        "pmh_pseudonym_id": pseudonym(1),
        "vaccination_management_id": dose(1),
        "vaccination_setting_id": SETTING,
        "template_name": template()["template_name"],
        "items": template()["items"],
    }


def test_there_is_no_questionnaire_for_a_dose_of_another_person_or_of_nobody_or_without_template(
    village: Village,
) -> None:
    village.ready(1, 2)
    village.registered("management", management(1, 2, vaccination_setting_id="SETTING-WITHOUT-TEMPLATE"))
    for dose_id in (dose(2), dose(3), dose(1, 2)):
        assert village.template(pseudonym(1), dose_id) == {"code": "no_such_template"}
        assert village.fill_in(1, ANSWERS, vaccination_management_id=dose_id) == {"code": "no_such_template"}


def test_answers_are_kept_under_an_id_until_the_forced_expiry_date(village: Village) -> None:
    village.ready(1, forced_expiry_date="2026-05-01")
    kept = shaped(village.fill_in(1, ANSWERS), Kept)
    assert kept == {
        "pmh_pseudonym_id": pseudonym(1),
        "answer_id": kept["answer_id"],
        "answer_status": "1",
        "forced_expiry_date": "2026-05-01",
    }
    assert kept["answer_id"].isalpha(), "never mistaken for a number"


@pytest.mark.parametrize(
    "answers", [{"FEVER": "no", "PULSE": "80"}, {"doctor-judgement": "1"}], ids=["unknown", "the doctor's"]
)
def test_only_items_of_the_template_may_be_answered(village: Village, answers: dict[str, str]) -> None:
    village.ready(1)
    assert village.fill_in(1, answers) == {"code": "unknown_item"}


def test_an_item_answered_twice_is_not_known_a_second_time(village: Village) -> None:
    village.ready(1)
    twice = [{"item_id": "FEVER", "answer_content": content} for content in ("yes", "no")]
    assert village.fill_in(1, {}, answers=twice) == {"code": "unknown_item"}


KINDS = {"FEVER": "yesno", "PULSE": "number", "SINCE": "date", "NOTE": "text"}


@pytest.mark.parametrize(
    ("item", "content"),
    [("FEVER", "いいえ"), ("FEVER", "yes no"), ("PULSE", "八十"), ("PULSE", "80bpm"), ("SINCE", "2026-02-30")],
)
def test_an_answer_of_another_kind_than_the_question_asks_for_is_refused(
    village: Village, item: str, content: str
) -> None:
    village.ready(1)
    items = [{"item_id": name, "question_text": "架空の設問", "answer_kind": kind} for name, kind in KINDS.items()]
    village.registered("template", template(update_seq=99, items=items))
    good = {"FEVER": "yes", "PULSE": "-36.5", "SINCE": "2026-02-28", "NOTE": "80bpm"}
    assert village.fill_in(1, good | {item: content}) == {"code": "wrong_answer_kind"}
    assert village.fill_in(1, good)["record"]["answer_status"] == "1"


QUESTIONS = [{"item_id": f"Q{n}", "question_text": "架空の設問", "answer_kind": "text"} for n in range(20)]


def test_nobody_can_make_their_own_visit_unreadable(village: Village) -> None:
    """However much a resident writes, the doctor is shown all of it that was kept, and the city's flags."""
    village.ready(1, not_eligible_flag=True, forced_expiry_date="2026-05-01")
    village.registered("template", template(update_seq=99, items=QUESTIONS))
    for number in range(2, 16):
        village.registered("management", management(1, number, not_eligible_flag=True))
    long = {item["item_id"]: "熱" * 500 for item in QUESTIONS}
    said = [village.fill_in(1, long, vaccination_management_id=dose(1, number)) for number in range(1, 16)]
    kept = [number for number, each in enumerate(said, start=1) if "record" in each]
    assert said[len(kept) :] == [{"code": "too_many_answers"}] * (15 - len(kept))
    assert 5 < len(kept) < 15
    village.confirm(1)
    visit = shaped(village.visit(1), Visit)
    assert [each["not_eligible_flag"] for each in visit["due"]] == [True] * 15
    assert visit["due"][0]["forced_expiry_date"] == "2026-05-01"
    assert sum("answers" in each for each in visit["due"]) == len(kept)
    bound = VISITS["visit.query"].row_bytes
    assert len(json.dumps(visit, ensure_ascii=False).encode()) < bound / 3
    assert "record" in village.fill_in(1, {"Q0": "なし"}, answered_at="2026-04-01T09:30:00+09:00"), (
        "in place of the first"
    )
    again = village.fill_in(1, long, vaccination_management_id=dose(1, kept[-1] + 1))
    assert "record" in again, "what was made shorter leaves room"


def test_answers_to_a_dose_that_was_had_leave_their_room(village: Village) -> None:
    village.ready(1)
    village.registered("template", template(update_seq=99, items=QUESTIONS))
    numbers = range(1, 16)
    for number in numbers[1:]:
        village.registered("management", management(1, number))
    long = {item["item_id"]: "熱" * 500 for item in QUESTIONS}
    for number in numbers:
        assert "record" in village.fill_in(1, long, vaccination_management_id=dose(1, number))
        village.registered("record", city_record(1, number))


def test_later_answers_stand_whatever_comes_after_them(village: Village) -> None:
    village.ready(1)
    first = village.fill_in(1, ANSWERS)
    later = village.fill_in(1, {"FEVER": "yes"}, answered_at="2026-04-01T09:30:00+09:00")
    assert later["record"]["answer_id"] != first["record"]["answer_id"]
    assert village.fill_in(1, ANSWERS) == {"code": "superseded"}
    assert village.fill_in(1, ANSWERS, answered_at="2026-04-01T00:30:00Z") == {"code": "version_conflict"}
    assert village.fill_in(1, {"FEVER": "yes"}, answered_at="2026-04-01T00:30:00Z") == later
    assert village.fill_in(1, ANSWERS, answered_at="2026-04-01T12:05:01+09:00") == {"code": "out_of_range"}
    village.again()
    village.confirm(1)
    (answer,) = village.visit(1)["record"]["due"][0]["answers"]
    assert (answer["item_id"], answer["answer_content"]) == ("FEVER", "yes")


def test_the_same_message_again_is_answered_as_it_was_and_changes_nothing(village: Village) -> None:
    village.ready(1)
    first = village.fill_in(1, ANSWERS, message=1)
    village.fill_in(1, {"FEVER": "yes"}, answered_at="2026-04-01T09:30:00+09:00")
    village.again()
    assert village.fill_in(1, ANSWERS, message=1) == first
    assert village.fill_in(1, {"PULSE": "80"}, message=2) == {"code": "unknown_item"}
    assert village.fill_in(1, ANSWERS, message=2) == {"code": "unknown_item"}, "whatever it holds now"


def test_from_the_forced_expiry_date_on_nothing_can_be_filled_in(village: Village) -> None:
    village.ready(1, forced_expiry_date="2026-04-02")
    village.now = village.now.replace(hour=14, minute=59)
    assert "record" in village.fill_in(1, ANSWERS)
    village.now = village.now.replace(hour=15, minute=0)
    assert village.fill_in(1, ANSWERS, answered_at="2026-04-02T00:00:00+09:00") == {"code": "expired_questionnaire"}
    assert village.template(pseudonym(1), dose(1)) == {"code": "expired_questionnaire"}


def test_own_records_show_doses_due_and_had_and_notices_and_no_more(village: Village) -> None:
    village.ready(1, 2)
    for serial in (1, 2):
        assert village.registered("record", city_record(serial, 2)) == "accepted"
        assert village.registered("notice", notice(serial)) == "accepted"
    own = shaped(village.own_records(pseudonym(1)), OwnRecords)
    due = {name: management(1)[name] for name in own["due"][0]}
    record = {name: city_record(1, 2)[name] for name in own["records"][0] if name != "is_latest"}
    assert own == {
        "pmh_pseudonym_id": pseudonym(1),
        "data_changed_at": "2026-04-01T03:00:00Z",
        "due": [due],
        "records": [{**record, "is_latest": True}],
        "notices": [{name: notice(1)[name] for name in ("notice_id", "notice_title", "notice_text", "updated_at")}],
    }
    assert {"not_eligible_flag", "forced_expiry_date"} < due.keys()
    assert {"caution_flag", "gtin", "lot_no"} < record.keys()
    assert not {"fee_reduction_category", "doctor_name", "special_circumstances", "subject_category"} & record.keys()


def test_lists_that_hold_nothing_are_absent(village: Village) -> None:
    village.people(1)
    village.linked(1)
    assert shaped(village.own_records(pseudonym(1)), OwnRecords).keys() == {"pmh_pseudonym_id", "data_changed_at"}


def test_a_deleted_dose_was_not_had_and_a_corrected_one_is_as_corrected(village: Village) -> None:
    village.ready(1)
    village.registered("record", city_record(1))
    village.registered("record", city_record(1, update_seq=2, lot_no="LOT-0002"))
    assert [each["lot_no"] for each in village.own_records(pseudonym(1))["record"]["records"]] == ["LOT-0002"]
    village.registered("record", city_record(1, update_seq=3, is_deleted=True))
    assert "records" not in village.own_records(pseudonym(1))["record"]


def test_the_answer_tells_when_anything_of_it_was_last_changed(village: Village) -> None:
    village.ready(1)
    changes = [
        lambda: village.people(1),
        lambda: village.registered("management", management(1, update_seq=2, not_eligible_flag=True)),
        lambda: village.registered("record", city_record(1)),
        lambda: village.registered("notice", notice(1)),
    ]
    for minute, change in enumerate(changes, start=1):
        village.now = village.now.replace(minute=minute)
        change()
        assert village.own_records(pseudonym(1))["record"]["data_changed_at"] == f"2026-04-01T03:{minute:02}:00Z"
    before = village.own_records(pseudonym(1))
    village.now = village.now.replace(minute=30)
    village.people(2)
    assert village.own_records(pseudonym(1)) == before, "another person's change is none"


def test_rule_5_flagged_deleted_and_unknown_persons_are_one_answer_whatever_the_portal_asks(village: Village) -> None:
    village.ready(1, 2, 3)
    village.people(1, control_flag_nondisclosure=True)
    village.people(2, control_flag_view_suspended=True)
    village.delete(3)
    for serial in (1, 2, 3, 4):
        assert village.own_records(pseudonym(serial)) == NOBODY
        assert village.template(pseudonym(serial), dose(serial)) == NOBODY
        assert village.fill_in(serial, ANSWERS) == NOBODY


def test_recovery_hides_nobody(village: Village) -> None:
    village.ready(1)
    village.people(1, control_flag_recovery=True)
    assert "record" in village.own_records(pseudonym(1))
