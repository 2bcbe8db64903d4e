"""Exports of a running gateway: to a real syslog receiver over mutual TLS, and into folders; kill -9, reloads."""

import json
import time
from collections.abc import Iterator
from random import Random

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from tests.acceptance.programs import until
from tests.acceptance.subjects import MUNICIPALITY, subject
from tests.exports.collector import Collector
from tests.exports.setting import lines, seqs


@pytest.fixture
def apart(new_site):
    """A site of its own, not started, and a receiver."""
    made = new_site()
    password = (made.root / "keys/passphrase").read_bytes().strip()
    receiver = Collector(made.tls, password)
    yield made, receiver
    made.close()
    receiver.close()


def add(site, text: str) -> None:
    path = site.root / "config/gateway.toml"
    path.write_text(f"{path.read_text()}\n{text}")


def to_syslog(receiver, tenants=(MUNICIPALITY, "system")) -> str:
    return f"""
[[exports]]
name = "siem"
form = "syslog"
tenants = {json.dumps(tenants)}
[exports.syslog]
host = "localhost"
port = {receiver.port}
certificate = "keys/tls/vaccination_records.crt"
key = "keys/tls/vaccination_records.key"
ca = "keys/tls/ca.crt"
"""


def to_folder(site, form: str, kinds: tuple[str, ...] = ()) -> str:
    (site.root / form).mkdir()
    asked = f"kinds = {json.dumps(kinds)}\n" if kinds else ""
    return f'[[exports]]\nname = "{form}"\nform = "{form}"\nfolder = "{form}"\ntenants = ["{MUNICIPALITY}"]\n{asked}'


def whole(site, store: str = MUNICIPALITY) -> Iterator[int]:
    return iter(range(1, site.query("SELECT max(seq) FROM fact", store)[0][0] + 1))


def test_kill_9_at_random_and_no_fact_is_missing_anywhere(apart):
    site, receiver = apart
    add(site, to_syslog(receiver) + to_folder(site, "jsonl") + to_folder(site, "fhir"))
    chance, sent = Random(7), list[str]()
    site.start()
    for death in range(5):
        sent += [site.register(subject(death * 10 + at)) for at in range(3)]
        time.sleep(chance.random() * 0.6)
        site.gateway.kill()
        site.start()
    for message_id in (*sent, site.register(subject(99))):  # from here on nothing more comes into its log
        site.outcomes(message_id)
    until(
        lambda: (
            {*receiver.seqs(MUNICIPALITY)} == {*whole(site)} and {*receiver.seqs("system")} == {*whole(site, "system")}
        )
    )
    until(lambda: {*seqs(site.root / "jsonl")} == {*whole(site)})
    until(lambda: len(lines(site.root / "fhir")) >= len([*whole(site)]))
    for file in (site.root / "fhir").iterdir():
        for line in (
            file.read_text().rpartition("\n")[0].splitlines()
        ):  # a batch may come twice, the second time just now
            AuditEvent.model_validate_json(line)
    found = {each["fact"]["seq"]: each["fact"] for each in lines(site.root / "jsonl")}
    assert [found[seq] for seq in sorted(found)] == site.facts()
    assert site.gateway.stop() == 0


def test_a_reload_adds_and_removes_and_what_is_wrong_is_refused(apart):
    site, receiver = apart
    site.start()
    before = (site.root / "config/gateway.toml").read_text()
    add(site, to_syslog(receiver) + to_folder(site, "jsonl", ("message.recorded", "message.eaten")))
    site.hang_up("config.refused")
    assert "message.eaten is no kind of fact" in site.cli("check").out + site.cli("check").err
    site.edit("gateway.toml", ', "message.eaten"', "")
    site.hang_up("config.applied")
    sent = site.register(subject(1))
    until(lambda: sent in [each.params.get("message") for each in receiver.messages])
    until(lambda: [each["fact"]["message_id"] for each in lines(site.root / "jsonl")] == [sent])
    rows = {each["connector"]: each for each in json.loads(site.cli("connectors", "--json").out)}
    assert {name: rows[name]["ok"] for name in ("siem", "jsonl")} == {"siem": True, "jsonl": True}
    assert (
        f'renkei_export_behind{{export="siem",tenant="{MUNICIPALITY}"}}' in site.admin().get("/metrics").body.decode()
    )
    (site.root / "config/gateway.toml").write_text(before)
    site.hang_up("config.applied")
    until(lambda: receiver.said_goodbye == 1)
    assert "renkei_export_behind{" not in site.admin().get("/metrics").body.decode()
    site.outcomes(site.register(subject(2)))
    assert len(lines(site.root / "jsonl")) == 1


def test_a_receiver_that_is_not_there_neither_stops_the_start_nor_the_line(apart):
    site, receiver = apart
    add(site, to_syslog(receiver))
    receiver.close()
    site.start_records()
    site.start_gateway()
    assert [each["outcome"] for each in site.outcomes(site.register(subject(1)))] == ["accepted"]
    row = until(
        lambda: [
            e for e in json.loads(site.cli("connectors", "--json").out) if e["connector"] == "siem" and not e["ok"]
        ]
    )
    assert row[0]["detail"].startswith("Connection refused; ")
    assert site.cli("connectors").status == 0
    assert site.gateway.stop() == 0


def test_a_log_is_written_once_for_other_tools(apart, tmp_path):
    site, _ = apart
    site.start()
    site.outcomes(site.register(subject(1)))
    for form in ("jsonl", "fhir"):
        file = tmp_path / form
        assert site.cli("log", "export", MUNICIPALITY, str(file), "--form", form).status == 0
        listed = site.cli("copies", "list", "--json").out
        assert site.cli("log", "export", MUNICIPALITY, str(file), "--form", form).status == 2, "it is never overwritten"
        assert site.cli("copies", "list", "--json").out == listed, "what was not made is not listed"
        assert oct(file.stat().st_mode)[-3:] == "600"
    assert [json.loads(each)["fact"] for each in (tmp_path / "jsonl").read_text().splitlines()] == site.facts()
    for line in (tmp_path / "fhir").read_text().splitlines():
        AuditEvent.model_validate_json(line)
    told = site.cli("log", "export", MUNICIPALITY, "-", "--form", "jsonl", "--since", "2")
    assert [json.loads(each)["fact"] for each in told.out.splitlines()] == site.facts()[1:]
    assert site.cli("log", "export", MUNICIPALITY, "-", "--form", "cef").status == 2
    assert site.cli("log", "export", MUNICIPALITY, str(tmp_path / "log"), "--since", "2").status == 2
