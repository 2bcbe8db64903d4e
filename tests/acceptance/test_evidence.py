"""Evidence of a running gateway: whoever has the log's public key is convinced, and needs nothing else of ours."""

import json

import pytest

from tests.acceptance.programs import GATEWAY, command
from tests.acceptance.subjects import MUNICIPALITY, record, subject


@pytest.fixture
def away(site, tmp_path):
    """A folder away from the gateway, with the public key that somebody was given beforehand."""
    (tmp_path / "log.vkey").write_bytes((site.root / f"keys/{MUNICIPALITY}/log/log.vkey").read_bytes())
    return tmp_path


def checked(site, away, what, *more):
    return command(*GATEWAY, "log", "verify", "--from", str(away / what), "--key", str(away / "log.vkey"), *more)


def test_what_a_sender_fetched_convinces_without_the_gateway(site, away, ordinal):
    taken = site.send("subject.register", [record(subject(ordinal()))])
    refused = site.send("subject.register", [{"no": "such field"}])
    for answer, kind in ((taken, "message.recorded"), (refused, "message.refused")):
        fetched = site.peer().get(f"/v1/messages/{answer.message_id}/proof")
        assert fetched.status == 200
        (away / "of.tlog-proof").write_bytes(fetched.body)
        told = checked(site, away, "of.tlog-proof", "--json")
        assert told.status == 0
        found = json.loads(told.out)
        assert (found["problem"], found["fact"]["message_id"]) == (None, answer.message_id)
        assert found["fact"]["kind"] in {kind, "message.recorded"}


def test_an_operator_proves_the_same_beside_the_running_gateway(site, away, ordinal):
    taken = site.send("subject.register", [record(subject(ordinal()))])
    assert site.peer().get(f"/v1/messages/{taken.message_id}/proof").status == 200  # it is signed now
    file = away / "of.tlog-proof"
    assert site.cli("log", "prove", MUNICIPALITY, taken.message_id, "--out", str(file)).status == 0
    told = checked(site, away, "of.tlog-proof")
    assert (told.status, taken.message_id in told.out, "proven" in told.out) == (0, True, True)
    again = site.cli("log", "prove", MUNICIPALITY, taken.message_id, "--out", str(file))
    assert (again.status, "File exists" in again.err, file.stat().st_mode & 0o777) == (2, True, 0o600)
    file.write_text(file.read_text().replace("\nindex ", "\nindex 1"))
    told = checked(site, away, "of.tlog-proof")
    assert (told.status, "proves nothing" in told.out) == (1, True)


def test_an_exported_log_convinces_and_its_growth_can_be_proven(site, away, ordinal):
    site.peer().get(f"/v1/messages/{site.register(subject(ordinal()))}/proof")
    assert site.cli("log", "export", MUNICIPALITY, str(away / "log")).status == 0
    told = checked(site, away, "log")
    assert (told.status, told.out.strip().endswith("verified")) == (0, True)
    kept = away / "kept"
    kept.write_bytes((away / "log/checkpoint").read_bytes())
    site.peer().get(f"/v1/messages/{site.register(subject(ordinal()))}/proof")
    grown = away / "grown"
    assert site.cli("log", "prove", MUNICIPALITY, "--earlier", str(kept), "--out", str(grown)).status == 0
    assert checked(site, away, "grown", "--earlier", str(kept)).status == 0
    assert site.cli("log", "export", MUNICIPALITY, str(away / "log")).status == 0
    assert checked(site, away, "log", "--earlier", str(kept)).status == 0
    kept.write_bytes((away / "log/checkpoint").read_bytes())
    assert checked(site, away, "grown", "--earlier", str(kept)).status == 1


def test_what_to_prove_and_by_which_key_must_be_said(site, away):
    assert "say what to prove" in site.cli("log", "prove", MUNICIPALITY).err
    assert "neither configured here nor `system`" in site.cli("log", "prove", "000000", "--fact", "1").err
    assert "has no such fact" in site.cli("log", "prove", "system", "--fact", "999999").err
    assert "needs --key" in command(*GATEWAY, "log", "verify", "--from", str(away)).err
    assert checked(site, away, "nothing-there").status == 2
    wrong = command(*GATEWAY, "log", "verify", "--from", str(away), "--key", "nonsense")
    assert (wrong.status, "verifier key" in wrong.err) == (2, True)
