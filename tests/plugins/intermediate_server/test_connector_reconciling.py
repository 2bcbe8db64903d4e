"""原本照合 (F22, C195): once in a window, everybody's replicas, page by page; a restart sends no other messages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from gateway.plugin import Accepted, DeferredRecord
from tests.plugins.intermediate_server.line import City, Line, opened, replica
from tests.plugins.intermediate_server.running import QUICK, Simulator, Site, running

EXPORT = "replica.export"
DAY: Final[dict[str, Any]] = {"reconcile_seconds": 86_400, "people_per_export": 2}
WITHIN: Final = timedelta(hours=1 if datetime.now(UTC).hour == 23 else 0)
"""How far a clock is ahead whose day, and so its window, does not end while these run."""


@pytest.fixture
def quiet(site: Site) -> Iterator[Simulator]:
    """One that nobody else asks."""
    with running(site, QUICK) as simulator:
        yield simulator


async def people(city: City, count: int) -> list[str]:
    """Residents, the first one without a replica."""
    numbers = [(await city.register()).internal_no for _ in range(count)]
    for each in numbers[1:]:
        assert await city.deliver("replica.register", replica(each, f"X{each}")) == Accepted()
    return numbers


async def rounds(city: City, count: int = 4) -> None:
    for _ in range(count):
        await city.poll()


def exported(line: Line) -> list[list[str]]:
    return [[one["internal_no"] for one in each.records] for each in line.sent(EXPORT)]


async def test_everybody_is_exported_once_in_a_window(quiet: Simulator) -> None:
    line = Line()
    async with opened(quiet, line, **DAY) as city:
        city.ahead = WITHIN
        numbers = await people(city, 3)
        await rounds(city)
        assert exported(line) == [numbers[:2], numbers[2:]]
        assert line.repeats == 0  # it is over until the next window
        first, second = line.sent(EXPORT)[0].records
        assert first == {"internal_no": numbers[0]}
        kept = replica(numbers[1], f"X{numbers[1]}")
        del kept["internal_no"], kept["municipality_code"]
        assert second == {"internal_no": numbers[1], "replicas": [kept]}
        city.ahead += timedelta(days=1)
        await rounds(city)
        assert exported(line) == [numbers[:2], numbers[2:]] * 2


async def test_a_restart_in_a_window_sends_nothing_new(quiet: Simulator) -> None:
    line = Line()
    async with opened(quiet, line, **DAY) as city:
        city.ahead = WITHIN
        numbers = await people(city, 3)
        await rounds(city)
        changed = replica(numbers[1], f"X{numbers[1]}", 2, lot_no="MADEUP02")
        assert await city.deliver("replica.register", changed) == Accepted()
    before = line.sent(EXPORT)
    async with opened(quiet, line, **DAY) as city:
        city.ahead = WITHIN
        await rounds(city)
        assert city.said.lines == []
    assert line.sent(EXPORT) == before


async def test_a_page_that_could_not_be_had_comes_next_time(quiet: Simulator) -> None:
    line = Line()
    async with opened(quiet, line, **DAY) as city:
        city.ahead = WITHIN
        numbers = await people(city, 3)
        line.broken = True
        await rounds(city)
        assert exported(line) == []
        line.broken = False
        await rounds(city)
    assert exported(line) == [numbers[:2], numbers[2:]]


async def test_a_page_that_the_line_refuses_is_counted_for_the_operator(quiet: Simulator) -> None:
    line = Line(refuses="too_many_records")
    async with opened(quiet, line, **DAY) as city:
        city.ahead = WITHIN
        await people(city, 3)
        await rounds(city)
        assert exported(line) == []
        assert city.said.lines == [("export.refused", {"operation": EXPORT, "code": "too_many_records"})] * 2
        assert "pages of the export that the line refused: 2" in (await city.connector.health()).detail


async def test_a_page_that_waits_for_a_reload_is_not_lost(quiet: Simulator) -> None:
    """Between the reloads of hub and edge the line refuses what is signed; it takes it afterwards."""
    line = Line(refuses="header_mismatch")
    async with opened(quiet, line, **DAY) as city:
        city.ahead = WITHIN
        numbers = await people(city, 3)
        await rounds(city)
        assert exported(line) == []
        line.refuses = None
        await rounds(city)
    assert exported(line) == [numbers[:2], numbers[2:]]


async def test_it_may_be_turned_off(quiet: Simulator) -> None:
    line = Line()
    async with opened(quiet, line, reconcile_seconds=0) as city:
        await people(city, 2)
        await rounds(city)
    assert exported(line) == []


async def test_one_part_that_waits_stops_no_other(quiet: Simulator) -> None:
    """And it is told once, not at every look."""
    line = Line()
    async with opened(quiet, line, **DAY) as city:
        numbers = await people(city, 1)
        await quiet.control("faults", {"faults": {"maintenance": 4}})
        await city.poll()
        assert exported(line) == [numbers]
        waiting = [known["operation"] for event, known in city.said.lines if event == "poll.deferred"]
        assert waiting == ["results", "provisions", "self_information", "announcements"]
        assert not (await city.connector.health()).ok
        await city.poll()
        assert (await city.connector.health()).ok
        await quiet.control("faults", {"faults": {"maintenance": 1}})
        health = await city.connector.health()  # though there is a copy of the list
        assert (health.ok, "system_busy" in health.detail) == (False, True)
        health = await city.connector.health()
        assert (health.ok, "matching list version 1" in health.detail) == (True, True)


async def test_a_server_that_is_away_is_told(quiet: Simulator) -> None:
    async with opened(quiet, Line(), server_url="https://127.0.0.1:9", list_seconds=1) as city:
        health = await city.connector.health()
        assert (health.ok, health.detail) == (False, "the intermediate server does not serve us: system_unreachable")
        numbers = await people(city, 1)
        assert numbers
        deferred = await city.deliver(
            "announcement.send",
            {
                "internal_no": numbers[0],
                "municipality_code": "999997",
                "notice_id": "N-1",
                "notice_title": "題",
                "notice_text": "文",
                "updated_at": "2026-04-01T09:00:00+09:00",
                "update_seq": 1,
            },
        )
        assert deferred == DeferredRecord("system_unreachable")
