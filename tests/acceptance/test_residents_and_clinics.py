"""Rules 2 to 5 of design §4 where residents and clinics come in, with every system as a process of its own.

What is refused is refused alike for every reason, and tells nothing of the person, not even whether there is one.
"""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.acceptance.child import Child
from tests.acceptance.outside import CLINICS
from tests.acceptance.programs import until
from tests.acceptance.site import DESTINATION
from tests.acceptance.subjects import MUNICIPALITY, record

UUID = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NOBODY = "MADEUPNOBODY"
"""A 予防接種対象者番号 that nobody has."""
OF_NOW = {"Date", "Location"}


@pytest.fixture
def city(outside):
    """All processes, for one test after the other: what went wrong in one goes wrong in no other."""
    yield outside
    for system in ("pmh", "clinic_app"):
        outside.faults(system)


def enrolled(city, child, **state):
    """Registered, with a dose due; its 予防接種対象者番号."""
    registered(city, child, **state)
    answer = city.send("management.register", [child.management()])
    assert [each["outcome"] for each in city.outcomes(answer.message_id)] == ["accepted"]
    (found,) = city.look_up(child.cells["internal_no"])
    return found["record"]["vaccination_subject_no"]


def registered(city, child, **state):
    answer = city.send("subject.register", [record(child.cells | state)])
    assert [each["outcome"] for each in city.outcomes(answer.message_id)] == ["accepted"]


def linked(city, child):
    """Handed over by the portal; the session."""
    key = city.pmh_key(child.cells["individual_number"])
    city.told("myna_portal", "/residents", {"card": child.card, "pmh_key": key, "guardian": child.mother})
    session = city.log_in(child)
    assert "record" in city.resident(child, "first-use")["answer"]["replies"][0]
    return session


def said(answer):
    """All that the asker gets, but for what no two answers have in common."""
    told = {name: value for name, value in answer.headers.items() if name not in OF_NOW}
    return answer.status, tuple(sorted(told.items())), UUID.sub(b"", answer.body)


def bound(visit, **other):
    """What every record of a visit says."""
    return {name: visit[name] for name in ("identity_confirmation", "vaccination_subject_no", "clinic_code")} | other


def asked(city, visit, proof=None, certificate="clinic_a", **other):
    """A clinic's question, with nothing between it and the gateway."""
    shown = visit["token"] if proof is None else proof
    return city.public(certificate, "clinic_app", "visit.query", [bound(visit, **other)], shown)


# ---- rule 4: a clinic, and the one person whose confirmation it holds ------------------------------------------------


def test_rule_4_without_its_own_valid_confirmation_with_consent_a_clinic_is_told_nothing(city, ordinal):
    one, other = (enrolled(city, Child(ordinal())) for _ in range(2))
    good = city.visit(one)
    assert "record" in asked(city, good).json["replies"][0]
    city.faults("pmh", "long_ago")
    ended = city.visit(one)
    head, _, signature = good["token"].split(".")
    claims = city.visit(other)["token"].split(".")[1]
    lacks = {
        "no confirmation": asked(city, good, ""),
        "another clinic's": asked(city, city.visit(one, "clinic_b")),
        "one that has ended": asked(city, ended),
        "without consent": asked(city, city.visit(one, consent=None)),
        "to another purpose text": asked(city, city.visit(one, consent="2019-01")),
        "altered": asked(city, good, f"{head}.{claims}.{signature}", vaccination_subject_no=other),
        "no token at all": asked(city, good, "架空".encode().hex()),
        "about nobody": asked(city, good | {"vaccination_subject_no": NOBODY}, ""),
    }
    assert lacks["no confirmation"].refusal == (403, "not_attested")
    assert {name: said(answer) for name, answer in lacks.items()} == dict.fromkeys(lacks, said(lacks["about nobody"]))
    recorded = {each["message_id"]: each for each in city.facts() if each["kind"] == "message.refused"}
    facts = [recorded[answer.message_id] for answer in lacks.values()]
    assert [(each["stage"], each["statement"]["code"]) for each in facts] == [("edge", "not_attested")] * len(lacks)


def test_rule_4_a_confirmation_is_about_one_person(city, ordinal):
    """Another one is refused by the record, whether there is such a person or not."""
    one, other = (enrolled(city, Child(ordinal())) for _ in range(2))
    visit = city.visit(one)
    answers = [asked(city, visit, vaccination_subject_no=each) for each in (other, NOBODY)]
    assert said(answers[0]) == said(answers[1])
    assert b"not_attested" in answers[0].body


def test_a_question_about_the_person_of_a_proof_is_asked_once_in_a_message(city, ordinal):
    """All of its rows would be the same: hundreds of them are one answer, hundreds of times."""
    visit = city.visit(enrolled(city, Child(ordinal())))
    refused = city.public("clinic_a", "clinic_app", "visit.query", [bound(visit)] * 2, visit["token"])
    assert (refused.status, refused.json["code"]) == (413, "too_many_records")
    assert "record" in asked(city, visit).json["replies"][0]


def test_rule_4_two_clinics_cannot_use_each_others_confirmation(city, ordinal):
    one = enrolled(city, Child(ordinal()))
    of_a, of_b = city.visit(one, "clinic_a"), city.visit(one, "clinic_b")
    for fault in ("other_clinic", "other_token", "other_code"):
        for visit in (of_a, of_b):
            city.faults("clinic_app", fault)
            got = city.at(visit, "query")
            assert "replies" not in got["answer"]
            assert "not_attested" in json.dumps(got["answer"])
    for visit in (of_a, of_b):
        assert "record" in city.at(visit, "query")["answer"]["replies"][0]


def test_the_log_says_which_clinic_asked_and_which_was_refused(city, ordinal):
    """All clinics are one connector; each has its own certificate."""
    one, before = enrolled(city, Child(ordinal())), len(city.facts())
    for clinic in CLINICS:
        visit = city.visit(one, clinic)
        assert "record" in asked(city, visit, certificate=clinic).json["replies"][0]
        assert asked(city, visit, "", clinic).refusal == (403, "not_attested")
    signed = [each[part] for each in city.facts()[before:] for part in ("header", "statement") if part in each]
    theirs = [each for each in signed if "clinic_app" in (each.get("source"), each.get("connector"))]
    assert [each["client_certificate"] for each in theirs] == [
        city._fingerprint(each) for each in CLINICS for _ in "12"
    ]
    own = [each for each in signed if each not in theirs and each["source"] != "health_management"]
    assert own
    assert not any("client_certificate" in each for each in own)


@pytest.mark.parametrize(
    "fault", ["not_stored", "other_person", "other_clinic", "without_consent", "ended", "other_confirmation"]
)
def test_rule_4_what_pmh_itself_does_not_confirm_is_nobody(city, ordinal, fault):
    """The second lock: the terminal's token is good, and PMH says something else, or nothing (C206)."""
    child = Child(ordinal())
    one, before = enrolled(city, child), city.recorded()["records"]
    given = child.dose("UNSURE", is_deleted=False, updated_at="2026-04-20T10:00:00+09:00", update_seq=1)

    def entered(visit):
        body = [bound(visit) | given]
        return city.public("clinic_a", "clinic_app", "vaccination.enter", body, visit["token"])

    nobody = entered(city.visit(NOBODY))
    city.faults("pmh", fault)
    answer = entered(city.visit(one))
    assert answer.json["replies"] == [{"index": 0, "code": "no_such_person"}]
    assert said(answer) == said(nobody)
    assert city.recorded()["records"] == before
    assert "record" in entered(city.visit(one)).json["replies"][0]


def restarted(city, edge, configuration=None):
    """kill -9 of an edge process, which is started again, with another configuration of the tenant if one is given."""
    city.edges[edge].kill()
    if configuration is not None:
        (city.folder / edge / f"config/tenants/{MUNICIPALITY}.toml").write_text(configuration, encoding="utf-8")
    city.edges[edge].start()
    city.edge_ready(edge)


# ---- rule 5: who is flagged is nobody --------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["control_flag_nondisclosure", "control_flag_view_suspended"])
def test_rule_5_a_flagged_child_looks_like_nobody_byte_for_byte(city, ordinal, flag):
    child, unlinked = Child(ordinal()), Child(ordinal())
    one = enrolled(city, child)
    token = linked(city, child)
    city.told("myna_portal", "/residents", {"card": unlinked.card, "guardian": unlinked.mother})
    nobody = city.log_in(unlinked)
    visit, of_nobody = city.visit(one), city.visit(NOBODY)
    assert "record" in asked(city, visit).json["replies"][0]
    registered(city, child, **{"change_type": "2", "update_seq": "2", flag: "1"})
    notice = city.send("notice.register", [child.notice()])
    assert [each["outcome"] for each in city.outcomes(notice.message_id)] == ["accepted"]
    assert said(asked(city, visit)) == said(asked(city, of_nobody))
    assert said(asked(city, city.visit(one))) == said(asked(city, of_nobody))
    for operation, more in PORTAL.items():
        answers = [portal(city, session, operation, more(child.due)) for session in (token, nobody)]
        assert answers[0].json["replies"] == [{"index": 0, "code": "no_such_person"}]
        assert said(answers[0]) == said(answers[1])
    assert city.notices(child) == []
    registered(city, child, change_type="2", update_seq="3")
    assert [each["notice_id"] for each in until(lambda: city.notices(child))] == [child.notice()["notice_id"]]
    assert "record" in portal(city, token, "record.query", {}).json["replies"][0]
    assert "record" in asked(city, visit).json["replies"][0]
    gone = city.send("subject.delete", [child.gone])
    assert [each["outcome"] for each in city.outcomes(gone.message_id)] == ["accepted"]
    assert said(asked(city, visit)) == said(asked(city, of_nobody))
    assert said(portal(city, token, "record.query", {})) == said(portal(city, nobody, "record.query", {}))


PORTAL = {
    "record.query": lambda due: {},
    "template.query": lambda due: {"vaccination_management_id": due},
    "questionnaire.enter": lambda due: {
        "vaccination_management_id": due,
        "answers": [{"item_id": "Q1", "answer_content": "36.5"}],
        "answered_at": "2026-04-20T09:00:00+09:00",
    },
}


def portal(city, session, operation, more):
    """The portal's server, with nothing between it and the gateway."""
    body = [{"pmh_pseudonym_id": session["pmh_pseudonym_id"], **more}]
    return city.public("myna_portal_client", "myna_portal", operation, body, session["id_token"])


def test_rule_5_a_flagged_child_is_not_linked_and_that_looks_like_a_key_that_was_never_issued(city, ordinal):
    child = Child(ordinal())
    enrolled(city, child, control_flag_nondisclosure="1")
    key = city.pmh_key(child.cells["individual_number"])
    city.told("myna_portal", "/residents", {"card": child.card, "guardian": child.mother})
    session = city.log_in(child)
    answers = [portal(city, session, "pseudonym.hand_over", {"pmh_key": each}) for each in (key, "MADEUPKEY")]
    assert answers[0].json["replies"] == [{"index": 0, "code": "no_such_person"}]
    assert said(answers[0]) == said(answers[1])


# ---- what a clinic must know -----------------------------------------------------------------------------------------


def test_safety_flags_are_never_stale_nor_is_void_content_shown(city, ordinal):
    """接種不可フラグ and 強制失効日 as the city said them last; from that day on no answers are shown."""
    child = Child(ordinal())
    visit, session = city.visit(enrolled(city, child)), linked(city, child)
    assert (
        "record"
        in portal(city, session, "questionnaire.enter", PORTAL["questionnaire.enter"](child.due)).json["replies"][0]
    )
    before = asked(city, visit).json["replies"][0]["record"]
    assert [each["answer_status"] for each in before["due"]] == ["1"]
    state = {"not_eligible_flag": True, "forced_expiry_date": "2026-04-11", "update_seq": 2}
    answer = city.send("management.register", [child.management() | state])
    assert [each["outcome"] for each in city.outcomes(answer.message_id)] == ["accepted"]
    after = asked(city, visit).json["replies"][0]["record"]
    (due,) = after["due"]
    assert (due["not_eligible_flag"], due["forced_expiry_date"], due["answer_status"]) == (True, "2026-04-11", "9")
    assert "answers" not in due
    assert after["data_changed_at"] > before["data_changed_at"]


# ---- rules 2 and 3 ---------------------------------------------------------------------------------------------------


def test_a_doctor_confirms_no_answers_that_came_after_the_query(city, ordinal):
    child = Child(ordinal())
    visit, session = city.visit(enrolled(city, child)), linked(city, child)
    part = {"vaccination_management_id": child.due}

    def answered(temperature, minute):
        filled = {**part, "answers": [{"item_id": "Q1", "answer_content": temperature}]}
        filled["answered_at"] = f"2026-04-20T09:{minute:02d}:00+09:00"
        assert portal(city, session, "questionnaire.enter", filled).status == 200

    answered("36.5", 0)
    assert "record" in city.at(visit, "query")["answer"]["replies"][0]
    answered("39.5", 30)
    assert city.at(visit, "examination", part)["answer"]["replies"] == [{"index": 0, "code": "superseded"}]
    (seen,) = city.at(visit, "query")["answer"]["replies"]
    (due,) = seen["record"]["due"]
    assert (due["answer_status"], [each["answer_content"] for each in due["answers"]]) == ("1", ["39.5"])
    (examined,) = city.at(visit, "examination", part)["answer"]["replies"]
    assert examined["record"]["answer_status"] == "2"


def test_rule_3_the_portal_hands_a_key_over_and_never_gets_one(city, ordinal):
    child = Child(ordinal())
    enrolled(city, child)
    before = city.counts("myna_portal")["keys"]
    session = linked(city, child)
    assert city.counts("myna_portal")["keys"] == before
    key = city.pmh_key(child.cells["individual_number"])
    for operation, more in PORTAL.items():
        assert key not in portal(city, session, operation, more(child.due)).body.decode()
        refused = portal(city, session, operation, more(child.due) | {"pmh_key": key})
        assert (refused.json["records"][0]["code"], key in refused.body.decode()) == ("unknown_field", False)
    headers = [each["header"] for each in city.facts() if "header" in each]
    sent = [each["item_sets"] for each in headers if each["destination"] == "myna_portal"]
    assert sent
    assert "pmh_key" not in json.dumps(sent)


def test_rule_2_a_number_in_a_remark_or_an_answer_stays_outside(city, ordinal):
    child = Child(ordinal())
    visit, session = city.visit(enrolled(city, child)), linked(city, child)
    given = child.dose("NUMBER", updated_at="2026-04-20T10:00:00+09:00", update_seq=1)
    before = city.recorded()["records"]
    for act, body in (("examination", {"vaccination_management_id": child.due}), ("vaccination", given)):
        city.faults("clinic_app", "number_in_remark")
        got = city.at(visit, act, body)
        assert "individual_number_in_text" in json.dumps(got["answer"])
    answers = [{"item_id": "Q2", "answer_content": f"番号は{child.cells['individual_number']}"}]
    filled = {"vaccination_management_id": child.due, "answers": answers, "answered_at": "2026-04-20T09:00:00+09:00"}
    refused = portal(city, session, "questionnaire.enter", filled)
    assert "individual_number_in_text" in refused.body.decode()
    refused = portal(city, session, "record.query", {"individual_number": child.cells["individual_number"]})
    assert refused.json["records"][0]["code"] == "unknown_field"
    assert city.recorded()["records"] == before
    assert city.leaks(child.values()) == ()


# ---- kill -9 ---------------------------------------------------------------------------------------------------------


def test_kill_9_of_the_record_systems_edge_in_the_middle_of_visits_doubles_nothing(city, ordinal):
    """The record system keeps what comes and does not answer until the kill is over: none falls behind the answer."""
    children = [Child(ordinal()) for _ in range(4)]
    visits = [city.visit(enrolled(city, each), clinic) for each, clinic in zip(children, [*CLINICS] * 2, strict=True)]
    before = city.recorded()["records"]

    def told(pool, operation, act):
        records_anew(city, faults="late:1", late_seconds=3600)
        answers = [pool.submit(act, city, *each) for each in zip(children, visits, strict=True)]
        until(partial(under_way, city, operation))
        restarted(city, "lgwan")
        records_anew(city)
        return [each.result()["answer"]["replies"][0]["record"] for each in answers]

    with ThreadPoolExecutor(len(children)) as pool:
        _, examined, entered = [told(pool, *each) for each in ENTERED.items()]
    assert {each["answer_status"] for each in examined} == {"2"}
    ids = [each["vaccination_record_id"] for each in entered]
    assert city.recorded()["records"] == before + len(children)
    for child, record_id in zip(children, ids, strict=True):
        (pulled,) = city.send("record.pull", [child.asked]).json["replies"]
        assert [each["vaccination_record_id"] for each in pulled["record"]["records"]] == [record_id]
    mine = {each.dose("KILL")["lot_no"] for each in children}
    until(lambda: mine <= {each["lot_no"] for each in city.researched()})
    assert len([each for each in city.researched() if each["lot_no"] in mine]) == len(children)
    assert city.cli("log", "verify").status == 0


ENTERED = {
    "visit.query": lambda city, child, visit: city.at(visit, "query"),
    "examination.enter": lambda city, child, visit: city.at(
        visit, "examination", {"vaccination_management_id": child.due}
    ),
    "vaccination.enter": lambda city, child, visit: city.at(
        visit, "vaccination", child.dose("KILL", updated_at="2026-04-20T10:00:00+09:00", update_seq=1)
    ),
}
"""What a doctor does in a visit, by operation."""


def records_anew(city, **faults):
    """kill -9 of the record system, which is started again, with faults or without."""
    city.records.kill()
    city.start_records(**faults)


def under_way(city, operation):
    """Whether a clinic's request of that operation is at the record system's edge now."""
    facts = city.facts()
    of_it = {each["message_id"] for each in facts if each.get("header", {}).get("operation") == operation}
    begun = [each["message_id"] for each in facts if each["kind"] == "delivery.attempted"]
    ended = [each["message_id"] for each in facts if each["kind"] == "delivery.concluded"]
    return any(begun.count(each) > ended.count(each) for each in of_it)


# ---- PMH is away -----------------------------------------------------------------------------------------------------


def test_while_pmh_is_away_nobody_waits_but_clinics(city, ordinal):
    """What a visit awaits of PMH says nothing of the record system: what else goes there passes."""
    visits = [city.visit(enrolled(city, Child(ordinal()))) for _ in range(4)]
    pmh, before, awaited = city.systems["pmh"], times_opened(city), deferred(city, "confirmation_awaited")
    pmh.kill()
    pmh.output.write_text("")
    with ThreadPoolExecutor(len(visits)) as pool:
        answers = [pool.submit(asked, city, each) for each in visits]
        try:
            until(lambda: deferred(city, "confirmation_awaited") > awaited + 2 * len(visits))
            registered(city, Child(ordinal()))
            assert times_opened(city) == before
            answered = [each.result().json for each in answers if each.done()]
            assert not any("record" in reply for each in answered for reply in each.get("replies", ()))
        finally:
            pmh.start()
            until(partial(city._listening, pmh))
        for each in answers:
            each.result()
    later = enrolled(city, Child(ordinal()))
    until(lambda: "record" in asked(city, city.visit(later)).json.get("replies", [{}])[0])
    city.rests()  # what still asks PMH would take what goes wrong there next in another test


def deferred(city, code):
    """How often records were deferred by that code."""
    groups = [group for each in city.facts() for group in each.get("outcomes", ())]
    return sum(each.get("code") == code and each.get("ending", "deferred") == "deferred" for each in groups)


def times_opened(city):
    """How often the record system was thought to be away."""
    logged = city.gateway.logged()
    return sum(each["event"] == "breaker.opened" and each["destination"] == DESTINATION for each in logged)
