"""The connector against the simulator: people, replicas, and one provision from end to end."""

from collections.abc import AsyncIterator

import pytest

from gateway.plugin import Accepted, Duplicate
from tests.plugins.intermediate_server.exchanges import inquire
from tests.plugins.intermediate_server.line import DOSE, City, Line, opened, replica
from tests.plugins.intermediate_server.running import MUNICIPALITY, Resident, Simulator


@pytest.fixture
async def city(system: Simulator) -> AsyncIterator[City]:
    async with opened(system, Line()) as each:
        yield each


async def test_a_person_is_registered_and_has_a_code_by_itself(city: City) -> None:
    resident = Resident.new()
    assert await city.deliver("addressee.register", resident.addressee()) == Accepted()
    assert await city.deliver("addressee.register", resident.addressee()) == Duplicate()
    found = await city.simulator.call("platform/v1/addressees/find", {"internal_no": resident.internal_no})
    assert found["code_state"] == "acquired"


async def test_a_body_asks_and_is_answered_through_the_line(city: City) -> None:
    resident = Resident.new()
    await city.deliver("addressee.register", resident.addressee())
    assert await city.deliver("replica.register", replica(resident.internal_no, "P1")) == Accepted()
    asked = await city.simulator.control("inquire", inquire(resident))
    await city.poll()
    (sent,) = city.line.sent("provision.answer", resident.internal_no)
    assert sent.record == {
        "internal_no": resident.internal_no,
        "provision_no": asked["provision_no"],
        "provision_row": "25",
        "inquirer_code": MUNICIPALITY,
        "dataset_code": "TM00000000000101",
        "doses": [DOSE],
    }
    assert sent.attested == {"permit"}
    assert sent.legal_row == "L5-25"
    assert await city.release(sent) == Accepted()
    heard = await city.simulator.control("inquired", asked)
    assert heard == {"state": "answered", "doses": [DOSE], "statutory_records": 1}
