"""A wall clock that jumps while messages flow: nothing is lost, nobody waits longer, nothing ends before its time."""

import json

import pytest

from tests.acceptance.crash.faults import wrong_clock
from tests.acceptance.programs import until
from tests.acceptance.site import SOURCE
from tests.acceptance.split import SplitSite
from tests.acceptance.subjects import city_file, record, subject

HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def clock(tmp_path):
    """Write seconds into it."""
    path = tmp_path / "clock"
    path.write_text("0")
    return path


@pytest.fixture
def split(tmp_path):
    site = SplitSite(tmp_path / "site", "hub_and_edges")
    yield site
    site.close()


def test_jumps_of_hours_and_days_while_messages_flow(new_site, library, clock):
    site = new_site()
    site.gateway.start(**wrong_clock(library, clock))
    site.start()
    ids = []
    for number, jump in enumerate((0, HOUR, -HOUR, 2 * DAY, -2 * DAY, 0)):
        clock.write_text(str(jump))
        ids.append(site.register(subject(1, number + 1), subject(100 + number)))
        site.drop(f"{number}.csv", city_file([subject(2, number + 1), subject(200 + number)]))
    for message_id in ids:
        assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"] * 2
    for number in range(len(ids)):
        assert [each.ending for each in site.status(f"{number}.csv")] == ["accepted"] * 2
    assert site.held() == {"persons": 14, "versions": 24, "deleted": 0}
    days = {fact["at"][:10] for fact in site.facts()}
    assert len(days) >= 3, "the gateway saw no jump"
    assert site.gateway.stop() == 0
    assert site.cli("log", "verify").status == 0


@pytest.mark.parametrize("jump", [-2 * DAY, 2 * DAY])
def test_what_waits_for_its_system_is_tried_on_after_a_jump(new_site, library, clock, jump):
    """Across a restart too. A message lives for three days, so that it is not dead after two."""
    site = new_site()
    site.gateway.start(**wrong_clock(library, clock))
    until(lambda: site._serves(site.gateway, site._listens))
    message_id = site.register(subject(1))
    until(lambda: "delivery.concluded" in site.kinds(message_id))
    clock.write_text(str(jump))
    seen = len(site.kinds(message_id))
    until(lambda: len(site.kinds(message_id)) > seen + 4)
    site.gateway.kill()
    site.gateway.start(**wrong_clock(library, clock))
    site.start()
    assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"]
    assert "message.dead" not in site.kinds(message_id)
    assert site.held() == {"persons": 1, "versions": 1, "deleted": 0}


def test_a_message_ends_once_the_clock_says_that_its_time_is_over(new_site, library, clock):
    site = new_site()
    site.gateway.start(**wrong_clock(library, clock))
    until(lambda: site._serves(site.gateway, site._listens))
    message_id = site.register(subject(1))
    clock.write_text(str(4 * DAY))
    assert [each["code"] for each in site.outcomes(message_id)] == ["expired"]


def connectors(site):
    return json.loads(site.cli("connectors", "--json").out)


def test_an_edge_whose_clock_differs_is_told_and_goes_on_when_it_is_set(split, library, clock):
    """A sender is told at once, a file waits and the connectors' health says so; nothing of it is delivered before."""
    split.edges["edges"].start(**wrong_clock(library, clock))
    split.start()
    clock.write_text(str(HOUR))
    answer = split.send("subject.register", [record(subject(1))], Idempotency_Key="a")
    assert answer.refusal == (503, "clock_differs")
    split.drop("a.csv", city_file([subject(2)]))
    until(lambda: not next(each for each in connectors(split) if each["connector"] == SOURCE)["ok"])
    clock.write_text("0")
    assert [each.ending for each in split.status("a.csv")] == ["accepted"]
    message_id = split.send("subject.register", [record(subject(1))], Idempotency_Key="a").message_id
    assert [each["outcome"] for each in split.outcomes(message_id)] == ["accepted"]
    assert split.held() == {"persons": 2, "versions": 2, "deleted": 0}
    assert split.cli("log", "verify").status == 0
