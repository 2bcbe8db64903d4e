"""What works beside the line costs it: the index of the search, and exports into folders; in rounds that take turns.

Three gateways of one making: one without either, one with the index, as every gateway is, one with two exports alone.
Only one has work at a time. CPU is counted until what is beside has caught up, so nothing is put off.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp

from bench.deployment import whole
from bench.figures import Table
from bench.load import CONCURRENT, Sender
from bench.machine import module
from bench.sink import Sink
from bench.ways import Way, ended_records, known_to_the_sink
from gateway.hub.search.search import SLICE
from gateway_demo_city.outside import Outside
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.site import Site
from gateway_demo_city.stage import Failed, Stage, gateway

_NEITHER: Final = "neither"
_INDEX: Final = "the search's index"
_EXPORTS: Final = "two exports (jsonl, fhir)"
_CPU: Final = "CPU seconds per 1,000, all caught up"
_RATE: Final = "messages/s"
_REST: Final = 1.5
"""Seconds that each has for catching up at least, so that all of them are idle for as long."""
_PATIENCE: Final = 60.0


@dataclass(slots=True)
class Beside:
    """One case for each gateway; those beside the first one's of the same round."""

    table: Table
    wrong: list[str] = field(default_factory=list)

    @classmethod
    def new(cls) -> "Beside":
        """Nothing measured yet."""
        return cls(Table(f"What works beside the line: one record each, {CONCURRENT} at a time"))

    async def rounds(self, rounds: int, seconds: float) -> None:
        """Each gateway in turn, round by round, at full load for so many seconds. Raises Failed."""
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="renkei-beside-")))
            stages = [await stack.enter_async_context(Stage(folder / str(number))) for number in range(3)]
            sites = [(await whole(stage))["gateway"] for stage in stages]
            sink = await stack.enter_async_context(Sink.running(sites[0].root / "keys" / "tls"))
            ways = [
                await stack.enter_async_context(_gateway(name, stage, site, sites[0], sink))
                for name, stage, site in zip((_NEITHER, _INDEX, _EXPORTS), stages, sites, strict=True)
            ]
            sender = await stack.enter_async_context(Sender.ready(sink))
            for way in ways:  # connections, caches
                await self._turn(sender, way, seconds)
            for number in range(rounds):
                first = number % len(ways)  # nobody is always first
                turns = {way.name: await self._turn(sender, way, seconds) for way in (*ways[first:], *ways[:first])}
                self._add(turns)

    async def _turn(self, sender: Sender, way: Way, seconds: float) -> dict[str, float]:
        before = way.usage().cpu
        full = await sender.full(way, seconds)
        await asyncio.gather(asyncio.sleep(_REST), _caught_up(way))
        if full.lost:
            self.wrong.append(f"{way.name}: {full.lost:,} messages were not taken or did not come through")
        through = len(full.through)
        return {_RATE: through / full.seconds, _CPU: (way.usage().cpu - before) / through * 1000}

    def _add(self, turns: dict[str, dict[str, float]]) -> None:
        neither = turns[_NEITHER]
        for name in (_NEITHER, _INDEX, _EXPORTS):
            beside = {
                "messages/s, times those of neither": turns[name][_RATE] / neither[_RATE],
                "CPU, times that of neither": turns[name][_CPU] / neither[_CPU],
            }
            self.table.add(name, turns[name] | (beside if name != _NEITHER else {}))


@asynccontextmanager
async def _gateway(name: str, stage: Stage, site: Site, sinks: Site, sink: Sink) -> AsyncIterator[Way]:
    """Its daemon, ready: the first two parts of the command say whether it has an index."""
    site.point_at(sink.port)
    if site is not sinks:
        known_to_the_sink(site.root / "keys" / "tls", sinks.root / "keys" / "tls")
    if name == _EXPORTS:
        _export(site)
    run = ("run", "--root", str(site.root))
    command = gateway(*run) if name == _INDEX else module("bench.unindexed", *run)
    process = await stage.start("gateway", *command)
    async with Outside(site, sink.port) as outside, aiohttp.ClientSession() as session:
        await outside.ready(process)
        line, tls = site.line()
        admin, operator = site.admin()

        async def concluded() -> int:
            async with session.get(f"{admin}/metrics", ssl=operator) as response:
                return ended_records(await response.text())

        journals = site.root / "state" / "journal"
        yield Way(name, f"{line}/subject.register", tls, (process,), journals, concluded)


def _export(site: Site) -> None:
    file = site.root / "config" / "gateway.toml"
    for form in ("jsonl", "fhir"):
        (site.root / form).mkdir()
        said = f'\n[[exports]]\nname = "{form}"\nform = "{form}"\ntenants = ["{MUNICIPALITY}"]\nfolder = "{form}"\n'
        with file.open("a", encoding="utf-8") as config:
            config.write(said)


async def _caught_up(way: Way) -> None:
    """Until the index lacks less than what it waits for, and every export has every fact. Raises Failed."""
    journal, ends = way.databases / f"{MUNICIPALITY}.db", time.perf_counter() + _PATIENCE
    while time.perf_counter() < ends:
        facts = _one(journal, "SELECT max(seq) FROM fact")
        index = way.databases / f"{MUNICIPALITY}-search.db"
        indexed = way.name != _INDEX or facts - _one(index, "SELECT upto FROM goes") < SLICE
        if indexed and (way.name != _EXPORTS or _exported(way) >= facts):
            return
        await asyncio.sleep(0.1)
    raise Failed(f"{way.name}: what works beside the line did not catch up")


def _exported(way: Way) -> int:
    """How many facts the files of the export that has the fewest hold."""
    root = way.databases.parents[1]
    return min(
        sum(file.read_bytes().count(b"\n") for file in (root / form).iterdir() if file.suffix != ".tmp")
        for form in ("jsonl", "fhir")
    )


def _one(path: Path, question: str) -> int:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as tables:
        return int(tables.execute(question).fetchone()[0])
