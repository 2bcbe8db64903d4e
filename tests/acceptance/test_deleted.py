"""What was deleted is gone from every copy that the gateway made, once somebody says that the backups are, too."""

import json
import re

from tests.acceptance.subjects import MUNICIPALITY, subject

SYSTEM = "system"


def left(site, message_id):
    """Exit status, and what is left and where, by `gateway log prove --deleted`."""
    told = site.cli("log", "prove", MUNICIPALITY, message_id, "--deleted", "--json")
    found = json.loads(told.out)
    assert found["left"] == any(each["left"] for each in found["copies"]) == (told.status == 1)
    return told.status, {(each["what"], each["where"]) for each in found["copies"] if each["left"]}


def test_a_deleted_payload_is_proven_gone_only_when_the_backups_are_declared_destroyed(new_site, ordinal, tmp_path):
    site, copy = new_site(), tmp_path / "copy"
    route = site.route("R01")
    site.start()
    sent = site.register(subject(ordinal()))
    site.outcomes(sent)
    assert left(site, sent) == (1, {("payload", "envelope")})

    told = site.cli("backup", str(copy), "--terminal", "desk-3")
    assert told.status == 0, told.err
    name = (copy / "COPY").read_text().strip()
    assert re.fullmatch(r"[0-9]{8}-[0-9a-f]{8}", name)
    assert name in told.err
    assert "  COPY\n" in (copy / "SHA256SUMS").read_text()
    fact = next(each for each in site.facts(SYSTEM) if each["kind"] == "logs.copied")
    assert (fact["copy"], fact["operator"], fact["terminal"], fact["form"]) == (name, "operator", "desk-3", "backup")
    assert fact["logs"][SYSTEM] == fact["seq"] - 1

    site.edit(f"tenants/{MUNICIPALITY}.toml", route, route.rstrip("\n") + "\nkeep_seconds = 0.0\n\n")
    site.hang_up("config.applied")
    assert site.cli("retention", "run", MUNICIPALITY).status == 0
    assert left(site, sent) == (1, {("payload", f"backup {name}")})

    exported = tmp_path / "facts.jsonl"
    assert site.cli("log", "export", MUNICIPALITY, str(exported), "--form", "jsonl").status == 0
    forms = {each["form"] for each in json.loads(site.cli("copies", "list", "--json").out)}
    assert forms == {"backup", "jsonl"}

    again = site.cli("copies", "destroyed", "20260101-00000000", "--case", "R8-0012")
    assert (again.status, "unknown_copy" in again.err) == (1, True)
    assert site.cli("copies", "destroyed", name, "--case", "R8-0012").status == 0
    assert left(site, sent) == (0, set())  # facts may stay where they are until their time is over
    assert site.cli("copies", "destroyed", name, "--case", "R8-0012").status == 1

    assert site.gateway.stop() == 0
    assert site.cli("backup", str(tmp_path / "still")).status == 0
    nobody = site.facts(SYSTEM)[-1]
    assert (nobody["kind"], "operator" in nobody) == ("logs.copied", False)
    assert site.cli("log", "verify").status == 0
