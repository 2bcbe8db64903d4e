"""One child from its registration to the research database, with every system as a process of its own.

What each system saw is proved from the hub's log alone; that nothing of the child lies anywhere, from every file.
"""

import csv
import tomllib

from gateway_health_management.intake import Intake
from tests.acceptance.child import TEMPLATE, Child, file
from tests.acceptance.programs import until
from tests.acceptance.subjects import MUNICIPALITY, city_file

IDENTIFIERS = {
    "internal_no",
    "individual_number",
    "pmh_key",
    "pmh_pseudonym_id",
    "vaccination_subject_no",
    "identity_confirmation",
    "id5",
}
"""By which a person is known anywhere (requirements §5)."""
GIVEN = {
    "health_management": {"internal_no", "vaccination_subject_no"},
    "pmh": {"individual_number", "identity_confirmation"},
    "myna_portal": {"pmh_pseudonym_id"},
    "clinic_app": {"vaccination_subject_no"},
    "history_lookup": {"pmh_key"},
    "vaccination_db": {"id5"},
}
"""Which of these each system is given. The record system alone has them all: it joins the chains."""


def test_one_child_from_its_registration_to_the_research_database(outside, ordinal):
    city, child = outside, Child(ordinal())
    subject_no = registered(city, child)
    key, token, pseudonym = at_the_portal(city, child)
    visit, record_id = at_the_clinic(city, child, subject_no)
    returned_once(city, child, record_id)
    id5 = researched(city, child, key, record_id)
    corrected(city, child, visit, record_id)
    moved_away(city, child)
    each_system_saw_exactly_its_fields(city)
    city.stop()  # nobody comes after this one
    assert city.cli("log", "verify").status == 0
    everything = child.values(
        subject_no, key, token, pseudonym, record_id, id5, visit["token"], visit["identity_confirmation"]
    )
    assert len(everything) > 30
    assert city.leaks(everything) == ()
    (city.outside / "planted").write_text(child.note)
    assert {finding.place for finding in city.leaks(everything)} == {str(city.outside / "planted")}


def registered(city, child):
    """By the city's files, each taken whole; its 予防接種対象者番号, as the city is told it."""
    files = {
        "city": city_file([child.cells]),
        "management": file("management", child.management()),
        "record": file("record", child.had()),
        "notice": file("notice", child.notice()),
    }
    for kind, content in files.items():
        city.drop(f"{kind}_{child.letters}.csv", content)
        assert [line.ending for line in city.status(f"{kind}_{child.letters}.csv")] == ["accepted"]
    moved = city.send("subject.register", [child.whole])
    assert [each["outcome"] for each in city.outcomes(moved.message_id)] == ["accepted"]
    (found,) = city.look_up(child.cells["internal_no"])
    return found["record"]["vaccination_subject_no"]


def at_the_portal(city, child):
    """The mother acts for the child. Its notice waited for this; its key goes from the portal to the gateway once."""
    key = city.pmh_key(child.cells["individual_number"])
    city.told("myna_portal", "/residents", {"card": child.card, "pmh_key": key, "guardian": child.mother})
    session = city.log_in(child)
    assert city.recorded()["notices_not_linked"] >= 1
    assert city.notices(child) == []
    linked = city.resident(child, "first-use")
    assert linked["answer"]["replies"][0]["record"] == {"pmh_pseudonym_id": session["pmh_pseudonym_id"]}
    (notice,) = until(lambda: city.notices(child))
    assert notice["notice_text"] == child.notice()["notice_text"]
    (template,) = city.resident(child, "template", {"vaccination_management_id": child.due})["answer"]["replies"]
    assert template["record"]["items"] == TEMPLATE["items"]
    answers = [{"item_id": "Q1", "answer_content": "36.5"}, {"item_id": "Q2", "answer_content": child.answer}]
    filled = {"vaccination_management_id": child.due, "answers": answers}
    (kept,) = city.resident(child, "questionnaire", filled)["answer"]["replies"]
    assert (kept["record"]["answer_status"], kept["record"]["forced_expiry_date"]) == ("1", "2099-03-31")
    (own,) = city.resident(child, "records")["answer"]["replies"]
    assert [each["lot_no"] for each in own["record"]["records"]] == [child.had()["lot_no"]]
    return key, session["id_token"], session["pmh_pseudonym_id"]


def at_the_clinic(city, child, subject_no):
    """Confirmed with consent, the doctor sees the answers, examines, and enters the dose."""
    visit = city.visit(subject_no, "clinic_b", mother=child.mother)
    (seen,) = city.at(visit, "query")["answer"]["replies"]
    (due,) = seen["record"]["due"]
    assert (seen["record"]["name"], due["answer_status"]) == (child.cells["name"], "1")
    assert child.answer in [each["answer_content"] for each in due["answers"]]
    part = {"vaccination_management_id": child.due, "doctor_note": child.note}
    (examined,) = city.at(visit, "examination", part)["answer"]["replies"]
    assert examined["record"]["answer_status"] == "2"
    given = child.dose("GIVEN", updated_at="2026-04-20T10:00:00+09:00", update_seq=1)
    (entered,) = city.at(visit, "vaccination", given)["answer"]["replies"]
    assert entered["record"]["warnings"] == [{"warning_code": "clinic_code_check_digit"}]
    return visit, entered["record"]["vaccination_record_id"]


def returned_once(city, child, record_id):
    """By file and by pull; the city loads the state once (C196)."""
    until(lambda: child.dose("GIVEN")["lot_no"] in returned(city))
    intake = Intake()
    assert intake.load_files(city.exchange, "cp932").new >= 1
    (pulled,) = city.send("record.pull", [child.asked]).json["replies"]
    assert {each["vaccination_record_id"] for each in pulled["record"]["records"]} == {
        record_id,
        child.had()["vaccination_record_id"],
    }
    loaded = intake.load_answer(pulled["record"])
    assert (loaded.new, loaded.dropped) == (1, 1)  # the city's own dose was never given back as a file
    intake.close()


def returned(city):
    """The lot numbers in what lies in `out/`."""
    rows = []
    for path in (city.exchange / "out").glob("[!.]*.csv"):
        with path.open(encoding="cp932", newline="") as lines:
            rows += [row["ロット番号"] for row in csv.DictReader(lines)]
    return rows


def researched(city, child, key, record_id):
    """By ID5, with a month of birth, and by no other number; the ID5."""
    both = until(lambda: found if len(found := doses(city, child)) > 1 else [])
    (mine,) = [each for each in both if each["vaccination_record_id"] == record_id]
    assert (mine["birth_month"], mine["lot_no"]) == (child.cells["birth_date"][:7], child.dose("GIVEN")["lot_no"])
    assert (len({each["id5"] for each in both}), len(both)) == (1, 2)
    others = {child.cells["internal_no"], child.cells["individual_number"], child.cells["name"], key}
    assert not [value for value in others if value in str(mine)]
    assert not IDENTIFIERS & (mine.keys() - {"id5"})
    return mine["id5"]


def doses(city, child):
    """What research has of the child: known by its lots, which nobody else has."""
    return [each for each in city.researched() if each["lot_no"].endswith(child.letters)]


def corrected(city, child, visit, record_id):
    """By the clinic: the new lot number travels to the city and to research."""
    right = child.dose("RIGHT", vaccination_record_id=record_id, updated_at="2026-04-20T11:00:00+09:00", update_seq=2)
    (entered,) = city.at(visit, "vaccination", right)["answer"]["replies"]
    assert entered["record"]["vaccination_record_id"] == record_id
    until(lambda: right["lot_no"] in returned(city))
    until(lambda: right["lot_no"] in {each["lot_no"] for each in doses(city, child)})
    assert len(doses(city, child)) == 2


def moved_away(city, child):
    gone = city.send("subject.delete", [child.gone])
    assert [each["outcome"] for each in city.outcomes(gone.message_id)] == ["accepted"]


def each_system_saw_exactly_its_fields(city):
    """By the hub's log: what each destination was ever sent of each operation is what its route allows, all of it.

    No body asks about this child, so that the intermediate server has no part in it.
    """
    hub = tomllib.loads((city.root / f"config/tenants/{MUNICIPALITY}.toml").read_text(encoding="utf-8"))
    routes = [each for each in hub["routes"] if "intermediate_server" not in (each["from"], each["to"])]
    allowed = {(each["id"], "to", each["to"]): {*each["fields"]} for each in routes}
    allowed |= {
        (each["id"], "from", each["from"]): {*each["reply_fields"]} for each in routes if "reply_fields" in each
    }
    seen: dict[tuple[str, str, str], set[str]] = {}
    for header in headers(city):
        end = "from" if header["kind"] == "reply" else "to"
        seen.setdefault((header["route"], end, header["destination"]), set()).update(*header["item_sets"])
    assert seen == allowed
    for system, its_own in GIVEN.items():
        had = set().union(*(items for (_, _, to), items in seen.items() if to == system))
        assert {item.rpartition(".")[2] for item in had} & IDENTIFIERS == its_own, system
    at_portal = [each for each in headers(city) if each["route"] == "R09-questionnaire" and each["kind"] == "request"]
    assert {"agent", "card_login", "consent"} in [{each["claim"] for each in one["attestations"]} for one in at_portal]
    at_clinic = [each for each in headers(city) if each["route"].startswith("R11-") and each["kind"] == "request"]
    claims = [{each["claim"] for each in one["attestations"]} for one in at_clinic]
    assert claims == [{"agent", "consent", "identity_confirmed"}] * len(claims) != [], "her consent, not the child's"


def headers(city):
    return [each["header"] for each in city.facts() if "header" in each]
