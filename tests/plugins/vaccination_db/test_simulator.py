"""The stand-in keeps what it was given over a power cut, and has a column for what research may have and no other."""

import json
from pathlib import Path

import pytest

from gateway.plugin import Accepted, Duplicate
from gateway_vaccination_db.interface import ResearchDose
from gateway_vaccination_db.simulated.app import Dose
from tests.plugins.receiving import Simulator
from tests.plugins.vaccination_db.running import Site, brings, changed, dose, made, running


@pytest.fixture
def own(tmp_path: Path) -> Site:
    return made(tmp_path)


async def test_doses_and_verdicts_outlast_a_power_cut(own: Site) -> None:
    delivery = brings(first := dose())
    status, output = 1, b""
    for kill in (True, False):
        with running(own, 'data = "doses.sqlite3"') as simulator:
            async with own.connected(simulator.url) as connector:
                assert await connector.deliver(delivery) == {0: Accepted()}
                if not kill:
                    assert await connector.deliver(brings(first)) == {0: Duplicate()}
            status, output = simulator.end(kill=kill)
    assert status == 0
    stopped = json.loads(output.splitlines()[-1])
    assert (stopped["event"], stopped["doses"], stopped["accepted"], stopped["duplicate"]) == ("stopped", 1, 1, 1)
    assert first.id5.encode() not in output


def test_its_columns_are_those_of_the_interface() -> None:
    assert set(Dose.model_fields) == set(ResearchDose.model_fields)


async def test_a_stranger_and_what_it_has_no_column_for_are_refused_whole(site: Site, database: Simulator) -> None:
    record = dose().model_dump(exclude_none=True)
    good = {"message_id": "made-up-1", "rows": [{"index": 0, "record": record}]}
    assert await database.call("POST", "/v1/doses", good, site.stranger) == (403, {"code": "unknown_client"})
    assert (await database.call("GET", "/v1/doses/count", identity=site.stranger))[0] == 403
    for wrong in ({"name": "架空"}, {"birth_date": "2025-03-01"}, {"updated_at": "2026-04-01T09:30:00"}):
        body = {"message_id": "made-up-1", "rows": [{"index": 0, "record": record | wrong}]}
        assert await database.call("POST", "/v1/doses", body) == (400, {"code": "malformed"})
    assert await database.call("POST", "/v1/doses", good) == (200, {"rows": [{"index": 0, "status": "accepted"}]})


async def test_a_row_is_judged_once_whatever_came_between(site: Site, database: Simulator) -> None:
    delivery = brings(first := dose())
    async with site.connected(database.url) as connector:
        assert await connector.deliver(delivery) == {0: Accepted()}
        assert await connector.deliver(brings(changed(first, update_seq=2))) == {0: Accepted()}
        assert await connector.deliver(delivery) == {0: Accepted()}
