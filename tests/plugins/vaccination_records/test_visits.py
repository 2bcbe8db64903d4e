"""What clinics see and enter at a visit, and under which confirmation (F52-F55; C206, C207; rules 4, 5 and 8)."""

import sqlite3
from typing import Any

import pytest

from gateway_vaccination_records.interface.clinic import Examined, Vaccinated, Visit
from tests.plugins.vaccination_records.subjects import individual_number, subject
from tests.plugins.vaccination_records.village import (
    CLINIC,
    NOBODY,
    OTHER_CLINIC,
    SETTING,
    Village,
    city_record,
    dose,
    given,
    management,
    notice,
    pseudonym,
    shaped,
    template,
)

WANTED = {"code": "confirmation_wanted"}
ANSWERS = {"FEVER": "no"}
GIVEN_ANSWERS = [{"item_id": "FEVER", "question_text": "熱がありますか", "answer_content": "no"}]
DOCTORS_PART = [
    {"item_id": "doctor-judgement", "question_text": "医師記入欄(可否)", "answer_content": "1"},
    {"item_id": "doctor-name", "question_text": "医師名", "answer_content": "架空髙﨑医師"},
    {"item_id": "doctor-note", "question_text": "医師記入欄(所見)", "answer_content": "架空の所見である"},
]


def all_three(village: Village, serial: int, **changes: Any) -> list[Any]:
    """What each of a clinic's operations is answered."""
    return [call(serial, **changes) for call in (village.visit, village.examine, village.vaccinate)]


# ---- rule 4: the confirmation ---------------------------------------------------------------------------------------


def test_without_the_confirmation_it_is_wanted_whoever_is_asked_for(village: Village) -> None:
    village.ready(1, 2)
    village.people(2, control_flag_nondisclosure=True)
    assert all_three(village, 1) == all_three(village, 2) == [WANTED] * 3
    assert all_three(village, 1, vaccination_subject_no="VNOBODY") == [WANTED] * 3


def test_a_row_that_wanted_its_confirmation_is_judged_when_it_comes_again(village: Village) -> None:
    village.ready(1)
    assert village.vaccinate(1, message=1) == WANTED
    assert village.confirm(1) == "accepted"
    assert "record" in village.vaccinate(1, message=1)


@pytest.mark.parametrize(
    "confirmed",
    [
        {"clinic_code": OTHER_CLINIC},
        {"consent_flag": False},
        {"valid_until": "2026-04-01T12:00:00+09:00"},
        {"valid_until": "2026-03-31T18:00:00+09:00"},
    ],
    ids=["other clinic", "no consent", "over now", "over long ago"],
)
def test_rule_4_a_confirmation_that_does_not_fit_shows_nobody(village: Village, confirmed: dict[str, Any]) -> None:
    village.ready(1)
    assert village.confirm(1, **confirmed) == "accepted"
    assert all_three(village, 1) == [NOBODY] * 3
    assert "records" not in village.own_records(pseudonym(1))["record"]


def test_rule_4_a_confirmation_is_for_one_person(village: Village) -> None:
    village.ready(1, 2)
    village.confirm(1)
    assert all_three(village, 2) == [NOBODY] * 3
    assert "record" in village.visit(1)


def test_rule_4_two_clinics_cannot_use_each_others_confirmation(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    assert all_three(village, 1, clinic_code=OTHER_CLINIC) == [NOBODY] * 3
    village.confirm(1, "CONFIRMATION-2", clinic_code=OTHER_CLINIC)
    other = {"clinic_code": OTHER_CLINIC, "identity_confirmation": "CONFIRMATION-2"}
    assert "record" in village.visit(1, **other)
    assert all_three(village, 1, identity_confirmation="CONFIRMATION-2") == [NOBODY] * 3


def test_a_confirmation_is_valid_to_the_last_moment_and_no_longer(village: Village) -> None:
    village.ready(1)
    village.confirm(1, valid_until="2026-04-01T04:00:00Z")
    village.now = village.now.replace(hour=3, minute=59, second=59)
    assert "record" in village.visit(1)
    village.now = village.now.replace(hour=4, minute=0, second=0)
    assert village.visit(1) == NOBODY


def test_a_confirmation_stays_as_it_first_came(village: Village) -> None:
    village.ready(1)
    assert village.confirm(1) == "accepted"
    assert village.confirm(1, valid_until="2026-04-01T09:00:00Z") == "duplicate", "the same moment, written otherwise"
    assert village.confirm(1, valid_until="2099-04-01T09:00:00Z") == "version_conflict"
    assert village.confirm(1, clinic_code=OTHER_CLINIC) == "version_conflict"
    assert village.visit(1, clinic_code=OTHER_CLINIC) == NOBODY


def test_a_confirmation_is_forgotten_a_day_after_it_is_over(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    village.now = village.now.replace(day=2, hour=8)
    village.confirm(1, "CONFIRMATION-2", valid_until="2026-04-02T18:00:00+09:00")
    assert village.visit(1) == NOBODY
    village.now = village.now.replace(day=2, hour=10)
    village.confirm(1, "CONFIRMATION-3", valid_until="2026-04-02T20:00:00+09:00")
    assert village.area.counts()["confirmations"] == 2
    assert village.visit(1) == WANTED


@pytest.mark.parametrize("flag", ["control_flag_nondisclosure", "control_flag_view_suspended"])
def test_rule_5_the_clinic_hears_no_such_person_of_the_flagged_the_deleted_and_the_unknown(
    village: Village, flag: str
) -> None:
    village.ready(1, 2)
    village.confirm(1)
    village.confirm(2, "CONFIRMATION-2")
    village.confirm(1, "CONFIRMATION-3", vaccination_subject_no="VNOBODY")
    village.people(1, **{flag: True})
    village.delete(2)
    assert all_three(village, 1) == [NOBODY] * 3
    assert all_three(village, 2, identity_confirmation="CONFIRMATION-2") == [NOBODY] * 3
    nobody = {"vaccination_subject_no": "VNOBODY", "identity_confirmation": "CONFIRMATION-3"}
    assert all_three(village, 1, **nobody) == [NOBODY] * 3
    village.people(1)
    assert "record" in village.visit(1)


# ---- what is shown --------------------------------------------------------------------------------------------------


def test_a_visit_shows_that_person_with_doses_due_and_had_and_no_more(village: Village) -> None:
    village.ready(1, 2)
    for serial in (1, 2):
        village.registered("record", city_record(serial, 2))
    village.confirm(1)
    visit = shaped(village.visit(1), Visit)
    shown = ("name", "name_kana", "birth_date", "sex", "guardian_name", "subject_category")
    due = {name: management(1)[name] for name in management(1) if name in visit["due"][0]}
    record = {name: city_record(1, 2)[name] for name in visit["records"][0] if name != "is_latest"}
    assert visit == {
        "vaccination_subject_no": village.number(1),
        **{name: subject(1)[name] for name in shown},
        "data_changed_at": "2026-04-01T03:00:00Z",
        "due": [due],
        "records": [{**record, "is_latest": True}],
    }
    assert due.keys() == {
        "vaccination_management_id",
        "vaccination_setting_id",
        "combination_no",
        "not_eligible_flag",
        "forced_expiry_date",
    }
    assert {"doctor_name", "special_circumstances", "caution_flag"} < record.keys()
    assert not {"fee_reduction_category", "internal_no"} & record.keys()


def test_safety_comes_first_the_flags_are_those_of_now_before_and_after_expiry(village: Village) -> None:
    village.ready(1, forced_expiry_date="2026-04-02")
    village.confirm(1, valid_until="2026-04-05T00:00:00Z")
    village.fill_in(1, ANSWERS)
    village.examine(1)
    village.now = village.now.replace(minute=10)
    village.registered(
        "management", management(1, update_seq=2, not_eligible_flag=True, forced_expiry_date="2026-04-03")
    )
    for day, status in ((1, "2"), (2, "2"), (3, "9")):
        village.now = village.now.replace(day=day)
        visit = shaped(village.visit(1), Visit)
        (due,) = visit["due"]
        assert (due["not_eligible_flag"], due["forced_expiry_date"]) == (True, "2026-04-03")
        assert due["answer_status"] == status
        assert visit["data_changed_at"] == "2026-04-01T03:10:00Z"


def test_answers_are_shown_until_the_forced_expiry_date_and_then_only_that_they_are_void(village: Village) -> None:
    village.ready(1, forced_expiry_date="2026-04-02")
    village.confirm(1, valid_until="2026-04-05T00:00:00Z")
    told = {"answered_at": "2026-04-01T09:00:00+09:00"}
    named = {"answer_id": village.fill_in(1, ANSWERS)["record"]["answer_id"]}
    village.now = village.now.replace(hour=14, minute=59)
    (due,) = village.visit(1)["record"]["due"]
    assert due.items() >= {**told, **named, "answer_status": "1", "answers": GIVEN_ANSWERS}.items()
    village.now = village.now.replace(hour=15, minute=0)
    (due,) = shaped(village.visit(1), Visit)["due"]
    assert due.items() >= {**told, "answer_status": "9"}.items()
    assert not {"answers", "answer_id"} & due.keys()


def test_the_answer_tells_when_answers_or_the_doctors_part_were_last_changed(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    for minute, change in ((1, lambda: village.fill_in(1, ANSWERS)), (2, lambda: village.examine(1))):
        village.now = village.now.replace(minute=minute)
        change()
        assert village.visit(1)["record"]["data_changed_at"] == f"2026-04-01T03:0{minute}:00Z"


def test_a_clinic_is_not_told_when_a_notice_was_registered(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    before = village.visit(1)
    village.now = village.now.replace(minute=1)
    assert village.registered("notice", notice(1)) == "accepted"
    assert village.visit(1) == before
    village.now = village.now.replace(minute=2)
    village.registered("record", city_record(1))
    assert village.visit(1)["record"]["data_changed_at"] == "2026-04-01T03:02:00Z", "but of what it is given"


# ---- what is entered ------------------------------------------------------------------------------------------------


def test_the_doctors_part_follows_the_answers_that_it_is_about(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    village.fill_in(1, ANSWERS)
    assert shaped(village.examine(1), Examined) == {"vaccination_subject_no": village.number(1), "answer_status": "2"}
    (due,) = shaped(village.visit(1), Visit)["due"]
    assert (due["answer_status"], due["answers"]) == ("2", GIVEN_ANSWERS + DOCTORS_PART)
    village.fill_in(1, {"FEVER": "yes"}, answered_at="2026-04-01T11:00:00+09:00")
    (due,) = village.visit(1)["record"]["due"]
    assert due["answer_status"] == "1", "nobody has looked at the new answers"
    assert due["answers"] == [{**GIVEN_ANSWERS[0], "answer_content": "yes"}]


@pytest.mark.parametrize("named", ["none", "the former", "made up"])
def test_the_doctors_part_confirms_no_answers_that_the_doctor_has_not_seen(village: Village, named: str) -> None:
    village.ready(1)
    village.confirm(1)
    former = village.fill_in(1, ANSWERS)["record"]["answer_id"]
    (seen,) = village.visit(1)["record"]["due"]
    assert seen["answer_id"] == former
    newer = village.fill_in(1, {"FEVER": "yes"}, answered_at="2026-04-01T09:30:00+09:00")["record"]["answer_id"]
    examined = {"answer_id": {"none": "", "the former": former, "made up": "ANOBODYS"}[named]}
    assert village.examine(1, **examined) == {"code": "superseded"}
    (due,) = village.visit(1)["record"]["due"]
    assert (due["answer_status"], due["answer_id"]) == ("1", newer)
    assert due["answers"] == [{**GIVEN_ANSWERS[0], "answer_content": "yes"}]
    assert village.examine(1, answer_id=newer)["record"]["answer_status"] == "2"


def test_what_the_doctor_saw_and_is_void_now_is_not_confirmed_either(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    seen = village.fill_in(1, ANSWERS)["record"]["answer_id"]
    village.registered("template", template(update_seq=99, items=OTHER_QUESTIONS))
    assert village.examine(1, answer_id=seen) == {"code": "superseded"}
    assert village.visit(1)["record"]["due"][0]["answer_status"] == "9"


def test_the_same_examination_of_other_answers_is_another_one(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    village.fill_in(1, ANSWERS)
    village.examine(1)
    village.fill_in(1, {"FEVER": "yes"}, answered_at="2026-04-01T09:30:00+09:00")
    assert village.examine(1) == {"code": "version_conflict"}, "the same time of examination"
    assert village.visit(1)["record"]["due"][0]["answer_status"] == "1"


def test_a_questionnaire_on_paper_has_a_doctors_part_alone(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    assert village.examine(1)["record"]["answer_status"] == "2"
    (due,) = shaped(village.visit(1), Visit)["due"]
    assert due["answers"] == DOCTORS_PART
    assert "answer_id" not in due


def test_a_later_examination_stands_and_an_expired_or_unknown_questionnaire_has_none(village: Village) -> None:
    village.ready(1, 2)
    village.confirm(1)
    village.examine(1)
    assert "record" in village.examine(1, doctor_judgement="2", examined_at="2026-04-01T11:00:00+09:00")
    assert village.examine(1) == {"code": "superseded"}
    assert village.visit(1)["record"]["due"][0]["answers"][0]["answer_content"] == "2"
    assert village.examine(1, vaccination_management_id=dose(2)) == {"code": "no_such_template"}
    village.registered("management", management(1, update_seq=2, forced_expiry_date="2026-04-01"))
    assert village.examine(1, examined_at="2026-04-01T11:30:00+09:00") == {"code": "expired_questionnaire"}


OTHER_QUESTIONS = [{"item_id": "FEVER", "question_text": "熱はありませんか", "answer_kind": "yesno"}]


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ("template", template(update_seq=99, items=OTHER_QUESTIONS)),
        ("management", management(1, update_seq=2, vaccination_setting_id="SETTING-B")),
    ],
    ids=["the same item is another question", "the dose is of another vaccination"],
)
def test_answers_and_the_doctors_part_are_of_the_questions_that_were_asked(
    village: Village, operation: str, changed: dict[str, Any]
) -> None:
    village.registered("template", template("SETTING-B"))
    village.ready(1)
    village.confirm(1)
    village.fill_in(1, ANSWERS)
    village.examine(1)
    village.now = village.now.replace(minute=5)
    assert village.registered(operation, changed) == "accepted"
    visit = shaped(village.visit(1), Visit)
    (due,) = visit["due"]
    assert due["answer_status"] == "9"
    assert "answers" not in due
    assert visit["data_changed_at"] == "2026-04-01T03:05:00Z"
    assert village.examine(1, examined_at="2026-04-01T11:00:00+09:00")["record"]["answer_status"] == "2", "on paper"
    (due,) = shaped(village.visit(1), Visit)["due"]
    assert due["answers"] == DOCTORS_PART
    assert not {"answer_id", "answered_at"} & due.keys(), "it is not of the answers that are void"
    assert village.fill_in(1, ANSWERS, answered_at="2026-04-01T12:00:00+09:00")["record"]["answer_status"] == "1"
    question = changed.get("items", template()["items"])[0]["question_text"]
    (due,) = village.visit(1)["record"]["due"]
    assert due["answers"] == [{**GIVEN_ANSWERS[0], "question_text": question}]


def test_answers_that_came_by_a_wrong_number_do_not_stand_any_more(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    village.fill_in(1, ANSWERS, answered_at="2026-04-01T11:00:00+09:00")
    village.examine(1)
    village.delete(1)
    village.people(1)
    assert village.visit(1)["record"]["due"][0]["answer_status"] == "2", "the number is what it was"
    village.people(1, individual_number=individual_number(9))
    assert not {"answer_id", "answer_status", "answers"} & village.visit(1)["record"]["due"][0].keys()
    assert village.linked(9, pseudonym(9)) == "accepted"
    filled = village.fill_in(1, {"FEVER": "yes"}, pmh_pseudonym_id=pseudonym(9))
    assert filled["record"]["answer_status"] == "1", "though they were given before the wrong ones"


def test_a_new_state_of_a_template_with_the_same_questions_leaves_answers_as_they_are(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    village.fill_in(1, ANSWERS)
    village.registered("template", template(update_seq=99, template_name="架空の予診票 第二版"))
    (due,) = village.visit(1)["record"]["due"]
    assert (due["answer_status"], due["answers"]) == ("1", GIVEN_ANSWERS)


def test_a_dose_is_of_the_vaccination_that_it_is_due_of(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    wrong = {"code": "wrong_setting"}
    assert village.vaccinate(1, vaccination_setting_id="SETTING-B") == wrong
    own = {"vaccination_record_id": village.vaccinate(1)["record"]["vaccination_record_id"]}
    assert village.vaccinate(1, **own, update_seq=2, vaccination_setting_id="SETTING-B") == wrong


def test_nothing_is_deleted_that_was_not_entered(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    assert village.vaccinate(1, is_deleted=True) == {"code": "not_yours"}
    assert village.area.counts()["records"] == 0


def test_a_dose_is_entered_once_and_its_repeat_hears_the_same(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    first = village.vaccinate(1, message=1)
    kept = shaped(first, Vaccinated)
    assert kept.keys() == {"vaccination_subject_no", "vaccination_record_id"}
    assert kept["vaccination_record_id"].isalpha(), "never mistaken for a number"
    village.now = village.now.replace(day=3)
    village.again()
    assert village.vaccinate(1, message=1) == first, "though the confirmation is over"
    village.now = village.now.replace(day=1)
    assert village.vaccinate(1, message=2) == {"code": "dose_exists"}
    (record,) = shaped(village.visit(1), Visit)["records"]
    told = {name: value for name, value in given().items() if name in record}
    assert record.items() >= {**told, "clinic_code": CLINIC, "vaccination_management_id": dose(1)}.items()


def test_effect_and_answer_are_kept_together_or_not_at_all(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    village.area._db.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON main.reply BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    for entering in (village.vaccinate, village.examine, lambda _: village.fill_in(1, ANSWERS)):
        with pytest.raises(sqlite3.Error):
            entering(1)
    visit = village.visit(1)["record"]
    assert "records" not in visit
    assert "answer_status" not in visit["due"][0]
    village.area._db.execute("DROP TRIGGER full")
    assert "record" in village.vaccinate(1)


def test_a_clinic_corrects_and_deletes_what_it_entered_and_a_deleted_dose_is_free(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    own = {"vaccination_record_id": village.vaccinate(1)["record"]["vaccination_record_id"]}
    assert village.vaccinate(1, **own, update_seq=2, lot_no="LOT-0002")["record"].items() >= own.items()
    assert village.vaccinate(1, **own, update_seq=1, lot_no="LOT-0003") == {"code": "superseded"}
    assert village.vaccinate(1, **own, update_seq=2, lot_no="LOT-0003") == {"code": "version_conflict"}
    assert village.vaccinate(1, **own, update_seq=9, updated_at="2026-04-09T00:00:00Z") == {"code": "out_of_range"}
    assert [each["lot_no"] for each in village.visit(1)["record"]["records"]] == ["LOT-0002"]
    assert "record" in village.vaccinate(1, **own, update_seq=3, is_deleted=True)
    assert "records" not in village.visit(1)["record"]
    assert "record" in village.vaccinate(1, lot_no="LOT-0004")
    assert [each["lot_no"] for each in village.visit(1)["record"]["records"]] == ["LOT-0004"]


def test_what_another_clinic_or_the_city_entered_or_nobody_did_is_not_yours(village: Village) -> None:
    village.ready(1, 2)
    village.confirm(1)
    village.confirm(1, "CONFIRMATION-2", clinic_code=OTHER_CLINIC)
    village.confirm(2, "CONFIRMATION-3")
    own = village.vaccinate(1)["record"]["vaccination_record_id"]
    village.registered("record", city_record(2))
    not_yours = {"code": "not_yours"}
    other: dict[str, Any] = {"clinic_code": OTHER_CLINIC, "identity_confirmation": "CONFIRMATION-2"}
    assert village.vaccinate(1, vaccination_record_id=own, update_seq=2, **other) == not_yours
    second: dict[str, Any] = {"identity_confirmation": "CONFIRMATION-3", "update_seq": 2}
    citys = city_record(2)["vaccination_record_id"]
    for record_id in (own, citys, "NOBODYS"):
        assert village.vaccinate(2, vaccination_record_id=record_id, **second) == not_yours
    assert village.vaccinate(2, vaccination_management_id=dose(1), **second) == not_yours, "another person's dose"
    assert village.visit(1)["record"]["records"][0]["update_seq"] == 1


@pytest.mark.parametrize("had", ["by the city", "by a clinic"])
def test_a_dose_that_was_had_is_not_due_any_more_until_its_record_is_deleted(village: Village, had: str) -> None:
    village.ready(1)
    village.registered("management", management(1, 2))
    village.confirm(1)

    def due() -> list[list[str]]:
        shown = village.visit(1)["record"], village.own_records(pseudonym(1))["record"]
        return [[each["vaccination_management_id"] for each in to_whom["due"]] for to_whom in shown]

    assert due() == [[dose(1), dose(1, 2)]] * 2
    if had == "by the city":
        village.registered("record", city_record(1))
        assert due() == [[dose(1, 2)]] * 2
        village.registered("record", city_record(1, update_seq=2, is_deleted=True))
    else:
        own = {"vaccination_record_id": village.vaccinate(1)["record"]["vaccination_record_id"]}
        assert due() == [[dose(1, 2)]] * 2
        village.vaccinate(1, **own, update_seq=2, is_deleted=True)
    assert due() == [[dose(1), dose(1, 2)]] * 2


@pytest.mark.parametrize(
    ("warned", "doubtful"),
    [
        ("no_consent", {"consent_flag": False}),
        ("dated_ahead", {"vaccinated_on": "2026-04-02"}),
        ("vaccine_expired", {"vaccine_expiry_date": "2026-03-31"}),
    ],
)
def test_what_ought_not_to_have_been_given_is_kept_and_warned_of(
    village: Village, warned: str, doubtful: dict[str, Any]
) -> None:
    village.ready(1)
    village.confirm(1)
    kept = shaped(village.vaccinate(1, **doubtful), Vaccinated)
    assert kept["warnings"] == [{"warning_code": warned}]
    (record,) = village.visit(1)["record"]["records"]
    assert record.items() >= doubtful.items()
    withdrawn = {"vaccination_record_id": kept["vaccination_record_id"], "update_seq": 2, "is_deleted": True}
    assert "warnings" not in village.vaccinate(1, **withdrawn, **doubtful)["record"]


def test_a_dose_against_the_citys_plan_or_the_doctors_judgement_is_kept_and_warned_of(village: Village) -> None:
    village.ready(1, not_eligible_flag=True)
    village.confirm(1)
    village.examine(1, doctor_judgement="2")
    kept = shaped(village.vaccinate(1), Vaccinated)
    assert kept["warnings"] == [{"warning_code": "not_eligible"}, {"warning_code": "judged_unfit"}]
    village.examine(1, examined_at="2026-04-01T11:00:00+09:00")
    village.registered("management", management(1, update_seq=2))
    own = {"vaccination_record_id": kept["vaccination_record_id"]}
    assert "warnings" not in village.vaccinate(1, **own, update_seq=2)["record"], "the later judgement, and plan"


def test_a_dose_of_today_is_not_ahead_where_the_day_has_begun(village: Village) -> None:
    village.ready(1)
    village.confirm(1, valid_until="2026-04-02T18:00:00+09:00")
    village.now = village.now.replace(hour=15)
    assert "warnings" not in village.vaccinate(1, vaccinated_on="2026-04-02")["record"], "midnight in Japan"


def test_a_clinic_code_without_a_valid_check_digit_is_a_warning(village: Village) -> None:
    substitute = "1312345670"
    village.ready(1)
    village.confirm(1, clinic_code=substitute)
    kept = shaped(village.vaccinate(1, clinic_code=substitute), Vaccinated)
    assert kept["warnings"] == [{"warning_code": "clinic_code_check_digit"}]
    assert village.visit(1, clinic_code=substitute)["record"]["records"][0]["clinic_code"] == substitute


def test_a_dose_that_a_clinic_entered_goes_back_to_the_city_and_is_shown_to_the_resident(village: Village) -> None:
    village.ready(1)
    village.confirm(1)
    entered = village.vaccinate(1)["record"]["vaccination_record_id"]
    returned = village.area.due("return", 10)
    assert returned is not None
    assert [each["vaccination_record_id"] for each in returned.records] == [entered]
    own = village.own_records(pseudonym(1))["record"]["records"]
    assert [(each["vaccination_record_id"], each["vaccination_setting_id"]) for each in own] == [(entered, SETTING)]


# ---- clocks ---------------------------------------------------------------------------------------------------------


def test_a_time_that_is_hours_ahead_does_not_shut_out_the_truth(village: Village) -> None:
    """JST that is written with a Z is nine hours ahead: what is true would be superseded until then."""
    village.ready(1, 2)
    village.confirm(1)
    assert village.fill_in(1, ANSWERS, answered_at="2026-04-01T11:00:00Z") == {"code": "out_of_range"}
    assert "record" in village.fill_in(1, ANSWERS, answered_at="2026-04-01T12:05:00+09:00"), "five minutes, no more"
    village.now = village.now.replace(minute=10)
    assert village.examine(1, examined_at="2026-04-01T12:00:00Z") == {"code": "out_of_range"}
    assert "record" in village.examine(1, doctor_judgement="2", examined_at="2026-04-01T12:10:00+09:00")
    answers = village.visit(1)["record"]["due"][0]["answers"]
    assert [each["answer_content"] for each in answers if each["item_id"] == "doctor-judgement"] == ["2"]
    assert village.vaccinate(1, updated_at="2026-04-01T12:30:00Z") == {"code": "out_of_range"}
    entered = village.vaccinate(1, updated_at="2026-04-01T12:15:00+09:00")["record"]["vaccination_record_id"]
    corrected = {"vaccination_record_id": entered, "updated_at": "2026-04-01T12:15:01+09:00"}
    assert village.vaccinate(1, **corrected) == {"code": "out_of_range"}


def test_the_city_may_be_a_day_ahead(village: Village) -> None:
    village.ready(1)
    assert village.registered("record", city_record(1, updated_at="2026-04-02T12:00:00+09:00")) == "accepted"
    assert village.registered("record", city_record(1, 2, updated_at="2026-04-02T12:00:01+09:00")) == "out_of_range"
