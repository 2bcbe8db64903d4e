"""The stand-in keeps to what is known of the real one: an ID5 is for good, and no insured number leaves it."""

import json
from pathlib import Path

import pytest

from tests.forking import done
from tests.plugins.history_lookup.running import Site, asks, id5_of, keys, made, running
from tests.plugins.receiving import Simulator


@pytest.fixture
def own(tmp_path: Path) -> Site:
    return made(tmp_path)


async def test_an_id5_outlasts_a_power_cut_and_nothing_of_a_person_is_left_on_the_disk(own: Site) -> None:
    asked = keys(3)
    answers = []
    status, output = 1, b""
    for kill in (True, False):
        with running(own, 'data = "registers"') as simulator:
            async with own.connected(simulator.url) as connector:
                answers.append(await connector.deliver(asks(*asked)))
            status, output = simulator.end(kill=kill)
    assert answers[0] == answers[1]
    assert status == 0
    stopped = json.loads(output.splitlines()[-1])
    assert (stopped["event"], stopped["rows"]) == ("stopped", 3)
    assert (own.folder / "registers").stat().st_mode & 0o777 == 0o600
    written = output + (own.folder / "registers").read_bytes()
    personal = [*asked, *(id5_of(each) for each in answers[0].values())]
    assert not any(value.encode() in written for value in personal)


async def test_a_stranger_and_what_cannot_be_read_are_refused_whole(site: Site, system: Simulator) -> None:
    (key,) = keys(1)
    row = {"index": 0, "pmh_key": key}
    good = {"inquiry": "made-up-1", "rows": [row]}
    path = "/v1/id5-inquiries"
    assert await system.call("POST", path, good, site.stranger) == (403, {"code": "unknown_client"})
    wrong = [
        {"inquiry": "made-up-1", "rows": []},
        {"inquiry": "made-up-1", "rows": [row, row]},
        {"inquiry": "made-up-1", "rows": [row | {"name": "架空"}]},
        {"inquiry": "made-up-1", "rows": [row | {"pmh_key": "架空"}]},
        {"rows": [row]},
    ]
    for body in wrong:
        assert await system.call("POST", path, body) == (400, {"code": "malformed"})
    status, answer = await system.call("POST", path, good)
    assert (status, answer["rows"][0].keys()) == (200, {"index", "status", "pmh_key", "id5"})
    assert await system.faults({"no_such": 1}) == 422


def test_a_wrong_configuration_is_told_whole_and_ends_it_with_2(own: Site) -> None:
    file = own.configuration("surplus = 1\nfaults = { no_such = 1 }")
    ended = done("gateway_history_lookup.simulator", str(file))
    assert ended.returncode == 2
    assert {line.partition(":")[0].partition(".")[0] for line in ended.stderr.splitlines()} == {"surplus", "faults"}
