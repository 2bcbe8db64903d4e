"""What an operator relies on: draining, reloading, dead letters, replay, retries that outlive a restart."""

import json
import os
import shutil
import signal
import socket
import threading
import tomllib
from datetime import date, timedelta

from gateway.keys.at_rest import Secret
from gateway.keys.layout import PUBLIC, TenantKeys
from gateway.keys.make import make_connector
from tests.acceptance.programs import until
from tests.acceptance.site import SOURCE
from tests.acceptance.subjects import MUNICIPALITY, city_file, lookup, record, subject

TENANT = f"tenants/{MUNICIPALITY}.toml"


# ---- SIGTERM ---------------------------------------------------------------------------------------------------------


def test_sigterm_drains(new_site, ordinal):
    """What is in flight ends, and is not attempted a second time after the next start."""
    site = new_site()
    site.start_records(faults="late:1.0", late_seconds=0.7)
    site.start_gateway()
    message_id = site.register(subject(ordinal()))
    until(lambda: "delivery.attempted" in site.kinds(message_id))
    assert site.gateway.stop() == 0
    assert site.kinds(message_id) == ["message.recorded", "delivery.attempted", "delivery.concluded"]
    assert [each["kind"] for each in site.facts("system")] == ["gateway.started", "gateway.stopped"]
    assert json.loads(site.gateway.output.read_text().splitlines()[-1])["event"] == "stopped", "the drain has ended"
    assert not site.journal().with_name(f"{MUNICIPALITY}.db-wal").exists()
    site.start_gateway()
    assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"]
    assert site.kinds(message_id) == ["message.recorded", "delivery.attempted", "delivery.concluded"]
    assert site.cli("log", "verify").status == 0


def test_sigterm_lets_a_question_in_flight_be_answered(new_site, ordinal):
    """Whoever asked before the SIGTERM hears the reply, or at least where to ask for it; never a broken connection."""
    site = new_site()
    site.start_records(faults="late:1.0", late_seconds=0.7)
    site.start_gateway()
    cells = subject(ordinal())
    site.outcomes(site.register(cells))
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
    """However fast it is: at first, rows that the system calls busy wait for an hour."""
    site = new_site(retry_first=3600, retry_longest=3600)
    site.edit(TENANT, "chunk_records = 500", "chunk_records = 10")
    site.start_records(faults="late:0.5,busy:0.1", late_seconds=0.1)
    site.start_gateway()
    people = [subject(ordinal()) for _ in range(200)]
    site.drop("city.csv", city_file(people))
    until(lambda: site.query("SELECT count(*) FROM message")[0][0] > 5)
    assert site.gateway.stop() == 0
    assert not (site.exchange / "status" / "city.status.csv").exists()
    site.limit("retry_first", 0.05)
    site.limit("retry_longest", 0.1)
    site.start_gateway()
    assert [(each.row, each.ending) for each in site.status("city.csv")] == [(n, "accepted") for n in range(1, 201)]
    assert site.held() == {"persons": 200, "versions": 200, "deleted": 0}


# ---- SIGHUP ----------------------------------------------------------------------------------------------------------


def test_sighup_applies_what_is_valid_and_refuses_what_is_not(new_site, ordinal):
    site = new_site().start()
    cells = subject(ordinal())
    site.outcomes(site.register(cells))
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


def test_a_sighup_during_the_start_is_applied_after_it(new_site, ordinal):
    """The start is held where it reads a file; meanwhile the file changes and the signal comes."""
    site = new_site()
    law = site.root / "config" / "legal_basis.toml"
    former = law.read_text(encoding="utf-8")
    law.unlink()
    os.mkfifo(law)
    site.gateway.start()
    with law.open("w", encoding="utf-8") as pipe:  # as soon as the start reads it
        site.gateway.signal(signal.SIGHUP)
        fresh = law.with_suffix(".new")
        fresh.write_text(former.replace("valid_from = 2024-05-27", "valid_from = 2999-01-01"), encoding="utf-8")
        fresh.replace(law)
        pipe.write(former)
    until(lambda: "config.applied" in site.gateway.output.read_text())
    assert [each["kind"] for each in site.facts("system")] == ["gateway.started", "config.applied"]
    assert site.send("subject.register", [record(subject(ordinal()))]).refusal == (403, "basis_not_in_force")


def test_a_directory_that_names_keys_which_a_running_connector_does_not_have_is_refused(new_site, ordinal, tmp_path):
    """The edge goes on with the directory that it has: under the other nothing that comes could be opened."""
    site = new_site().start()
    entry = tomllib.loads((site.root / "config" / TENANT).read_text(encoding="utf-8"))["connectors"][SOURCE]
    new = TenantKeys(tmp_path / "new", MUNICIPALITY)
    make_connector(new, SOURCE, entry["zone"], Secret.parse("file:keys/passphrase", site.root))
    folder = site.root / "keys" / MUNICIPALITY / SOURCE
    shutil.copy(new.connector(SOURCE) / PUBLIC, folder)
    assert site.cli("keys", "publish", MUNICIPALITY).status == 0
    site.hang_up("config.refused")
    assert "is missing, and the directory or public.json names this key" in site.gateway.output.read_text()
    assert [each["outcome"] for each in site.outcomes(site.register(subject(ordinal())))] == ["accepted"]

    assert site.gateway.stop() == 0
    shutil.copytree(new.connector(SOURCE), folder, dirs_exist_ok=True)
    site.start_gateway()
    assert [each["outcome"] for each in site.outcomes(site.register(subject(ordinal())))] == ["accepted"]


def test_sighup_does_not_change_what_needs_a_restart(new_site):
    site = new_site().start()
    site.edit("gateway.toml", f"port = {site.ports['listener']}", "port = 1")
    site.limit("open_records", 5000)
    site.hang_up("config.refused")
    for key in ("listeners", "limits.open_records"):
        assert f"{key}: needs a restart to change" in site.gateway.output.read_text()
    assert site.peer().get("/v1/messages/x").refusal == (404, "unknown_message")


L1 = 'reference = "番号法第9条第1項 別表の14の項及び126の項"\n'


L2 = "valid_from = 2021-09-01\n\n[legal_basis.L2]"
ASSESSED_ANEW = '[assessment.A2]\nreference = "架空市の評価書 改定"\nvalid_from = 2024-05-27\n\n[assessment.A1]'


def test_a_legal_basis_that_is_not_in_force(new_site, ordinal):
    """Its last day is over, or its first is to come: nothing passes by any route that names it."""
    site = new_site().start()
    begins = f"{L1}valid_from = 2024-05-27"
    today = date.today()  # noqa: DTZ011  (two days of margin, whatever the zone)
    periods = (
        f"{L1}valid_from = 2024-05-27\nvalid_until = {today - timedelta(days=2)}",
        f"{L1}valid_from = {today + timedelta(days=2)}",
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
            assert (fact["kind"], fact["stage"]) == ("message.refused", "edge")
            assert fact["statement"]["code"] == "basis_not_in_force"
            assert fact["message_id"] == answer.message_id  # the id that the sender got leads to the fact
    site.edit("legal_basis.toml", former, f"{L1}valid_from = {today - timedelta(days=2)}")
    site.hang_up("config.applied")
    assert site.send("subject.register", [record(subject(ordinal()))]).status == 202


def test_after_a_renumbering_and_another_assessment_old_facts_keep_what_they_were_recorded_under(new_site, ordinal):
    site = new_site().start()
    site.outcomes(site.register(subject(ordinal())))
    old = site.facts()
    site.edit("legal_basis.toml", "[assessment.A1]", ASSESSED_ANEW)
    site.edit("legal_basis.toml", "[legal_basis.L2]", '[legal_basis.L2-new]\nreference = "番号法第19条第5号"\n' + L2)
    path = site.root / "config" / TENANT
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"L2"', '"L2-new"').replace('"A1"', '"A2"'), encoding="utf-8")
    site.hang_up("config.applied")
    site.outcomes(site.register(subject(ordinal())))
    facts = site.facts()
    assert facts[: len(old)] == old
    cited = [each["header"]["legal_basis"] for each in facts if each["kind"] == "message.recorded"]
    assert cited == [["L1", "L2", "A1"], ["L1", "L2-new", "A2"]]
    meant = [each["references"] for each in site.facts("system") if "references" in each]
    assert [each.get("L2-new", {}).get("reference") for each in meant] == [None, "番号法第19条第5号"]
    assert meant[0]["L2"]["reference"] == meant[1]["L2"]["reference"] == "番号法第19条第6号(委託先への提供)"
    assert site.cli("log", "verify").status == 0


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
    site.rests()
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


# ---- the supervisor --------------------------------------------------------------------------------------------------


def test_systemd_hears_when_it_is_ready_and_when_it_stops(new_site, monkeypatch, tmp_path):
    """Type=notify: a start that fails must not count as one."""
    site = new_site()
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        site.start()
        assert notify.recv(64) == b"READY=1"
        assert site.gateway.stop() == 0
        assert notify.recv(64) == b"STOPPING=1"
