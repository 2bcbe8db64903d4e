"""A system that is down, hangs, is slow or answers garbage: its own messages wait, and the other connectors' go on."""

import re

import pytest

from tests.acceptance.programs import Program, until
from tests.acceptance.site import RECORD_SYSTEM
from tests.acceptance.subjects import OTHER_MUNICIPALITY, city_file, record, subject
from tests.acceptance.test_tenants import OTHER_SYSTEM, OTHERS, add_neighbour, neighbour
from tests.ports import free_port

TROUBLES = {"down": (), "hanging": ("late:1", 3600.0), "slow": ("late:1", 0.3), "garbage": ("garbage:1", 0.0)}
DUE = "SELECT count(*) FROM message WHERE open > 0"


@pytest.fixture
def two_systems(new_site):
    """架空市 and its neighbour in one gateway, each with a record system of its own; the second one is returned too."""
    site = new_site(delivery_deadline=1.0)
    add_neighbour(site)
    port = free_port()
    site.edit(f"tenants/{OTHER_MUNICIPALITY}.toml", f":{site.ports['records']}", f":{port}")
    first = site.root / "record_system/record_system.toml"
    second = first.with_name("second.toml")
    second.write_text(re.sub(r"port = \d+", f"port = {port}", first.read_text()).replace('"data"', '"second"'))
    other = site._record_system(RECORD_SYSTEM)
    command = tuple(str(second) if word == str(first) else word for word in other._command)
    other = Program(command, site.observed / "second.out")
    other.start()
    yield site
    other.kill()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_the_record_system_is_in_trouble(two_systems, trouble):
    site = two_systems
    if told := TROUBLES[trouble]:
        site.start_records(faults=told[0], late_seconds=told[1])
    site.gateway.start()
    until(lambda: site._serves(site.gateway, site._listens))
    mine = [site.register(subject(1, seq), subject(10 + seq)) for seq in range(1, 4)]
    site.drop("mine.csv", city_file([subject(2), subject(2, 2), subject(20)]))
    theirs = [
        site.peer(OTHER_SYSTEM).post(OTHERS, [record(neighbour(subject(100 + number)))]).message_id
        for number in range(20)
    ]
    until(lambda: site.query(DUE, OTHER_MUNICIPALITY) == [(0,)])
    ended = [site.peer(OTHER_SYSTEM).get(f"/v1/messages/{each}").json["outcomes"] for each in theirs]
    assert [[each["outcome"] for each in one] for one in ended] == [["accepted"]] * 20
    if trouble != "slow":
        assert site.query(DUE) != [(0,)], "the other connector's messages waited for this one"
        assert not (site.exchange / "status/mine.status.csv").exists()
        if told:
            site.records.kill()
        site.start_records()
    for message_id in mine:
        assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"] * 2
    assert [each.ending for each in site.status("mine.csv")] == ["accepted"] * 3
    assert site.held() == {"persons": 6, "versions": 9, "deleted": 0}
    assert "message.dead" not in {each["kind"] for each in site.facts()}
    assert site.gateway.stop() == 0
    assert site.cli("log", "verify").status == 0


@pytest.mark.parametrize("trouble", ["down", "hang", "slow", "garbage", "busy", "maintenance", "token_lost"])
def test_pmh_is_in_trouble(new_city, trouble):
    """Subjects go on to the record system of the same municipality; the keys come when PMH is well again, one each."""
    city = new_city("run")
    city.limit("delivery_deadline", 1.0)
    site, pmh = city.site, city.programs["pmh"]
    site.records = site._record_system(RECORD_SYSTEM)
    city.programs["records"] = site.records
    pmh.start()
    city.trouble({} if trouble == "down" else {trouble: 1_000_000})
    if trouble == "down":
        pmh.kill()
    site.start()
    for number in range(10):
        message_id = site.register(subject(number))
        assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"]
    if trouble != "slow":
        assert city.keys() == {"issued": 0, "wanted": 10, "disputed": 0}
    if trouble == "down":
        pmh.start()
    city.trouble({})
    city.at_rest()
    assert city.keys() == {"issued": 10, "wanted": 0, "disputed": 0}
    assert city.pmh()["keys"] == 10
