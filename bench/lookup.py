"""Look-ups by HTTPS with keep-alive: a request and its reply through the line, beside the record system asked directly.

Both are asked in turn in the same run for the same persons, so that what they share cancels out of the ratio.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final, TypeAlias

import aiohttp

from bench import city_file
from bench.city_file import good_rows
from bench.figures import Table, percentile
from bench.scene import Scene
from gateway_demo_city.people import MUNICIPALITY

CONCURRENT: Final = (1, 16)
_PERSONS: Final = 1000
_Ask: TypeAlias = Callable[[str], Awaitable[bool]]


@dataclass(slots=True)
class Lookups:
    """One case for each number of look-ups at a time and each way of asking."""

    table: Table
    wrong: list[str]

    @classmethod
    def new(cls) -> "Lookups":
        """Nothing measured yet."""
        return cls(Table("A look-up and its reply, HTTPS with keep-alive"), [])

    async def rounds(self, here: Scene, rounds: int, requests: int) -> None:
        """Fill the record system, then ask `requests` times each way, round by round. Raises Failed."""
        city_file.send(here.site, city_file.draft(here.site, _PERSONS))
        await city_file.ended(here.site, here.daemon.running, _PERSONS)
        connector = aiohttp.TCPConnector(limit=max(CONCURRENT))
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
            line = _through_the_line(session, *here.site.line())
            direct = _directly(session, *here.site.records(here.records_port))
            await asyncio.gather(*(_asked(ask, _persons(64), 16) for ask in (line, direct)))  # connections, caches
            for _ in range(rounds):
                for concurrent in CONCURRENT:
                    await self._round(line, direct, concurrent, requests)

    async def _round(self, line: _Ask, direct: _Ask, concurrent: int, requests: int) -> None:
        medians = []
        for name, ask in (("directly", direct), ("through the line", line)):
            began = time.perf_counter()
            took, right = await _asked(ask, _persons(requests), concurrent)
            seconds = time.perf_counter() - began
            medians.append(percentile(took, 0.50))
            case = f"{concurrent} at a time, {name}"
            sample = {
                "p50, ms": medians[-1] * 1e3,
                "p99, ms": percentile(took, 0.99) * 1e3,
                "look-ups/s": requests / seconds,
            }
            if ask is line:
                sample["p50, times the direct one's"] = medians[1] / medians[0]
            self.table.add(case, sample)
            if right != requests:
                self.wrong.append(f"{case}: {right:,} of {requests:,} answers are right")


def _persons(count: int) -> Iterator[str]:
    """Internal numbers of persons who are held: those whose state in the file is not a deletion."""
    states = {row.cells["internal_no"]: row.cells["change_type"] for row in good_rows(_PERSONS)}
    return islice(cycle(number for number, change in states.items() if change != "3"), count)


async def _asked(ask: _Ask, persons: Iterator[str], concurrent: int) -> tuple[list[float], int]:
    """Seconds of each look-up, and how many were answered right."""
    took: list[float] = []
    right = 0

    async def one_after_the_other() -> None:
        nonlocal right
        for person in persons:
            began = time.perf_counter()
            found = await ask(person)
            took.append(time.perf_counter() - began)
            right += found

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrent):
            group.create_task(one_after_the_other())
    return took, right


def _through_the_line(session: aiohttp.ClientSession, line: str, tls: ssl.SSLContext) -> _Ask:
    """As the municipal system asks (R02)."""

    async def ask(person: str) -> bool:
        question = [{"internal_no": person, "municipality_code": MUNICIPALITY}]
        async with session.post(f"{line}/subject.lookup", json=question, ssl=tls) as response:
            answer = await response.json()
            return response.status == 200 and bool(answer["replies"][0]["record"]["internal_no"] == person)

    return ask


def _directly(session: aiohttp.ClientSession, records: str, tls: ssl.SSLContext) -> _Ask:
    """As the connector `vaccination_records` asks."""

    async def ask(person: str) -> bool:
        question = {"rows": [{"index": 0, "internal_no": person, "municipality_code": MUNICIPALITY}]}
        async with session.post(f"{records}/v1/subjects/lookup", json=question, ssl=tls) as response:
            answer = await response.json()
            return response.status == 200 and bool(answer["rows"][0]["record"]["internal_no"] == person)

    return ask
