"""The connector against the simulator: people, replicas, and one provision from end to end."""

from gateway.plugin import Accepted, Duplicate
from tests.plugins.intermediate_server.line import City
from tests.plugins.intermediate_server.running import Resident


async def test_a_person_is_registered_and_has_a_code_by_itself(city: City) -> None:
    resident = Resident.new()
    assert await city.deliver("addressee.register", resident.addressee()) == Accepted()
    assert await city.deliver("addressee.register", resident.addressee()) == Duplicate()
    found = await city.simulator.call("platform/v1/addressees/find", {"internal_no": resident.internal_no})
    assert found["code_state"] == "acquired"
