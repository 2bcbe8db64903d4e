"""The log is searched by commands on a running gateway: by words, and by a person whose number nobody tells the hub."""

import json
from pathlib import Path

from gateway_demo_city.people import Cells
from tests.acceptance.programs import GATEWAY, command, until
from tests.acceptance.site import Site
from tests.acceptance.subjects import MUNICIPALITY, record, subject, values

CONNECTOR = "health_management"
WHY = ("--reason", "disclosure_request", "--case", "R8-0012")


def found(site: Site, *conditions: str, log: str = MUNICIPALITY) -> list[dict[str, object]]:
    told = site.cli("log", "search", log, *conditions, "--json")
    assert told.status == 0, told.err
    *facts, looked = [json.loads(line) for line in told.out.splitlines()]
    assert looked["up_to"] <= looked["of"]
    return facts


def tags_of(site: Site, folder: Path, cells: Cells) -> str:
    """The file of a person's tags, made where the connector's keys lie."""
    named, made = folder / "person.json", folder / "tags.json"
    named.write_text(json.dumps({"internal_no": cells["internal_no"]}))
    told = command(*GATEWAY, "keys", "tags", MUNICIPALITY, CONNECTOR, str(named), "--root", str(site.root))
    assert told.status == 0, told.err
    made.write_text(told.out)
    return str(made)


def test_a_person_s_trail_is_found_and_nobody_else_s(site, tmp_path, ordinal):
    one, other, unknown = (subject(ordinal()) for _ in range(3))
    ids = [site.register(one, other), site.register(subject(ordinal())), site.register(one | {"update_seq": "2"})]
    by_person = ("--person", tags_of(site, tmp_path, one), *WHY)
    told = found(site, *by_person)
    assert [each["message_id"] for each in told if each["kind"] == "message.recorded"][:2] == [ids[2], ids[0]]
    assert ids[1] not in {each["message_id"] for each in told}
    assert found(site, "--person", tags_of(site, tmp_path, unknown), *WHY) == []
    assert site.leaks(values(one, other, unknown)) == (), "the index file holds no value either"


def test_what_became_of_messages_is_found_by_their_way(site, ordinal):
    message_id = site.register(subject(ordinal()))
    until(lambda: "delivery.concluded" in site.kinds(message_id))
    refused = site.send("subject.register", [record(subject(ordinal())) | {"no_such_field": "1"}]).message_id
    delivered = found(site, "--connector", "vaccination_records", "--code", "accepted", "--message", message_id)
    assert [each["kind"] for each in delivered] == ["delivery.concluded"]
    assert refused in {each["message_id"] for each in found(site, "--connector", CONNECTOR, "--code", "unknown_field")}
    assert {each["kind"] for each in found(site, "--kind", "gateway.started", log="system")} == {"gateway.started"}
    (asked,) = found(site, "--kind", "operator.acted", "--limit", "1", log="system")
    assert (asked["act"], asked["asked"]) == ("search", {"kind": "gateway.started"}), (
        "the searching is a fact there, too"
    )
    assert found(site, "--item", "internal_no", "--message", message_id)
    assert not found(site, "--item", "internal_no", "--code", "expired")
    unknown = site.cli("log", "search", MUNICIPALITY, "--route", "R09")
    assert (unknown.status, "--route R09: neither a fact here nor the configuration has it" in unknown.err) == (2, True)
    unknown = site.cli("log", "search", "system", "--kind", "gateway.startd")
    assert (unknown.status, "did you mean gateway.started?" in unknown.err) == (2, True)


def test_the_index_is_deleted_under_the_running_gateway_and_across_a_restart(new_site, ordinal):
    site = new_site().start()
    message_id = site.register(subject(ordinal()))
    index = site.root / f"state/journal/{MUNICIPALITY}-search.db"
    first = found(site, "--kind", "message.recorded")
    assert [each["message_id"] for each in first] == [message_id]
    index.unlink()
    assert found(site, "--kind", "message.recorded") == first
    site.gateway.stop()
    for each in index.parent.glob(f"{index.name}*"):
        each.unlink()
    site.start_gateway("/healthz")
    assert found(site, "--kind", "message.recorded") == first
    assert len(found(site, "--kind", "gateway.started", log="system")) == 2
    assert site.cli("log", "verify").status == 0
