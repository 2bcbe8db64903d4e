"""What becomes of a message whose system is down, slow or busy: retries, dead letters, replay, late replies."""

import json
import signal

from tests.acceptance.programs import until
from tests.acceptance.subjects import MUNICIPALITY, city_file, lookup, record, subject

TENANT = f"tenants/{MUNICIPALITY}.toml"


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
    message_id = site.register(cells, subject(ordinal()))
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
    one = [record(subject(ordinal()))]
    sent = until(lambda: [each for each in [site.send("subject.register", one)] if each.status == 202])  # in its second
    message_id = sent[0].message_id
    assert site.outcomes(message_id) == [{"index": 0, "outcome": "dead", "code": "expired"}]
    assert [each["message_id"] for each in dead(site)] == [message_id]
    site.start_records()
    told = site.cli("message", "replay", MUNICIPALITY, message_id)
    assert (told.status, "send_anew" in told.err) == (1, True)
    assert site.outcomes(message_id) == [{"index": 0, "outcome": "dead", "code": "send_anew"}]
    assert site.held()["persons"] == 0
    assert dead(site) == []  # nobody has to decide anything any more
    told = site.cli("message", "dead", MUNICIPALITY, "--all", "--json")
    assert (told.status, [each["message_id"] for each in json.loads(told.out)]) == (0, [message_id])
    (act,) = [each for each in site.facts() if each["kind"] == "operator.acted" and each["act"] == "replay"]
    assert (act["operator"], act["act"], act["code"], act["message_id"]) == (
        "operator",
        "replay",
        "send_anew",
        message_id,
    )


def test_replay_goes_by_today_s_routes(new_site, ordinal):
    site = new_site(attempts=1)
    site.start_gateway("/healthz")
    message_id = site.register(subject(ordinal()))
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
    message_id = site.register(subject(ordinal()))
    until(lambda: site.kinds(message_id).count("delivery.attempted") >= 3)
    site.gateway.kill()
    before = site.kinds(message_id).count("delivery.attempted")
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
    message_id = site.register(*(subject(ordinal()) for _ in range(20)))
    assert {each["outcome"] for each in site.outcomes(message_id)} == {"accepted"}
    handed = [each["records"] for each in site.facts() if each["kind"] == "delivery.attempted"]
    assert handed[0] == "0-19"
    assert len(handed[1]) < len("0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19")
    assert site.held() == {"persons": 20, "versions": 20, "deleted": 0}


# ---- requests --------------------------------------------------------------------------------------------------------


def test_a_late_reply_waits_for_its_asker(new_site, ordinal):
    site = new_site(request_patience=0.3).start()
    cells = subject(ordinal())
    site.outcomes(site.register(cells))
    site.records.signal(signal.SIGSTOP)
    answer = site.send("subject.lookup", [lookup(cells), lookup(subject(ordinal()))])
    assert answer.status == 202
    path = answer.headers["Location"]
    assert site.peer().get(path).json == {
        "message_id": answer.message_id, "kind": "request", "ended": False, "outcomes": [],
    }  # fmt: skip
    site.records.signal(signal.SIGCONT)
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
    registering = site.register(cells)
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

    def ill():
        return {each["connector"]: each["detail"] for each in site.admin().get("/readyz").json["connectors"]}

    until(lambda: "system_unreachable" in ill().get("vaccination_records", "") and len(ill()) == 1)
    assert not site.exchange.joinpath("status", "city.status.csv").exists()
