"""Rules 2, 8, 9 and 10 of design §4, and of rule 1 the dispute, on running sites."""

from collections import Counter
from random import Random

import pytest

from tests.acceptance.programs import until
from tests.acceptance.site import DESTINATION
from tests.acceptance.subjects import MUNICIPALITY, OTHER_MUNICIPALITY, city_file, lookup, record, subject, values

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def accepted(site, *subjects):
    """All of them are recorded at the record system."""
    answer = site.send("subject.register", [record(each) for each in subjects])
    assert {each["outcome"] for each in site.outcomes(answer.message_id)} == {"accepted"}


# ---- rule 1: an answer that contradicts its question is not used -----------------------------------------------------


def test_rule_1_an_answer_about_another_person_is_a_dispute(new_site, ordinal):
    """It is refused, told and recorded, not tried again; neither person goes to the asker, nor to anything on disk."""
    site = new_site()
    site.start_records(faults="other_person:1")
    site.start_gateway()
    cells = subject(ordinal())
    asked = cells["internal_no"]
    other = f"{asked[:-1]}{9 - int(asked[-1])}"
    accepted(site, cells)
    answer = site.send("subject.lookup", [lookup(cells), lookup(subject(ordinal()))])
    assert (answer.status, answer.json["replies"]) == (
        200,
        [{"index": 0, "code": "dispute"}, {"index": 1, "code": "no_such_person"}],
    )
    attempts = [each for each in site.facts() if each.get("message_id") == answer.message_id]
    assert [each["kind"] for each in attempts] == ["message.recorded", "delivery.attempted", "delivery.concluded"]
    assert attempts[-1]["outcomes"] == [
        {"records": "0", "ending": "refused", "code": "dispute", "path": "internal_no"},
        {"records": "1", "ending": "refused", "code": "no_such_person"},
    ]
    (said,) = until(lambda: [each for each in site.gateway.logged() if each["event"] == "dispute"])
    assert (said["level"], said["event"], said["destination"], said["count"]) == ("error", "dispute", DESTINATION, 1)
    assert (said["tenant"], said["message_id"]) == (MUNICIPALITY, answer.message_id)
    assert not any(number in answer.body.decode() for number in (asked, other))
    assert site.leaks({asked, other, *values(cells)}) == ()


# ---- rule 2: 個人番号 is where it may be, and nowhere else -----------------------------------------------------------


def test_rule_2_a_reply_never_holds_the_individual_number(site, ordinal):
    cells = subject(ordinal())
    accepted(site, cells)
    answer = site.send("subject.lookup", [lookup(cells)])
    (reply,) = answer.json["replies"]
    assert sorted(reply["record"]) == [
        "control_flag_nondisclosure",
        "control_flag_recovery",
        "control_flag_view_suspended",
        "internal_no",
        "update_seq",
        "updated_at",
        "vaccination_subject_no",
    ]
    assert cells["individual_number"].encode() not in answer.body


WRITTEN = {
    "plain": lambda number: number,
    "in groups": lambda number: f"{number[:4]} {number[4:8]} {number[8:]}",
    "with hyphens": lambda number: "-".join((number[:4], number[4:8], number[8:])),
    "full width": lambda number: number.translate(FULL_WIDTH),
    "full width, with ideographic spaces and bars": lambda number: "　｜".join(
        (number[:4].translate(FULL_WIDTH), number[4:8], number[8:])
    ),
    "with a dot after each digit": ".".join,
    "other digits": lambda number: number.translate(ARABIC),
    "within a text": lambda number: f"個人番号は{number}です",
}


@pytest.mark.parametrize("how", WRITTEN)
@pytest.mark.parametrize("field", ["address", "name", "name_kana", "guardian_name"])
def test_rule_2_a_free_text_that_hides_an_individual_number_refuses_the_record(site, ordinal, how, field):
    cells = subject(ordinal())
    hidden = WRITTEN[how](cells["individual_number"])
    answer = site.send("subject.register", [record(cells | {field: hidden})])
    assert answer.refusal == (422, "all_records_refused")
    assert answer.json["records"] == [{"index": 0, "code": "individual_number_in_text", "path": field}]
    assert site.leaks([cells["individual_number"], *([hidden] if len(hidden) > 11 else [])]) == ()


def test_rule_2_other_runs_of_digits_are_no_individual_number(site, ordinal):
    """Eleven, thirteen, or twelve with a wrong check digit: a telephone number or an account stays what it is."""
    number = subject(ordinal())["individual_number"]
    wrong = number[:11] + str((int(number[11]) + 1) % 10)
    accepted(site, *(subject(ordinal(), address=f"見本{text}") for text in (number[:11], f"{number}0", wrong)))


# ---- rule 8: no tax, welfare or household item -----------------------------------------------------------------------


def test_rule_8_a_file_with_a_tax_column_is_refused_whole(site, ordinal):
    site.rests()
    before = site.held()
    people = [subject(ordinal()) for _ in range(3)]
    site.drop("tax.csv", city_file(people, tax=True))
    (line,) = site.status("tax.csv")
    assert (line.row, line.ending, line.code, line.path) == (0, "refused", "unknown_column", "列21")
    assert site.held() == before
    assert {reply.get("code") for reply in site.look_up(*(each["internal_no"] for each in people))} == {
        "no_such_person"
    }
    acts = Counter(each["statement"]["act"] for each in site.facts() if each["kind"] == "connector.noted")
    assert acts["file_refused"] >= 1
    assert site.leaks(values(*people)) == ()


@pytest.mark.parametrize("item", ["local_tax_info", "tax_amount", "household_no", "welfare_category"])
def test_rule_8_no_such_field(site, ordinal, item):
    good = record(subject(ordinal()))
    answer = site.send("subject.register", [good | {item: "1"}])
    assert answer.json["records"] == [{"index": 0, "code": "unknown_field", "path": f"unknown:{len(good) + 1}:1"}]
    assert item.encode() not in answer.body


def test_rule_8_a_category_outside_the_closed_list(site, ordinal):
    people = [subject(ordinal(), subject_category=each) for each in ("A1", "T9", "a1", "Ａ1")]
    site.drop("category.csv", city_file(people))
    lines = [(each.ending, each.code, each.path) for each in site.status("category.csv")]
    assert lines == [("accepted", "", ""), *[("refused", "not_in_code_list", "subject_category")] * 3]


# ---- rule 9: a wrong municipality reveals nothing --------------------------------------------------------------------


def test_rule_9_a_wrong_municipality_is_answered_as_an_unknown_person(site, ordinal):
    known, nobody = subject(ordinal()), subject(ordinal())
    accepted(site, known)
    elsewhere = {"municipality_code": OTHER_MUNICIPALITY}
    asked = site.send("subject.lookup", [lookup(known | elsewhere), lookup(nobody), lookup(nobody | elsewhere)])
    replies = [{key: value for key, value in each.items() if key != "index"} for each in asked.json["replies"]]
    assert replies == [{"code": "no_such_person"}] * 3
    one = [site.send("subject.lookup", [lookup(each)]) for each in (known | elsewhere, nobody)]
    assert len({len(each.body) for each in one}) == 1
    assert {(each.status, tuple(sorted(each.headers))) for each in one} == {(200, tuple(sorted(one[0].headers)))}


def test_rule_9_the_facts_of_a_wrong_municipality_and_of_an_unknown_person_are_alike(site, ordinal):
    """Whoever may read the log learns no more than who may ask: code and path are the same."""
    known, nobody = subject(ordinal()), subject(ordinal())
    accepted(site, known)
    asked = [lookup(known | {"municipality_code": OTHER_MUNICIPALITY}), lookup(nobody)]
    outcomes = [site.outcomes(site.send("subject.lookup", [each]).message_id) for each in asked]
    assert outcomes[0] == outcomes[1] == [{"index": 0, "outcome": "refused", "code": "no_such_person"}]


def test_rule_9_register_and_delete(site, ordinal):
    known, nobody = subject(ordinal()), subject(ordinal())
    accepted(site, known)
    site.rests()
    before = site.held()
    elsewhere = {"municipality_code": OTHER_MUNICIPALITY, "update_seq": "9"}
    answer = site.send("subject.register", [record(nobody | elsewhere), record(known | elsewhere)])
    gone = {"change_type": "3", "deletion_event_date": "2026-04-30"}
    deleted = site.send("subject.delete", [record(known | elsewhere | gone), record(nobody | elsewhere | gone)])
    for sent in (answer, deleted):
        ends = [
            {key: value for key, value in each.items() if key != "index"} for each in site.outcomes(sent.message_id)
        ]
        assert ends == [{"outcome": "refused", "code": "no_such_person"}] * 2
    assert site.held() == before
    assert "record" in site.look_up(known["internal_no"])[0]


# ---- rule 10: the newer state stays ----------------------------------------------------------------------------------


def test_rule_10_an_older_state_is_superseded_an_equal_one_a_duplicate_or_a_conflict(site, ordinal):
    cells = subject(ordinal(), 5)
    accepted(site, cells)
    other = cells | {"address": "架空県架空市別見本町"}
    older = cells | {"updated_at": "2026-04-10T08:59:59+09:00", "update_seq": "9"}
    answers = [site.send("subject.register", [record(each)]) for each in (cells, other, older)]
    ends = [(e["outcome"], e.get("code")) for answer in answers for e in site.outcomes(answer.message_id)]
    assert ends == [("duplicate", None), ("refused", "version_conflict"), ("refused", "superseded")]
    assert site.look_up(cells["internal_no"])[0]["record"]["update_seq"] == 5


def test_rule_10_a_state_of_the_far_future_is_refused_and_a_true_later_one_is_taken(site, ordinal):
    """Else every true state until then would be superseded. The record system judges; the same bytes hear it again."""
    cells = subject(ordinal())
    later = cells | {"updated_at": "2026-04-11T09:00:00+09:00", "change_type": "2"}
    far = {"updated_at": "9999-12-31T23:59:59+09:00"}
    gone = {"change_type": "3", "deletion_event_date": "2026-04-30"}
    file = city_file([cells, cells | far, cells | far | gone, subject(ordinal())])
    site.drop("far.csv", file)
    first = site.status("far.csv")
    refused = ("refused", "out_of_range", "updated_at")
    assert [(each.ending, each.code, each.path) for each in first] == [
        ("accepted", "", ""), refused, refused, ("accepted", "", ""),
    ]  # fmt: skip
    concluded = [each for each in site.facts() if each["kind"] == "delivery.concluded"]
    sent = {each.message_id for each in first}
    codes = [end.get("code") for each in concluded if each["message_id"] in sent for end in each["outcomes"]]
    assert sorted(filter(None, codes)) == ["out_of_range"] * 2, "by the record system, not before it"
    site.drop("far-later.csv", city_file([later]))
    assert [each.ending for each in site.status("far-later.csv")] == ["accepted"]
    assert site.look_up(cells["internal_no"])[0]["record"]["updated_at"] == later["updated_at"]
    site.drop("far-again.csv", file)
    assert site.status("far-again.csv") == first


def test_rule_10_a_newer_state_is_never_overtaken(new_site):
    """Many versions of the same persons, in order per person, over a bad network, a kill of each program between."""
    random = Random(10)
    persons, versions = 8, 25
    site = new_site(in_flight=8, retry_first=0.02, retry_longest=0.1)
    site.start_records(faults="503:0.2,drop_before:0.1,drop_after:0.15,garbage:0.1,busy:0.1,late:0.1", late_seconds=0.1)
    site.start_gateway()
    left = [person for person in range(persons) for _ in range(versions)]
    random.shuffle(left)
    seen: Counter[int] = Counter()
    rows = []
    for person in left:
        seen[person] += 1
        rows.append(subject(person, seen[person], updated_at="2026-04-10T09:00:00+09:00"))
    messages = []
    for at in range(0, len(rows), 20):
        messages.append(site.send("subject.register", [record(each) for each in rows[at : at + 20]]).message_id)
        if at == 100:
            site.gateway.kill()
            site.start_gateway("/healthz")
    site.records.kill()
    site.start_records(faults="503:0.2,drop_after:0.2,busy:0.1")
    outcomes = Counter(each["outcome"] for message_id in messages for each in site.outcomes(message_id))
    assert outcomes == {"accepted": persons * versions}
    found = site.look_up(*(subject(person)["internal_no"] for person in range(persons)))
    assert [each["record"]["update_seq"] for each in found] == [versions] * persons
    assert site.held() == {"persons": persons, "versions": persons * versions, "deleted": 0}
