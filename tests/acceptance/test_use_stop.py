"""A use-stop request (利用停止, C252) at running gateways: one process, and hub and edges apart; by commands alone."""

import json
from pathlib import Path

import pytest

from gateway_demo_city.people import Cells
from tests.acceptance.programs import GATEWAY, Ended, command
from tests.acceptance.site import DESTINATION, SOURCE, Site
from tests.acceptance.split import SplitSite
from tests.acceptance.subjects import MUNICIPALITY, record, subject, values

REFUSED = ("refused", "use_stopped")


@pytest.fixture
def split(tmp_path):
    made = SplitSite(tmp_path / "split", "hub_and_edges")
    yield made.start()
    made.close()


def act(site: Site, root: Path, folder: Path, name: str, connector: str, cells: Cells, case: str = "R8-0012") -> Ended:
    """As the operator at the machine that holds the connector's keys."""
    said = folder / "person.json"
    said.write_text(json.dumps({"internal_no": cells["internal_no"]}))
    own = ("--case", case, "--as", str(site.tls / "operator.crt"), "--terminal", "desk-1")
    told = command(*GATEWAY, "keys", name, MUNICIPALITY, connector, str(said), *own, "--root", str(root))
    said.unlink()
    return told


def sent(site: Site, *subjects: Cells) -> tuple[list[tuple[str | None, str | None]], str]:
    """How each record of one message ended, and the message's id."""
    answer = site.send("subject.register", [record(each) for each in subjects])
    told = {each["index"]: each for each in site.outcomes(answer.message_id)}
    return [(told[i]["outcome"], told[i].get("code")) for i in range(len(subjects))], answer.message_id


def uses(site: Site) -> list[tuple[str, str, str, str, str]]:
    own = ("kind", "operator", "terminal", "connector", "case")
    return [tuple(each[key] for key in own) for each in site.facts() if each["kind"].startswith("use.")]


def test_a_person_s_use_is_stopped_and_resumed_while_everybody_else_goes_on(new_site, tmp_path, ordinal):
    site = new_site().start()
    one, other = subject(ordinal()), subject(ordinal())
    told = act(site, site.root, tmp_path, "stop-use", SOURCE, one)
    assert told.status == 0, told.err
    answer = site.send("subject.register", [record(one), record(other)])
    assert [(each["index"], each["code"], each["path"]) for each in answer.json["refused"]] == [
        (0, "use_stopped", "internal_no")
    ]
    assert (site.outcomes(answer.message_id)[1]["outcome"], site.held()["persons"]) == ("accepted", 1)
    told = act(site, site.root, tmp_path, "resume-use", SOURCE, one, case="R8-0013")
    assert (told.status, "it stays stopped: R8-0012." in told.err) == (1, True), told.err
    told = act(site, site.root, tmp_path, "resume-use", SOURCE, one)
    assert told.status == 0, told.err
    message_id = site.register(one)
    assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"]
    own = ("operator", "desk-1", SOURCE, "R8-0012")
    assert uses(site) == [("use.stopped", *own), ("use.resumed", *own)]
    history = json.loads(site.cli("people", "history", MUNICIPALITY, "--json").out)
    assert [(each["kind"], each["case"]) for each in history if each["kind"].startswith("use.")] == [
        ("use.stopped", "R8-0012"),
        ("use.resumed", "R8-0012"),
    ]
    assert site.leaks(values(one, other)) == ()
    listed = site.root / "keys" / MUNICIPALITY / SOURCE / "use_stops"
    assert one["internal_no"].encode() not in listed.read_bytes()


def test_a_list_that_cannot_be_read_stops_that_connector_and_says_so(new_site, tmp_path, ordinal):
    site = new_site().start()
    one, other = subject(ordinal()), subject(ordinal())
    assert act(site, site.root, tmp_path, "stop-use", DESTINATION, one).status == 0
    listed = site.root / "keys" / MUNICIPALITY / DESTINATION / "use_stops"
    kept = listed.read_bytes()
    listed.write_bytes(kept[:-1])
    answer = site.send("subject.register", [record(one), record(other)])
    assert answer.status == 202
    health = site.cli("connectors", "--json")
    (row,) = [each for each in json.loads(health.out) if each["connector"] == DESTINATION]
    assert (health.status, row["ok"], "put its last copy back" in row["detail"]) == (1, False, True)
    assert site.admin().get("/readyz").status == 503
    check = site.cli("check")
    assert (check.status, "put its last copy back" in check.err) == (1, True)
    listed.write_bytes(kept)
    assert [(each["outcome"], each.get("code")) for each in site.outcomes(answer.message_id)] == [
        REFUSED,
        ("accepted", None),
    ]


def test_apart_it_is_done_at_the_edge_and_recorded_at_the_hub(split, tmp_path, ordinal):
    one, other = subject(ordinal()), subject(ordinal())
    edge = split.folder / "edges"
    told = act(split, split.root, tmp_path, "stop-use", DESTINATION, one)
    assert (told.status, "the keys of a connector lie with its edge" in told.err) == (2, True)
    told = act(split, edge, tmp_path, "stop-use", DESTINATION, one)
    assert told.status == 0, told.err
    outcomes, _ = sent(split, one, other)
    assert outcomes == [REFUSED, ("accepted", None)]
    assert act(split, edge, tmp_path, "resume-use", DESTINATION, one).status == 0
    assert sent(split, one | {"update_seq": "2"})[0] == [("accepted", None)]
    own = ("operator", "desk-1", DESTINATION, "R8-0012")
    assert uses(split) == [("use.stopped", *own), ("use.resumed", *own)]
