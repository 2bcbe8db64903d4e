"""What people must look at is told once, counted since the start, and forgotten with what is listed."""

from gateway_intermediate_server.trouble import Trouble
from tests.plugins.intermediate_server.line import City


def test_what_is_listed_no_more_is_counted_and_not_remembered() -> None:
    trouble: Trouble[str] = Trouble("results unreadable")
    assert trouble.told() == []
    for number in ("IQ-1", "IQ-2", "IQ-1"):
        trouble.add(number)
    assert trouble.told() == ["results unreadable: 2"]
    trouble.keep({"IQ-2"})
    assert ("IQ-1" in trouble, "IQ-2" in trouble) == (False, True)
    assert trouble.told() == ["results unreadable: 2"]
    trouble.add("IQ-1")
    assert trouble.told() == ["results unreadable: 3"]


async def test_no_part_of_the_connector_remembers_what_the_server_lists_no_more(city: City) -> None:
    connector = city.connector
    kinds = (connector._results._stuck, connector._results._unreadable, connector._provisions._unreadable)
    statuses = connector._announcements._stuck
    for kind in kinds:
        kind.add("GONE")
    statuses.add(("GONE", "1"))
    await city.poll()
    assert not any("GONE" in kind for kind in kinds)
    assert ("GONE", "1") not in statuses
    detail = (await connector.health()).detail
    for what in ("results that could not be told to the city", "results unreadable", "requests unreadable"):
        assert f"{what}: 1" in detail
    assert "announcement statuses that could not be told: 1" in detail
