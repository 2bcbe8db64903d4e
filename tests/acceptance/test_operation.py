"""What an operator relies on: draining, reloading, dead letters, replay, retries that outlive a restart."""

import json
import threading
import time
from datetime import date, timedelta

from tests.acceptance.programs import until
from tests.acceptance.subjects import MUNICIPALITY, city_file, lookup, record, subject

TENANT = f"tenants/{MUNICIPALITY}.toml"


def registered(site, *subjects):
    answer = site.send("subject.register", [record(each) for each in subjects])
    assert answer.status == 202, answer.body
    return answer.message_id


def kinds(site, message_id):
    return [each["kind"] for each in site.facts() if each.get("message_id") == message_id]


# ---- SIGTERM ---------------------------------------------------------------------------------------------------------


def test_sigterm_drains(new_site, ordinal):
    """What is in flight ends, and is not attempted a second time after the next start."""
    site = new_site()
    site.start_records(faults="late:1.0", late_seconds=0.7)
    site.start_gateway()
    message_id = registered(site, subject(ordinal()))
    until(lambda: "delivery.attempted" in kinds(site, message_id))
    assert site.gateway.stop() == 0
    assert kinds(site, message_id) == ["message.recorded", "delivery.attempted", "delivery.concluded"]
    assert [each["kind"] for each in site.facts("system")] == ["gateway.started", "gateway.stopped"]
    assert not site.journal().with_name(f"{MUNICIPALITY}.db-wal").exists()
    site.start_gateway()
    assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"]
    assert kinds(site, message_id) == ["message.recorded", "delivery.attempted", "delivery.concluded"]
    assert site.cli("log", "verify").status == 0


def test_sigterm_lets_a_question_in_flight_be_answered(new_site, ordinal):
    """Whoever asked before the SIGTERM hears the reply, or at least where to ask for it; never a broken connection."""
    site = new_site()
    site.start_records(faults="late:1.0", late_seconds=0.7)
    site.start_gateway()
    cells = subject(ordinal())
    site.outcomes(registered(site, cells))
    answers = []
    asking = threading.Thread(target=lambda: answers.append(site.send("subject.lookup", [lookup(cells)])))
    asking.start()
    until(lambda: [each for each in site.facts() if each.get("header", {}).get("kind") == "request"])
    assert site.gateway.stop() == 0
    asking.join()
    assert [each.status for each in answers] in ([200], [202])
    if answers[0].status == 200:
        assert answers[0].json["replies"][0]["record"]["internal_no"] == cells["internal_no"]


def test_sigterm_in_the_middle_of_a_file(new_site, ordinal):
    site = new_site()
    site.edit(TENANT, "chunk_records = 500", "chunk_records = 10")
    site.start_records(faults="late:0.5", late_seconds=0.1)
    site.start_gateway()
    people = [subject(ordinal()) for _ in range(200)]
    site.drop("city.csv", city_file(people))
    until(lambda: site.query("SELECT count(*) FROM message")[0][0] > 5)
    assert site.gateway.stop() == 0
    assert not (site.exchange / "status" / "city.status.csv").exists()
    site.start_gateway()
    assert [(each.row, each.ending) for each in site.status("city.csv")] == [(n, "accepted") for n in range(1, 201)]
    assert site.held() == {"persons": 200, "versions": 200, "deleted": 0}


# ---- SIGHUP ----------------------------------------------------------------------------------------------------------


def test_sighup_applies_what_is_valid_and_refuses_what_is_not(new_site, ordinal):
    site = new_site().start()
    cells = subject(ordinal())
    site.outcomes(registered(site, cells))
    route = site.route("R02")

    site.edit(TENANT, route, "")
    site.hang_up("config.applied")
    gone = site.send("subject.lookup", [lookup(cells)])
    assert gone.refusal == (403, "no_route")
    assert site.send("subject.register", [record(subject(ordinal()))]).status == 202

    site.edit("gateway.toml", "[limits]", "[limits]\nno_such_limit = 1")
    site.hang_up("config.refused")
    assert site.send("subject.register", [record(subject(ordinal()))]).status == 202
    assert site.send("subject.lookup", [lookup(cells)]).refusal == (403, "no_route")
    assert "no_such_limit" in site.gateway.output.read_text()

    site.edit("gateway.toml", "no_such_limit = 1", "")
    with (site.root / "config" / TENANT).open("a") as file:
        file.write(route)
    site.hang_up("config.applied")
    assert site.send("subject.lookup", [lookup(cells)]).status == 200


def test_sighup_does_not_change_what_needs_a_restart(new_site):
    site = new_site().start()
    site.edit("gateway.toml", f"port = {site.ports['listener']}", "port = 1")
    site.hang_up("config.refused")
    assert "listeners: needs a restart to change" in site.gateway.output.read_text()
    assert site.peer().get("/v1/messages/x").refusal == (404, "unknown_message")


def test_a_legal_basis_that_is_not_in_force(new_site, ordinal):
    """Its last day is over, or its first is to come: nothing passes by any route that names it."""
    site = new_site().start()
    begins = "valid_from = 2024-05-27"
    today = date.today()  # noqa: DTZ011  (two days of margin, whatever the zone)
    periods = (
        f"valid_from = 2024-05-27\nvalid_until = {today - timedelta(days=2)}",
        f"valid_from = {today + timedelta(days=2)}",
    )
    former = begins
    for period in periods:
        site.edit("legal_basis.toml", former, period)
        site.hang_up("config.applied")
        cells, former = subject(ordinal()), period
        for operation, one in (("subject.register", record(cells)), ("subject.lookup", lookup(cells))):
            answer = site.send(operation, [one])
            assert answer.refusal == (403, "basis_not_in_force")
            fact = site.facts()[-1]
            assert (fact["kind"], fact["stage"], fact["code"]) == ("message.refused", "hub", "basis_not_in_force")
            assert fact["message_id"] == answer.message_id  # the id that the sender got leads to the fact
    site.edit("legal_basis.toml", former, f"valid_from = {today - timedelta(days=2)}")
    site.hang_up("config.applied")
    assert site.send("subject.register", [record(subject(ordinal()))]).status == 202


# ---- the same bytes --------------------------------------------------------------------------------------------------


def test_the_same_bytes_under_another_name_settle_every_row_with_its_first_outcome(site, ordinal):
    people = [subject(ordinal()) for _ in range(5)]
    people[1] |= {"subject_category": "T9"}
    people[3] |= {"municipality_code": "999989"}
    data = city_file([*people, people[0]])
    name = people[0]["internal_no"]  # a file name may hold anything; it stays in the folder
    site.drop(f"first-{name}.csv", data)
    first = site.status(f"first-{name}.csv")
    assert [each.ending for each in first] == ["accepted", "refused", "accepted", "refused", "accepted", "duplicate"]
    before = site.held()
    site.drop("second.csv", data)
    assert site.status("second.csv") == first
    assert site.held() == before
    reference = {
        each["statement"]["reference"]
        for each in site.facts()
        if each["kind"] == "connector.noted" and each["statement"]["counts"].get("rows") == 6
    }
    assert len(reference) == 1


# ---- dead letters ----------------------------------------------------------------------------------------------------


def dead(site):
    """`gateway message dead --json`; it ends with 1 if there are any."""
    told = site.cli("message", "dead", MUNICIPALITY, "--json")
    letters = json.loads(told.out)
    assert told.status == (1 if letters else 0)
    return letters


def test_a_dead_letter_is_listed_and_replayed(new_site, ordinal):
    site = new_site(attempts=2)
    site.start_gateway("/healthz")
    assert dead(site) == []
    cells = subject(ordinal())
    message_id = registered(site, cells, subject(ordinal()))
    gone = [{"index": each, "outcome": "dead", "code": "gave_up"} for each in (0, 1)]
    assert site.outcomes(message_id) == gone
    (letter,) = dead(site)
    assert (letter["message_id"], letter["destination"]) == (message_id, "vaccination_records")
    assert letter["outcomes"] == [{"ending": "dead", "code": "gave_up", "records": "0-1"}]
    assert site.cli("message", "replay", MUNICIPALITY, "01900000-0000-7000-8000-000000000000").status == 1
    site.start_records()
    told = site.cli("message", "replay", MUNICIPALITY, message_id)
    assert (told.status, "2 records are due again" in told.out) == (0, True)
    assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted", "accepted"]
    assert dead(site) == []
    again = site.cli("message", "replay", MUNICIPALITY, message_id)
    assert (again.status, "not_replayable" in again.err) == (1, True)
    assert "record" in site.look_up(cells["internal_no"])[0]
    facts = site.trace(message_id)
    assert [each["kind"] for each in facts if each["kind"].startswith("message.")] == [
        "message.recorded",
        "message.dead",
        "message.replayed",
    ]
    (replayed,) = [each for each in facts if each["kind"] == "message.replayed"]
    assert replayed["operator"] == "operator"


def test_a_row_that_died_is_told_in_the_status_file_and_replayed_without_it(new_site, ordinal):
    site = new_site(attempts=2)
    site.start_gateway("/healthz")
    cells = subject(ordinal())
    site.drop("city.csv", city_file([cells, subject(ordinal(), sex="7")]))
    lines = [(each.ending, each.code) for each in site.status("city.csv")]
    assert lines == [("dead", "gave_up"), ("refused", "not_in_code_list")]
    site.start_records()
    assert site.cli("message", "replay", MUNICIPALITY, dead(site)[0]["message_id"]).status == 0
    until(lambda: site.held()["persons"] == 1)


def test_replay_of_an_expired_message_says_send_anew(new_site, ordinal):
    site = new_site(message_seconds=1.0)
    site.start_gateway("/healthz")
    message_id = registered(site, subject(ordinal()))
    assert site.outcomes(message_id) == [{"index": 0, "outcome": "dead", "code": "expired"}]
    site.start_records()
    told = site.cli("message", "replay", MUNICIPALITY, message_id)
    assert (told.status, "send_anew" in told.err) == (1, True)
    assert site.held()["persons"] == 0
    (act,) = [each for each in site.facts() if each["kind"] == "operator.acted"]
    assert (act["operator"], act["act"], act["code"], act["message_id"]) == (
        "operator",
        "replay",
        "send_anew",
        message_id,
    )


def test_replay_goes_by_today_s_routes(new_site, ordinal):
    site = new_site(attempts=1)
    site.start_gateway("/healthz")
    message_id = registered(site, subject(ordinal()))
    site.outcomes(message_id)
    site.edit(TENANT, '"guardian_name", "resident_status"', '"resident_status"')
    site.hang_up("config.applied")
    site.start_records()
    told = site.cli("message", "replay", MUNICIPALITY, message_id)
    assert (told.status, "items_beyond_route" in told.err) == (1, True)
    assert site.held()["persons"] == 0


# ---- retries ---------------------------------------------------------------------------------------------------------


def test_retries_persist_across_a_restart(new_site, ordinal):
    site = new_site()
    site.start_gateway("/healthz")
    message_id = registered(site, subject(ordinal()))
    until(lambda: kinds(site, message_id).count("delivery.attempted") >= 3)
    site.gateway.kill()
    before = kinds(site, message_id).count("delivery.attempted")
    site.start_records()
    site.start_gateway()
    assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"]
    attempts = [each["attempt"] for each in site.facts() if each["kind"] == "delivery.attempted"]
    assert attempts == list(range(1, len(attempts) + 1))
    assert len(attempts) > before
    assert site.held() == {"persons": 1, "versions": 1, "deleted": 0}


def test_a_person_s_trouble_is_nobody_else_s(new_site, ordinal):
    """Rows that the system calls busy come again alone; the others of their message ended long ago."""
    site = new_site()
    site.start_records(faults="busy:0.5")
    site.start_gateway()
    message_id = registered(site, *(subject(ordinal()) for _ in range(20)))
    assert {each["outcome"] for each in site.outcomes(message_id)} == {"accepted"}
    handed = [each["records"] for each in site.facts() if each["kind"] == "delivery.attempted"]
    assert handed[0] == "0-19"
    assert len(handed[1]) < len("0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19")
    assert site.held() == {"persons": 20, "versions": 20, "deleted": 0}


# ---- requests --------------------------------------------------------------------------------------------------------


def test_a_late_reply_waits_for_its_asker(new_site, ordinal):
    site = new_site(request_patience=0.3)
    site.start_records(faults="late:1.0", late_seconds=1.0)
    site.start_gateway()
    cells = subject(ordinal())
    site.outcomes(registered(site, cells))
    began = time.monotonic()
    answer = site.send("subject.lookup", [lookup(cells), lookup(subject(ordinal()))])
    assert answer.status == 202
    assert time.monotonic() - began < 0.9
    path = answer.headers["Location"]
    assert site.peer().get(path).json == {
        "message_id": answer.message_id, "kind": "request", "ended": False, "outcomes": [],
    }  # fmt: skip
    found = until(lambda: site.peer().get(path).json.get("replies"))
    assert found[0]["record"]["internal_no"] == cells["internal_no"]
    assert "individual_number" not in found[0]["record"]
    assert found[1] == {"index": 1, "code": "no_such_person"}
    site.gateway.kill()
    site.start_gateway("/healthz")
    assert site.peer().get(path).json["replies"] == found
    assert cells["individual_number"].encode() not in site.peer().get(path).body


def test_a_question_while_the_system_is_down(new_site, ordinal):
    site = new_site(request_patience=0.3)
    site.start_gateway("/healthz")
    cells = subject(ordinal())
    registering = registered(site, cells)
    answer = site.send("subject.lookup", [lookup(cells)])
    assert answer.status == 202
    site.start_records()
    site.outcomes(registering)
    site.outcomes(answer.message_id)
    replies = site.peer().get(answer.headers["Location"]).json["replies"]
    assert [sorted(each) for each in replies] in ([["index", "record"]], [["code", "index"]])


# ---- readiness -------------------------------------------------------------------------------------------------------


def test_ready_does_not_wait_for_a_file_that_waits(new_site, ordinal):
    """A connector that is in the middle of a long file is open and well; it is the other one that is not."""
    site = new_site()
    site.edit(TENANT, "chunk_records = 500", "chunk_records = 1")
    site.start_gateway("/healthz")
    site.drop("city.csv", city_file([subject(ordinal()) for _ in range(40)]))
    until(lambda: site.query("SELECT count(*) FROM message")[0][0] >= 32)
    site.gateway.kill()
    site.start_gateway("/healthz")
    until(lambda: site.query("SELECT count(*) FROM fact WHERE kind = 'connector.noted'")[0][0] >= 2)
    time.sleep(0.5)
    ill = {each["connector"]: each["detail"] for each in site.admin().get("/readyz").json["connectors"]}
    assert set(ill) == {"vaccination_records"}, ill
    assert "system_unreachable" in ill["vaccination_records"]
