"""Rules 2, 5, 6 and 9 of design §4 at the information provision network, and 番号法第23条, over real processes.

What counts as given out is what another body could open with its own key.
"""

import csv
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.acceptance.network import (
    CONNECTOR,
    DATASET,
    OTHER_CITY,
    PREFECTURE,
    PROCEDURES,
    SUBSIDY,
    TAX,
    Network,
    Resident,
)
from tests.acceptance.officers import APPROVER, OFFICER, code, decide, grant, held, shown
from tests.acceptance.programs import GATEWAY, command, until
from tests.acceptance.subjects import MUNICIPALITY, OTHER_MUNICIPALITY

CLERK = "staff-0013"
"""An officer like the other, who may not be the second."""
RESPONSIBLE = "staff-0001"
"""Who answers for what the connector makes by itself: its maker (surprise 65)."""
NOTHING = ("waiting", None)
REFUSED = ("refused", None)
TAX_ITEM = {"fiscal_year": "2026", "taxation_category": "3", "welfare_category": "1"}
ITEMS = ["dose_no", "lot_no", "overseas_flag", "vaccinated_on", "vaccine_generic_name"]


@pytest.fixture(scope="module")
def network(tmp_path_factory, starter) -> Iterator[Network]:
    made = Network.made(tmp_path_factory.mktemp("network") / "site", starter).start()
    grant(made.site, made.site.root)
    grant(made.site, made.site.root, (CLERK, "officer"), (RESPONSIBLE, "approver"))
    yield made
    made.close()


def holds_r20(network: Network, *, on: bool) -> None:
    """The route holds everything, or only what is marked."""
    place, mark = 'id = "R20"\n', 'id = "R20"\nhold = true\n'
    old, new = (place, mark) if on else (mark, place)
    network.site.edit(f"tenants/{MUNICIPALITY}.toml", old, new)
    network.site.hang_up("config.applied")


def looked(network: Network, message_id: str, *names: str) -> list[str]:
    """What each of them sees."""
    told = [shown(network.site, network.edge, CONNECTOR, message_id, name) for name in names]
    assert [each.status for each in told] == [0] * len(names), told
    return [each.out for each in told]


def released(network: Network, message_id: str) -> None:
    looked(network, message_id, OFFICER, APPROVER)
    for name in (OFFICER, APPROVER):
        assert decide(network.site, "release", message_id, name).status == 0


def answers(network: Network, number: str) -> list[dict[str, Any]]:
    """What was said to the network of that request; the record beside it is for the city's own server."""
    said = [each for each in network.calls("/server/v1/provisions/answer") if each["provision_no"] == number]
    return [{name: value for name, value in each.items() if name != "record"} for each in said]


# ---- rule 5: held until released by two different people -------------------------------------------------------------


def test_rule_5_a_flag_or_the_route_holds_and_two_people_release(network, ordinal):
    """A person's flag, a record's, and the route's: each is `review` to whoever decides."""
    since = len(network.site.facts())
    people = [network.resident(ordinal(), flagged=True), network.resident(ordinal(), no_auto_response_flag=True)]
    numbers = [network.asked(each) for each in people]
    network.held(since, 2)
    holds_r20(network, on=True)
    people.append(network.resident(ordinal()))
    numbers.append(network.asked(people[2]))
    ids = network.held(since, 3)
    listed = {each.pop("message_id"): each for each in held(network.site)}
    alike = ("route", "source", "destination", "operation", "records", "cause", "approved")
    assert {tuple(str(listed[each][name]) for name in alike) for each in ids} == {
        ("R20", CONNECTOR, CONNECTOR, "provision.answer", "1", "review", "None")
    }
    for who, number, message_id in zip(people, numbers, ids, strict=True):
        seen = looked(network, message_id, OFFICER, APPROVER)
        assert all(who.dose["lot_no"] in each and "held for review" in each for each in seen)
        assert network.told(number) == NOTHING
        assert decide(network.site, "release", message_id, OFFICER).status == 0
        assert code(decide(network.site, "release", message_id, OFFICER)) == "second_person_needed"
        assert network.told(number) == NOTHING
        assert answers(network, number) == []
        assert decide(network.site, "release", message_id, APPROVER).status == 0
        assert network.ended(number) == ("answered", [who.dose])
        kinds = [each for each in network.site.kinds(message_id) if each.startswith("hold.")]
        assert kinds == ["hold.placed", *["hold.looked", "hold.shown"] * 2, "hold.approved", "hold.released"]
    holds_r20(network, on=False)


def test_rule_5_neither_unseen_nor_by_its_maker_nor_without_an_approver(network, ordinal):
    since = len(network.site.facts())
    who = network.resident(ordinal(), flagged=True)
    number = network.asked(who)
    (message_id,) = network.held(since)
    assert code(decide(network.site, "release", message_id, OFFICER)) == "not_looked_at"
    looked(network, message_id, OFFICER, CLERK, RESPONSIBLE)
    assert code(decide(network.site, "release", message_id, RESPONSIBLE)) == "maker_may_not_confirm"
    assert code(decide(network.site, "refuse", message_id, RESPONSIBLE, "content_wrong")) == "maker_may_not_confirm"
    assert decide(network.site, "release", message_id, OFFICER).status == 0
    assert code(decide(network.site, "release", message_id, CLERK)) == "role_missing"
    assert code(decide(network.site, "release", message_id, APPROVER)) == "not_looked_at"
    assert network.told(number) == NOTHING
    assert answers(network, number) == []
    acts = [each for each in network.site.facts()[since:] if each["kind"] == "operator.acted" and "code" in each]
    assert [(each["operator"], each["code"]) for each in acts if each["message_id"] == message_id] == [
        (OFFICER, "not_looked_at"),
        (RESPONSIBLE, "maker_may_not_confirm"),
        (RESPONSIBLE, "maker_may_not_confirm"),
        (CLERK, "role_missing"),
        (APPROVER, "not_looked_at"),
    ]
    assert decide(network.site, "refuse", message_id, OFFICER, "not_disclosable").status == 0
    assert network.ended(number) == REFUSED


def test_rule_5_a_refusal_tells_the_network_nothing_but_that(network, ordinal):
    """Neither why, nor that people looked: it is the answer that a request without a permit gets."""
    since = len(network.site.facts())
    number = network.asked(network.resident(ordinal(), flagged=True))
    (message_id,) = network.held(since)
    looked(network, message_id, OFFICER)
    assert decide(network.site, "refuse", message_id, OFFICER, "not_disclosable").status == 0
    forged = network.asked(Resident(ordinal()), wrong="forged_permit")
    assert network.ended(number) == network.ended(forged) == REFUSED
    for each in (number, forged):
        assert answers(network, each) == [{"provision_no": each, "result": "refused"}]


def test_rule_5_a_flag_that_is_set_while_it_is_under_way_holds_it(network, ordinal):
    """Made without the mark, and held by the route: released, it goes nowhere, and is made anew with the mark."""
    since = len(network.site.facts())
    holds_r20(network, on=True)
    who = network.resident(ordinal())
    number = network.asked(who)
    (first,) = network.held(since)
    assert network.sent("replica.register", who.replica(2, no_auto_response_flag=True)) == ["accepted"]
    assert network.sent("addressee.register", who.addressee(2, no_auto_response_flag=True)) == ["accepted"]
    released(network, first)
    _, again = network.held(since, 2)
    holds_r20(network, on=False)
    made = [[claim["claim"] for claim in each["attestations"]] for each in network.given()[-2:]]
    assert made == [["permit"], ["permit", "review"]]
    assert network.told(number) == NOTHING
    released(network, again)
    assert network.ended(number) == ("answered", [who.dose])


# ---- rule 6: by which row, with whose permit -------------------------------------------------------------------------


def test_rule_6_provision_under_25_26_and_153_and_under_26_only_to_a_governor(network, ordinal):
    who, before = network.resident(ordinal()), len(network.given())
    asked = [(body, row) for row in ("25", "153") for body in (OTHER_CITY, PREFECTURE)] + [(PREFECTURE, "26")]
    numbers = [network.asked(who, body, row) for body, row in asked]
    assert [network.ended(each) for each in numbers] == [("answered", [who.dose])] * len(asked)
    given = network.given()[before:]
    assert [each["legal_basis"][:2] for each in given] == [["L5", f"L5-{row}"] for _, row in asked]
    assert [each["attestations"][0]["party"] for each in given] == [body for body, _ in asked]


WRONG = {
    "no_permit": "permit_not_valid",
    "forged_permit": "permit_not_valid",
    "unsigned_permit": "permit_not_valid",
    "expired_permit": "permit_not_valid",
    "wrong_municipality": "permit_not_valid",
    "forged_route": "permit_not_valid",
    "no_key": "no_inquirer_key",
    "other_key": "no_inquirer_key",
    "not_on_list": "not_on_matching_list",
    "row_out_of_bounds": "not_on_matching_list",
    "row_26_by_municipality": "counterparty_not_allowed",
}


def test_rule_6_what_lacks_anything_is_given_nothing_and_the_log_says_what(network, ordinal):
    who, given, refused = network.resident(ordinal()), len(network.given()), len(network.refused())
    numbers = {wrong: network.asked(who, wrong=wrong) for wrong in WRONG}
    others = {row: network.asked(who, row=row, dataset_code=TAX) for row in ("27", "28", "29")}
    assert {each: network.ended(number) for each, number in (numbers | others).items()} == dict.fromkeys(
        [*numbers, *others], REFUSED
    )
    assert network.refused()[refused:] == [*WRONG.values(), *["not_on_matching_list"] * len(others)]
    assert len(network.given()) == given
    for number in (numbers | others).values():
        assert answers(network, number) == [{"provision_no": number, "result": "refused"}]


def test_rule_6_a_permit_is_good_once(network, ordinal):
    who = network.resident(ordinal())
    assert network.ended(network.asked(who)) == ("answered", [who.dose])
    since, given = len(network.site.facts()), len(network.given())
    assert network.ended(network.asked(who, wrong="replayed_permit")) == REFUSED
    (fact,) = [each for each in network.site.facts()[since:] if each["kind"] == "message.refused"]
    assert (fact["stage"], fact["connector"], fact["code"]) == ("hub", CONNECTOR, "request_key_reused")
    assert len(network.given()) == given


def test_rule_6_what_the_network_denies_never_comes(network, ordinal):
    """Row 26 by a municipality, for one: without misbehaviour there is no permit."""
    told = {"individual_number": Resident(ordinal()).individual_number, "dataset_code": DATASET}
    for row in ("26", "152", "0"):
        procedure = PROCEDURES.get(row, PROCEDURES["25"])
        answer = network.tried("inquire", body=OTHER_CITY, row=row, procedure_code=procedure, **told)
        assert (answer.status, answer.json) == (409, {"code": "denied"})


def test_rule_6_inquiry_under_each_of_its_rows_and_permit_before_inquiry(network, ordinal):
    who = network.resident(ordinal())
    kinds = {"inquiry.answer": {"25", "26", "153"}, "inquiry.tax_answer": {"27", "28", "29"}}
    before = {each: len(network.given(each)) for each in kinds}
    network.knows(who, who.dose, taxed=[TAX_ITEM])
    subsidy = {"procedure_code": "JT00000000002602", "dataset_code": SUBSIDY}
    asked = [who.inquiry(row, row) for row in ("25", "27", "28", "29", "153")]
    asked.append(who.inquiry("26", "26", PREFECTURE, **subsidy))
    assert network.sent("inquiry.request", *asked) == ["accepted"] * len(asked)

    def arrived(kind: str, count: int) -> bool:
        return len(network.given(kind)) >= count

    for kind, rows in kinds.items():
        until(partial(arrived, kind, before[kind] + len(rows)))
        given = network.given(kind)[before[kind] :]
        assert sorted(each["legal_basis"][1] for each in given) == sorted(f"L4-{row}" for row in rows)
    for each in asked:
        steps = [path for path in heard(network, each["inquiry_no"]) if path != "result"]
        assert steps.index("permits/request") < steps.index("inquiries/send")


def test_rule_8_tax_and_welfare_arrive_as_such_in_a_file_of_their_own_and_no_dose_with_them(network, ordinal):
    who = network.resident(ordinal())
    network.knows(who, who.dose, taxed=[TAX_ITEM, TAX_ITEM | {"fiscal_year": "2025"}])
    assert network.sent("inquiry.request", who.inquiry("TAX", "28")) == ["accepted"]
    rows = until(lambda: [row for row in taxed_rows(network) if row["照会番号"] == who.inquiry("TAX")["inquiry_no"]])
    told = [(row["照会の項"], row["課税年度"], row["課税区分"], row["生活保護受給区分"]) for row in rows]
    assert told == [("28", "2026", "3", "1"), ("28", "2025", "3", "1")]
    header = network.given("inquiry.tax_answer")[-1]
    assert (header["route"], header["destination"]) == ("R19-tax", "health_management")
    (items,) = header["item_sets"]
    assert {each for each in items if "[]" in each} == {f"tax_items[].{name}" for name in TAX_ITEM}


def taxed_rows(network: Network) -> list[dict[str, str]]:
    """Of all files with answers of tax and welfare that lie with the city."""
    files = sorted((network.site.exchange / "out").glob("tax-*.csv"))
    return [row for file in files for row in csv.DictReader(file.read_text(encoding="cp932").splitlines())]


def heard(network: Network, request_id: str) -> list[str]:
    """The paths of what was said to the server of an inquiry, in order."""
    about = [each for each in network.exchanges() if f'"{request_id}"' in each["body"]]
    return [each["path"].removeprefix("/server/v1/") for each in about]


def test_rule_6_no_inquiry_outside_the_list_or_with_another_row(network, ordinal):
    who = network.resident(ordinal())
    asked = {
        "other procedure": who.inquiry("P", procedure_code="JT99999999999999"),
        "other dataset": who.inquiry("D", dataset_code=TAX),
        "row 26 of a municipality": who.inquiry("M", "26"),
        "row 27 of a prefecture": who.inquiry("G", "27", PREFECTURE),
    }
    assert network.sent("inquiry.request", *asked.values()) == ["not_on_matching_list"] * len(asked)
    for row in ("24", "30", "152"):
        assert network.sent("inquiry.request", who.inquiry("R") | {"inquiry_row": row}) == ["not_in_code_list"]
    for each in [*asked.values(), who.inquiry("R")]:
        assert heard(network, each["inquiry_no"]) == []


def test_rule_6_no_inquiry_under_a_row_that_has_ended(network, ordinal):
    """It is refused where the city sends it; another row beside it is asked under."""
    who = network.resident(ordinal())
    network.knows(who, who.dose)
    row = '[legal_basis.L4-25]\nreference = "主務省令第2条の表 25の項(照会)"\nvalid_from = 2024-05-27\n'
    ended = f"{row}valid_until = 2024-12-31\n"
    network.site.edit("legal_basis.toml", row, ended)
    network.site.hang_up("config.applied")
    asked, count = [who.inquiry("ENDED", "25"), who.inquiry("GOES", "153")], len(network.given("inquiry.answer"))
    assert network.sent("inquiry.request", *asked) == ["basis_not_in_force", "accepted"]
    assert network.sent("inquiry.request", who.inquiry("ALONE", "25")) == ["basis_not_in_force"]
    assert [network.given("inquiry.request")[-1]["legal_basis"]] == [["L4", "L4-153", "A1"]]
    assert heard(network, asked[0]["inquiry_no"]) == []
    answers = partial(network.given, "inquiry.answer")  # else it arrives among what another test counts
    until(lambda: "L4-153" in {each["legal_basis"][1] for each in answers()[count:]})
    network.site.edit("legal_basis.toml", ended, row)
    network.site.hang_up("config.applied")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("denied_permit", "permit_denied"),
        ("forged_permit", "permit_not_valid"),
        ("permit_other_row", "permit_not_valid"),
        ("permit_other_provider", "permit_not_valid"),
    ],
)
def test_rule_6_no_inquiry_without_its_own_permit(network, ordinal, wrong, why):
    who = network.resident(ordinal())
    network.knows(who, who.dose)
    network.control("next", wrong=wrong)
    asked = who.inquiry("WRONG")
    assert network.sent("inquiry.request", asked) == [why]
    assert "inquiries/send" not in heard(network, asked["inquiry_no"])
    (sent,) = network.rows("server", f"SELECT count(*) FROM inquiries WHERE request_id = '{asked['inquiry_no']}'")
    assert sent == (0,)


# ---- rule 9 ----------------------------------------------------------------------------------------------------------


def test_rule_9_a_wrong_municipality_and_nobody_answer_alike(network, ordinal):
    who, nobody, given = network.resident(ordinal()), Resident(ordinal()), len(network.given())
    numbers = [network.asked(who, wrong="wrong_municipality"), network.asked(nobody)]
    assert [network.ended(each) for each in numbers] == [REFUSED] * 2
    said = [answers(network, each) for each in numbers]
    assert said == [[{"provision_no": each, "result": "refused"}] for each in numbers]
    assert len(network.given()) == given
    elsewhere = {"municipality_code": OTHER_MUNICIPALITY}
    for one in (who, nobody):
        assert network.sent("inquiry.request", one.inquiry("W") | elsewhere) == ["no_such_person"]
        assert network.sent("replica.register", one.replica(2) | elsewhere) == ["no_such_person"]
        assert heard(network, one.inquiry("W")["inquiry_no"]) == []


# ---- 番号法第23条 ----------------------------------------------------------------------------------------------------


def test_the_statutory_record_is_the_same_in_the_log_and_at_both_bodies(network, ordinal):
    """Parties, times, items, row and the mark of the second paragraph, for both directions."""
    who = network.resident(ordinal())
    network.knows(who, who.dose)
    marks = {"OPEN": False, "MARKED": True}
    before = {each: len(network.given(each)) for each in ("provision.answer", "inquiry.answer")}
    known = {each["permit_no"] for each in network.records()["own"]}
    for name, mark in marks.items():
        assert network.ended(network.asked(who, undisclosed_flag=mark)) == ("answered", [who.dose])
        count = len(network.given("inquiry.answer"))
        assert network.sent("inquiry.request", who.inquiry(name, "153", undisclosed_flag=mark)) == ["accepted"]
        until(partial(answered_since, network, count))
    for operation, kind, row, parties in (
        ("provision.answer", "provision", "25", (OTHER_CITY, MUNICIPALITY)),
        ("inquiry.answer", "inquiry", "153", (MUNICIPALITY, OTHER_CITY)),
    ):
        logged = network.given(operation)[before[operation] :]
        own = [each for each in network.records()["own"] if each["permit_no"] not in known and each["kind"] == kind]
        theirs = {each["permit_no"]: each for each in network.records()["others"] if each["kind"] != kind}
        assert len(logged) == len(own) == len(marks)
        for record in own:
            assert (record["inquirer_code"], record["provider_code"]) == parties
            assert (record["row"], record["items"]) == (row, ITEMS)
            assert agrees(record, theirs[record["permit_no"]])
        assert sorted(map(mark_and_times, own)) == sorted(map(mark_and_times, map(as_record, logged)))
        assert {row_and_items(each) for each in logged} == {(row, *ITEMS)}
        assert {permit(each)["party"] for each in logged} == {OTHER_CITY}


def reported(network: Network, name: str, *options: str) -> list[dict[str, Any]]:
    told = network.site.cli("log", "report", name, MUNICIPALITY, *options, "--json")
    assert told.status == 0, told.err
    return list(json.loads(told.out)["rows"])


def test_the_statutory_records_become_a_report_and_the_person_hears_of_none_that_is_marked(network, ordinal, tmp_path):
    who = network.resident(ordinal())
    network.knows(who, who.dose)
    since = len(network.site.facts())
    for name, mark in {"UNMARKED": False, "HIDDEN": True}.items():
        assert network.ended(network.asked(who, undisclosed_flag=mark)) == ("answered", [who.dose])
        count = len(network.given("inquiry.answer"))
        assert network.sent("inquiry.request", who.inquiry(name, "153", undisclosed_flag=mark)) == ["accepted"]
        until(partial(answered_since, network, count))
    own = ("--as", str(network.site.tls / f"{OFFICER}.crt"))
    recorded = {each["message_id"]: each for each in network.site.facts()[since:] if "header" in each}
    rows = [row for row in reported(network, "provisions", *own) if row["message"] in recorded]
    assert sorted((row["asker"], row["provider"], row["undisclosed"]) for row in rows) == sorted(
        (*parties, mark)
        for parties in ((OTHER_CITY, MUNICIPALITY), (MUNICIPALITY, OTHER_CITY))
        for mark in ("", "はい")
    )
    assert all("接種年月日" in row["items"] or "vaccinated_on" in row["items"] for row in rows)
    marked = {row["message"] for row in rows if row["undisclosed"]}
    for row in reported(network, "provisions"):  # as an operator
        if row["message"] in marked:
            assert {key for key, cell in row.items() if cell} == {"at", "message", "undisclosed", "facts"}

    named = tmp_path / "person.json"
    named.write_text(json.dumps({"internal_no": who.internal_no}))
    sought: list[str] = []
    for connector in (CONNECTOR, "health_management"):
        made = command(*GATEWAY, "keys", "tags", MUNICIPALITY, connector, str(named), "--root", str(network.edge))
        assert made.status == 0, made.err
        (tmp_path / connector).write_text(made.out)
        sought += ("--person", str(tmp_path / connector))
    why = ("--reason", "disclosure_request", "--case", "R8-0012")
    told = {int(row["facts"]) for row in reported(network, "disclosure", *sought, *why, *own)}
    operations = [each["header"]["operation"] for each in recorded.values() if each["seq"] in told]
    assert sorted(each for each in operations if "answer" in each) == ["inquiry.answer", "provision.answer"]
    assert "inquiry.request" not in operations, "an inquiry says under its seal whether it may be disclosed"
    assert not told & {recorded[each]["seq"] for each in marked}


def answered_since(network: Network, count: int) -> bool:
    return len(network.given("inquiry.answer")) > count


def agrees(own: dict[str, Any], other: dict[str, Any]) -> bool:
    same = ("permit_no", "inquirer_code", "provider_code", "row", "items", "undisclosed_flag")
    return all(own[name] == other[name] for name in same)


def permit(header: dict[str, Any]) -> dict[str, Any]:
    (found,) = [each for each in header["attestations"] if each["claim"] == "permit"]
    return dict(found)


def as_record(header: dict[str, Any]) -> dict[str, Any]:
    """What the log says of it, as 情報提供等記録 has it."""
    marked = any(each["claim"] == "undisclosed" for each in header["attestations"])
    return {"undisclosed_flag": marked, "requested_at": permit(header)["asked"][:19]}


def mark_and_times(record: dict[str, Any]) -> tuple[bool, str]:
    return record["undisclosed_flag"], record["requested_at"][:19]


def row_and_items(header: dict[str, Any]) -> tuple[str, ...]:
    (items,) = header["item_sets"]
    row = header["legal_basis"][1].partition("-")[2]
    return row, *sorted(each.removeprefix("doses[].") for each in items if each.startswith("doses[]."))


# ---- rule 2 ----------------------------------------------------------------------------------------------------------


def test_rule_2_the_individual_number_reaches_the_platform_only_and_no_code_reaches_the_gateway(network, ordinal):
    """個人番号 is in nothing said to server or network; 符号, 団体内統合宛名番号, 処理通番 in nothing of ours."""
    since, who = len(network.site.facts()), network.resident(ordinal(), flagged=True)
    network.knows(who, who.dose)
    number = network.asked(who)
    (message_id,) = network.held(since)
    seen = "".join(looked(network, message_id, OFFICER, APPROVER))
    for name in (OFFICER, APPROVER):
        assert decide(network.site, "release", message_id, name).status == 0
    assert network.ended(number)[0] == "answered"
    inquiry = who.inquiry("S")
    assert network.sent("inquiry.request", inquiry) == ["accepted"]
    taken = "SELECT request_id FROM inquiries WHERE taken = 1"
    until(lambda: (inquiry["inquiry_no"],) in network.rows("server", taken))  # else its file is still being written
    hidden = network.hidden()
    assert len(hidden) >= 4
    assert not any(each in seen + json.dumps(network.site.facts()) for each in hidden)
    numbers = {each for (each,) in network.rows("platform", "SELECT individual_number FROM addressees")}
    assert who.individual_number in numbers
    assert network.beyond(numbers) == ()
    assert network.leaks(who.values() | numbers) == ()
    assert network.anywhere(hidden) == ()
    planted = network.site.observed / "planted"
    planted.write_text(f"{who.individual_number} {min(hidden)}")
    assert {each.place for each in network.leaks(numbers)} == {str(planted)}
    assert {each.place for each in network.anywhere(hidden)} == {str(planted)}
    planted.unlink()
    with network.heard.open("a") as heard_too:
        heard_too.write(json.dumps({"path": "", "body": who.individual_number, "answer": ""}) + "\n")
    assert {each.place for each in network.beyond(numbers)} == {str(network.heard)}
