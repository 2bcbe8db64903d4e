"""What each report makes of facts, and what it leaves out."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cli import report as command
from gateway.config import Route
from gateway.hub.journal import FactKind
from gateway.hub.people import Role
from gateway.hub.reports import REPORTS, About, disclosure
from gateway.hub.reports.deletions import DELETED
from gateway.hub.reports.spans import Spans
from gateway.hub.search import Reason
from tests.flow.toys import OFFICE, REGISTER
from tests.reports.made_up import OFFICER, OPERATOR, UNDISCLOSED

PERMIT = {"claim": "permit", "reference": "0" * 64, "party": "131130", "asked": "2026-03-31T23:00:00.000000Z"}


def test_the_command_offers_every_report_and_no_other():
    assert set(get_args(command.Name)) == set(REPORTS)
    assert {each.name for each in REPORTS.values() if each.of_person} == command.OF_PERSON


def test_each_column_and_note_has_its_japanese():
    for each in REPORTS.values():
        texts = [each.title, *each.notes]
        assert each.notes
        assert not [text for text in texts if text.japanese.isascii() or not text.english]
        assert len({column.name for column in each.columns}) == len(each.columns)


# ---- slips ----------------------------------------------------------------------------------------------------------


def test_a_slip_counts_what_became_of_the_records(log):
    stated = {"connector": "office", "operation": "person.put", "records": [[3, "wrong_type", None], [4, "x", None]]}
    message_id = log.recorded((0, 1, 2, 5), statement=stated)
    log.recorded()
    log.concluded(message_id, records="0-1")
    log.concluded(message_id, "refused", "2", "register_full")
    log.add("message.dead", message_id, attempt=3, outcomes=[{"ending": "dead", "code": "expired", "records": "5"}])
    first, second = log.made(REPORTS["slips"])
    assert {key: first[key] for key in ("records", "accepted", "refused", "dead", "open")} == {
        "records": 6, "accepted": 2, "refused": 3, "dead": 1, "open": 0,
    }  # fmt: skip
    assert (first["from"], first["to"], first["facts"]) == ("office", "register", "1,3-7")
    assert first["at"] == "2026-04-01 09:00:01+09:00", "by the clocks in Japan"
    assert (second["records"], second["open"], second["facts"]) == (1, 1, "2")


def test_what_was_replayed_is_open_again(log):
    message_id = log.recorded()
    log.add("message.dead", message_id, attempt=1, outcomes=[{"ending": "dead", "code": "expired", "records": "0"}])
    log.add("message.replayed", message_id, operator="root", records="0")
    (row,) = log.made(REPORTS["slips"])
    assert (row["dead"], row["open"]) == (0, 1)


def test_a_message_that_its_edge_refused_whole_was_handed_to_nobody(log):
    stated = {"connector": "office", "operation": "person.put", "records": [[0, "wrong_type", None]]}
    stated |= {"responsible": "staff-0001"}
    log.add("message.recorded", "01960000-0000-7000-8000-ffffffffffff", statement=stated)
    (row,) = log.made(REPORTS["slips"])
    assert (row["from"], row["to"], row["records"], row["refused"], row["accepted"]) == ("office", "", 1, 1, 0)
    assert (row["operation"], row["responsible"]) == ("試験(person.put)", "staff-0001")


# ---- what is not to be disclosed ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["slips", "provisions", "unpermitted", "deletions"])
def test_of_what_is_not_to_be_disclosed_an_operator_learns_that_it_is_there(log, name):
    message_id = log.recorded(attest=[UNDISCLOSED, PERMIT])  # which T1 does not grant
    log.concluded(message_id)
    log.add("envelope.deleted", message_id, envelope="0" * 64)
    (hidden,) = log.made(REPORTS[name], OPERATOR)
    told = {key for key, cell in hidden.items() if cell != ""}
    assert told <= {"at", "kind", "message", "undisclosed", "facts"}
    assert hidden["undisclosed"] == "はい"
    (shown,) = log.made(REPORTS[name], OFFICER)
    assert {key for key, cell in shown.items() if cell != ""} - {"undisclosed"} > told - {"undisclosed"}


def test_it_is_counted_for_nobody_else_either(log):
    log.concluded(log.recorded(attest=[UNDISCLOSED]))
    assert not [row for row in log.made(REPORTS["fields"], OPERATOR) if row["records"]]
    assert [row["item"] for row in log.made(REPORTS["fields"], OFFICER) if row["records"]] == ["internal_no", "name"]


@pytest.mark.parametrize("reader", [OFFICER, OPERATOR])
def test_a_person_s_report_is_the_same_with_and_without_it(log, reader):
    log.concluded(log.recorded())
    before = log.made(REPORTS["disclosure"], reader)
    log.concluded(log.recorded(attest=[UNDISCLOSED]))
    assert log.made(REPORTS["disclosure"], reader) == before
    assert len(before) == 1


# ---- disclosure -----------------------------------------------------------------------------------------------------


def test_a_person_is_told_of_their_own_records_alone(log):
    sets = (("internal_no", "name"), ("internal_no", "guardians[].guardian_name"))
    message_id = log.recorded((0, 1), item_sets=sets, sets=(0, 1))
    log.concluded(message_id, records="0")
    log.concluded(message_id, "refused", "1", "register_full")
    (row,) = log.made(REPORTS["disclosure"], records=lambda _: frozenset({0}))
    assert row["items"] == "内部番号、氏名", "in words that the person knows"
    assert (row["ended"], row["facts"]) == ("受領", "1")
    (other,) = log.made(REPORTS["disclosure"], records=lambda _: frozenset({1}))
    assert other["items"] == "保護者氏名、内部番号"
    assert other["ended"] == "拒否", "and no code says why"
    assert log.made(REPORTS["disclosure"], records=lambda _: frozenset()) == []


def test_what_says_where_the_hub_cannot_read_it_whether_it_may_be_disclosed_is_left_out(log):
    says = (("internal_no", "asked[].undisclosed_flag"),)
    log.recorded(item_sets=says)
    log.recorded(item_sets=says, route="T0-gone")
    assert log.made(REPORTS["disclosure"]) == []
    first, *others = log.rules.tenant.file.routes
    routes = (first.model_copy(update={"may_attest": ("undisclosed",)}), *others)
    file = log.rules.tenant.file.model_copy(update={"routes": routes})
    log.rules = replace(log.rules, tenant=replace(log.rules.tenant, file=file))
    assert [row["facts"] for row in log.made(REPORTS["disclosure"])] == ["1"], "there its absence is a word, too"


def test_the_end_of_an_inquiry_without_a_permit_is_left_out_for_the_mark_comes_with_that(log):
    """番号法第23条第2項: otherwise it would tell of an inquiry that was not to be disclosed and was refused."""
    first, *others = log.rules.tenant.file.routes
    routes = (first.model_copy(update={"may_attest": ("permit", "undisclosed")}), *others)
    file = log.rules.tenant.file.model_copy(update={"routes": routes})
    log.rules = replace(log.rules, tenant=replace(log.rules.tenant, file=file))
    log.recorded()
    log.recorded(attest=[PERMIT])
    assert [row["facts"] for row in log.made(REPORTS["disclosure"])] == ["2"]


def test_a_person_reads_the_words_of_interfaces_and_configuration_and_of_what_has_none_its_name(log):
    log.recorded(attest=[PERMIT])
    (bare,) = log.made(REPORTS["disclosure"])
    assert (bare["from"], bare["to"], bare["purpose"], bare["other"]) == ("office", "register", "vaccination", "131130")
    said = {"purposes": {"vaccination": "予防接種に関する事務"}, "bodies": {"131130": "架空区"}}
    file = log.rules.tenant.file.model_copy(update=said)
    systems = {"office": "市の窓口システム", "register": "台帳システム"}
    log.rules = replace(log.rules, tenant=replace(log.rules.tenant, file=file), systems=systems)
    (row,) = log.made(REPORTS["disclosure"])
    assert (row["from"], row["to"], row["purpose"], row["other"]) == (
        "市の窓口システム", "台帳システム", "予防接種に関する事務", "架空区(131130)",
    )  # fmt: skip
    assert row["operation"] == log.rules.labels["register", "person.put"]


def test_which_other_body_was_told_is_named(log):
    log.recorded(attest=[PERMIT])
    log.recorded()
    assert [row["other"] for row in log.made(REPORTS["disclosure"])] == ["131130", ""]


def test_law_is_told_by_its_reference(log):
    log.recorded(legal_basis=("L1", "L0-gone", "A1"))
    (row,) = log.made(REPORTS["disclosure"])
    assert row["basis"] == "架空法第1条、L0-gone、架空市の特定個人情報保護評価書"


def test_only_who_decides_may_have_it(log):
    assert set(REPORTS["disclosure"].roles) == {Role.OFFICER, Role.APPROVER}
    assert [each.name for each in REPORTS.values() if each.of_person] == ["disclosure"]


def test_a_person_s_report_says_under_which_case_and_why_it_was_made(log):
    by = [{"connector": "office", "tags": {"2026-04": ["1" * 32]}}]
    about = About.model_validate({"by": by, "reason": "disclosure_request", "case": "R8-0012"})
    (english, japanese), _ = REPORTS["disclosure"].above(log.given(about=about))
    assert "R8-0012" in english
    assert japanese == "事案番号 R8-0012、作成の理由: 開示請求"


def test_a_person_s_report_says_which_systems_and_months_were_searched(log):
    months = ("2025-12", "2026-01", "2026-02", "2026-07")
    by = [{"connector": OFFICE, "tags": {month: ["1" * 32] for month in months}}, {"connector": REGISTER, "tags": {}}]
    about = About.model_validate({"by": by, "reason": "disclosure_request", "case": "R8-0012"})
    _, first, second = REPORTS["disclosure"].above(log.given(about=about))
    assert "2025-12 to 2026-02, 2026-07" in first.english
    assert "2025-12 〜 2026-02、2026-07" in first.japanese
    assert (OFFICE in first.english, REGISTER in second.english, "なし" in second.japanese) == (True, True, True)
    assert "1" * 32 not in str((first, second)), "a tag is on no paper"


def test_every_reason_has_its_japanese():
    assert set(get_args(Reason)) == set(disclosure.REASONS)


# ---- unusual --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("began", "since", "told"),
    [
        ("2026-01-01T15:00:00.000000Z", "2026-04-01T15:00:00.000000Z", False),
        ("2026-01-01T15:00:00.000001Z", "2026-04-01T15:00:00.000000Z", True),
        ("2020-01-01T15:00:00.000000Z", "", True),
        ("", "2026-04-01T15:00:00.000000Z", True),
    ],
)
def test_that_nothing_is_told_to_be_new_stands_above_the_rows(log, began, since, told):
    above = REPORTS["unusual"].above(log.given(began=began, since=since))
    assert bool(above) == told


# ---- provisions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "asker", "provider"),
    [("inquirer_code", "131130", "999997"), ("answers[].provider_code", "999997", "131130"), ("name", "", "")],
)
def test_who_asked_whom_follows_from_permit_and_items(log, item, asker, provider):
    message_id = log.recorded(attest=[PERMIT], item_sets=(("internal_no", item),))
    log.recorded()
    log.concluded(message_id)
    (row,) = log.made(REPORTS["provisions"])
    assert (row["asker"], row["provider"], row["other"]) == (asker, provider, "131130")
    assert (row["asked"], row["ended"], row["facts"]) == ("2026-04-01 08:00:00+09:00", "受領", "1,3-4")


# ---- unpermitted ----------------------------------------------------------------------------------------------------


def test_what_the_route_grants_has_no_row(log):
    log.concluded(log.recorded())
    assert log.made(REPORTS["unpermitted"]) == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"route": "T9"}, "no_route"),
        ({"destination": "office"}, "no_route"),
        ({"item_sets": (("internal_no", "individual_number"),)}, "items_beyond_route"),
        ({"legal_basis": ("L2", "L9", "A1")}, "header_mismatch"),
        ({"attest": [PERMIT]}, "not_attested"),
        ({"expires_at": "2026-04-01T00:00:01.000000Z"}, "expired"),
    ],
)
def test_what_it_does_not_grant_has_one_if_it_was_taken(log, changed, reason):
    message_id = log.recorded(**changed)
    log.concluded(message_id, "refused", code="register_full")
    assert log.made(REPORTS["unpermitted"]) == []
    log.concluded(message_id)
    (row,) = log.made(REPORTS["unpermitted"])
    assert (row["reason"], row["message"], row["facts"]) == (reason, message_id, "1-5")


def test_law_is_judged_on_the_day_of_the_attempt(log):
    ended = log.rules.legal_basis["L1"].model_copy(update={"valid_until": log.rules.legal_basis["L1"].valid_from})
    log.concluded(log.recorded())
    log.rules = replace(log.rules, legal_basis={**log.rules.legal_basis, "L1": ended})
    assert [row["reason"] for row in log.made(REPORTS["unpermitted"])] == ["basis_not_in_force"]


def test_a_delivery_that_no_record_leads_to_has_a_row(log):
    log.concluded("01960000-0000-7000-8000-ffffffffffff")
    assert [row["reason"] for row in log.made(REPORTS["unpermitted"])] == ["not_recorded"]


def test_what_has_no_record_is_not_judged_where_that_can_have_been_purged(log):
    """C116: what straddles the limit is recorded before it, and concluded after."""
    log.concluded("01960000-0000-7000-8000-fffffffffffe")
    gone = log.add("noise.counted", count=1)
    log.concluded("01960000-0000-7000-8000-ffffffffffff")
    assert len(log.made(REPORTS["unpermitted"])) == 2
    log.add("facts.purged", facts=f"{gone}-{gone}", before="2025-05-01T00:00:00.000000Z", tags=0)
    assert [row["message"] for row in log.made(REPORTS["unpermitted"])] == ["01960000-0000-7000-8000-fffffffffffe"]
    beyond = log.recorded(attest=[PERMIT])
    log.concluded(beyond)
    assert [row["message"] for row in log.made(REPORTS["unpermitted"])][1:] == [beyond], "what has one is judged"


def test_nobody_is_accused_for_a_release_that_can_have_been_purged(log):
    """As where a legal hold keeps the day of the recording alone."""
    first, *others = log.rules.tenant.file.routes
    file = log.rules.tenant.file.model_copy(
        update={"routes": (Route.model_copy(first, update={"hold": True}), *others)}
    )
    log.rules = replace(log.rules, tenant=replace(log.rules.tenant, file=file))
    message_id = log.recorded()
    gone = log.add("noise.counted", count=1)
    log.concluded(message_id)
    assert [row["reason"] for row in log.made(REPORTS["unpermitted"])] == ["not_released"]
    log.add("facts.purged", facts=f"{gone}-{gone}", before="2025-05-01T00:00:00.000000Z", tags=0)
    assert log.made(REPORTS["unpermitted"]) == []


@pytest.mark.parametrize(
    ("message_id", "judged"),
    [
        ("01960000-0000-7000-8000-ffffffffffff", True),  # of April 2025
        ("01850000-0000-7000-8000-ffffffffffff", False),  # of December 2022
        ("01ff0000-0000-7000-8000-ffffffffffff", False),  # of a year to come
        ("01960000-0000-4000-8000-ffffffffffff", False),
    ],
)
def test_what_is_younger_than_all_that_was_purged_is_judged(log, message_id, judged):
    gone = log.add("noise.counted", count=1)
    log.concluded(message_id)
    log.add("facts.purged", facts=f"{gone}-{gone}", before="2023-04-01T00:00:00.000000Z", tags=0)
    assert [row["reason"] for row in log.made(REPORTS["unpermitted"])] == ["not_recorded"] * judged


def test_what_was_to_be_held_must_have_been_released(log):
    first, *others = log.rules.tenant.file.routes
    file = log.rules.tenant.file.model_copy(
        update={"routes": (Route.model_copy(first, update={"hold": True}), *others)}
    )
    log.rules = replace(log.rules, tenant=replace(log.rules.tenant, file=file))
    unreleased, released = log.recorded(), log.recorded()
    log.concluded(unreleased)
    log.add("hold.released", released, person="staff-0002", client_certificate="0" * 64, terminal="desk-1")
    log.concluded(released)
    assert [(row["reason"], row["message"]) for row in log.made(REPORTS["unpermitted"])] == [
        ("not_released", unreleased)
    ]


# ---- fields ---------------------------------------------------------------------------------------------------------


def test_what_was_sent_is_held_against_what_is_granted(log):
    one = log.recorded((0, 1), item_sets=(("internal_no", "name", "individual_number"),))
    log.concluded(one, records="0-1")
    log.concluded(log.recorded(), "refused", code="register_full")
    rows = {(row["recipient"], row["route"], row["item"]): row for row in log.made(REPORTS["fields"])}
    sent = rows["register", "T1", "name"]
    assert (sent["label"], sent["records"], sent["granted"], sent["note"], sent["facts"]) == (
        "氏名", 2, "はい", "", "3",
    )  # fmt: skip
    beyond = rows["register", "T1", "individual_number"]
    assert (beyond["records"], beyond["granted"], beyond["note"]) == (2, "いいえ", "許可外")
    never = rows["register", "T1", "home.address"]
    assert (never["records"], never["granted"], never["note"], never["facts"]) == (0, "はい", "送信なし", "")


def test_a_reply_is_sent_to_who_asked(log):
    log.concluded(
        log.recorded(
            kind="reply",
            source="register",
            source_operation="person.find",
            destination="office",
            operation="person.find",
            route="T2",
            item_sets=(("internal_no",),),
        )
    )
    rows = [row for row in log.made(REPORTS["fields"]) if row["records"]]
    assert [(row["recipient"], row["reply"], row["granted"]) for row in rows] == [("office", "回答", "はい")]


# ---- deletions ------------------------------------------------------------------------------------------------------


def test_deletions_are_told_with_their_facts(log):
    message_id = log.recorded()
    log.add("envelope.deleted", message_id, envelope="ab" * 32)
    noted = {"connector": "register", "kind": "note"}
    log.add("connector.noted", new := "01960000-0000-7000-8000-fffffffffff0", statement=noted | {"act": "file_taken"})
    log.add("connector.noted", new, statement=noted | {"act": "result_deleted", "counts": {"results": 3}})
    deleted, noted_ = log.made(REPORTS["deletions"])
    assert (deleted["route"], deleted["by"], deleted["facts"]) == ("T1", "", "2")
    assert "ab" * 32 in deleted["what"]
    assert (noted_["kind"], noted_["by"], noted_["what"], noted_["facts"]) == (
        "照会結果の削除", "register", "results=3", "4",
    )  # fmt: skip


def test_every_kind_of_deletion_that_the_log_has_is_asked_for():
    asked = set(REPORTS["deletions"].kinds)
    assert asked == {*(kind for kind in FactKind if kind in DELETED), FactKind.CONNECTOR_NOTED}
    assert FactKind.ENVELOPE_DELETED in asked


def test_the_months_of_an_erasure_are_told_as_spans(log):
    said = {"connector": "office", "months": ["2026-04", "2025-12", "2026-01", "2026-02"], "tags": 3}
    log.add("trail.erased", operator="staff-0100", reason="correction", case="R8-0012", **said)
    (row,) = log.made(REPORTS["deletions"])
    assert "months=2025-12~2026-02,2026-04" in row["what"].split()


# ---- users ----------------------------------------------------------------------------------------------------------


def test_roles_and_how_rights_stand_are_in_japanese_for_every_one_that_there_is(log):
    right = {"person": "staff-0001", "certificate": "a" * 64, "until": "2027-03-31", "by": "staff-0100"}
    for role in Role:
        log.add("person.granted", role=role.value, **right)
    rows = log.made(REPORTS["users"])
    assert {row["role"].partition("(")[0] for row in rows} == {"運用者", "担当者", "承認者", "ユーザID管理者", "監査"}
    assert {row["standing"] for row in rows} <= {"有効(valid)", "まもなく終了(ends_soon)", "無効(not_counted)"}


# ---- the facts behind a row -----------------------------------------------------------------------------------------


def told(text: str) -> tuple[set[int], tuple[int, int] | None]:
    exact, among = set[int](), None
    for each in filter(None, text.split(",")):
        if "~" in each:
            first, last = each.split("~")
            among = (int(first), int(last))
        else:
            first, _, last = each.partition("-")
            exact |= set(range(int(first), int(last or first) + 1))
    return exact, among


@settings(max_examples=200)
@given(st.sets(st.integers(1, 200)))
def test_spans_name_every_fact_and_of_the_first_no_other(seqs):
    exact, among = told(str(Spans(seqs)))
    rest = seqs - exact
    assert exact <= seqs
    assert (among is None) == (not rest)
    if among is not None:
        assert among == (min(rest), max(rest))
    assert len(str(Spans(seqs)).split(",")) <= 17
