"""A resident's query of own records by way of the portal, beside the same question put to the record system directly.

Through the line it is TLS in at the internet edge, the sealed hop to the record system's edge, and the same back; the
hub, both edges and the record system are processes of their own. Directly it is one request and reply over the same
TLS by the same client. Both take turns in the same run, so that what they share cancels out of the ratio.
"""

import asyncio
import random
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self, TypeAlias

import aiohttp

from bench.deployment import DESTINATION_EDGE, OFFLINE, PUBLIC_EDGE, SOURCE_EDGE, split, started
from bench.figures import Table, percentile
from bench.machine import Usage
from bench.residents import DUE, HAD, NOTICES, Provider, TownHall, pseudonym
from bench.ways import commits
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.site import Site
from gateway_demo_city.stage import Process, Stage, client_tls

_CONNECTOR: Final = "myna_portal"
_RESIDENTS: Final = 200
_AT_ONCE: Final = 16
_PAUSE: Final = 0.005
"""Seconds between queries at low load, so that none meets what is left to do for the one before."""
_DIRECTLY, _LINE = "directly", "through the line"
_FULL, _CPU = f"queries/s, {_AT_ONCE} at a time", "CPU, ms a query, all processes"
_Ask: TypeAlias = Callable[[str], Awaitable[bool]]


@dataclass(slots=True)
class Queries:
    """One case for each way of asking."""

    table: Table
    wrong: list[str]

    @classmethod
    def new(cls) -> Self:
        """Nothing measured yet."""
        told = f"A resident's query by way of the portal: {DUE} doses due, {HAD} had, {NOTICES} notices"
        return cls(Table(told), [])

    async def rounds(self, rounds: int, seconds: float, singles: int) -> None:
        """Each way in turn, round by round: `singles` one at a time, as many as go through for `seconds`, and, for
        twice as long, half of what the line was seen to carry before: both bear the same half load. Raises Failed.
        """
        async with _portal() as ways:
            carried = {way.name: _rate(await _full(way.ask, seconds)) for way in ways}  # also connections, caches
            for number in range(rounds):
                first = number % len(ways)  # nobody is always first
                turn, half = (*ways[first:], *ways[:first]), carried[_LINE] / 2
                turns = {way.name: await self._turn(way, singles, seconds, half) for way in turn}
                carried = {name: sample[_FULL] for name, sample in turns.items()}
                self._add(turns)

    async def _turn(self, way: "_Way", singles: int, seconds: float, half: float) -> dict[str, float]:
        commits = way.commits()
        low = await _one_by_one(way.ask, singles)
        commits = way.commits() - commits
        cpu = way.cpu()
        full = await _full(way.ask, seconds)
        cpu = way.cpu() - cpu
        paced = await _paced(way.ask, half, seconds * 2)
        if wrong := sum(each.wrong for each in (low, full, paced)):
            self.wrong.append(f"a query {way.name}: {wrong:,} answers are missing or not right")
        sample = {
            _FULL: _rate(full),
            _CPU: cpu / len(full.took) * 1e3,
            "hub's commits a query at low load": commits / singles,
        }
        for load, seen in (("low load", low), ("half load", paced)):
            sample |= {f"{load}: p{share}, ms": percentile(seen.took, share / 100) * 1e3 for share in (50, 99)}
        return sample | {"half load: p99, times its p50 (goal: 3)": _spread(paced)}

    def _add(self, turns: Mapping[str, dict[str, float]]) -> None:
        """One round's samples; the line's also beside the direct way's of the same round."""
        direct, line = turns[_DIRECTLY], turns[_LINE]
        beside = {
            f"{load}: p50, times the direct one's{goal}": line[f"{load}: p50, ms"] / direct[f"{load}: p50, ms"]
            for load, goal in (("low load", " (goal: 2.5)"), ("half load", ""))
        }
        beside["CPU, times the direct one's"] = line[_CPU] / direct[_CPU]
        self.table.add(_DIRECTLY, direct)
        self.table.add(_LINE, line | beside)


@dataclass(frozen=True, slots=True)
class _Way:
    """One of them, ready; and what it costs in its processes, the record system included."""

    name: str
    ask: _Ask
    processes: tuple[Process, ...]
    journals: Path | None = None

    def cpu(self) -> float:
        """Seconds, of all processes since their start."""
        return sum(Usage.of(process.child.pid).cpu for process in self.processes)

    def commits(self) -> int:
        """Of the hub's journals."""
        return commits(self.journals) if self.journals is not None else 0


@dataclass(slots=True)
class _Seen:
    """Seconds of each query, how many were not answered right, and seconds of the whole."""

    took: list[float]
    wrong: int = 0
    seconds: float = 0.0


async def _one_by_one(ask: _Ask, count: int) -> _Seen:
    seen = _Seen([])
    persons = _persons()
    for _ in range(count):
        await _asked(ask, next(persons), seen, time.perf_counter())
        await asyncio.sleep(_PAUSE)
    return seen


async def _full(ask: _Ask, seconds: float) -> _Seen:
    """As many as go through, always so many under way."""
    seen, persons, began = _Seen([]), _persons(), time.perf_counter()

    async def one_after_the_other() -> None:
        while time.perf_counter() - began < seconds:
            await _asked(ask, next(persons), seen, time.perf_counter())

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(one_after_the_other())
    seen.seconds = time.perf_counter() - began
    return seen


async def _paced(ask: _Ask, rate: float, seconds: float) -> _Seen:
    """So many a second on the average, at chance times (a Poisson process, always the same), whoever else is waiting:
    residents do not wait for each other. A query's time begins when it was to be put.
    """
    seen, persons, chance = _Seen([]), _persons(), random.Random(1)
    began = due = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        while (due := due + chance.expovariate(rate)) < began + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(_asked(ask, next(persons), seen, due))
    return seen


async def _asked(ask: _Ask, person: str, seen: _Seen, began: float) -> None:
    try:
        right = await ask(person)
    except (aiohttp.ClientError, TimeoutError):
        right = False
    seen.took.append(time.perf_counter() - began)
    seen.wrong += not right


def _persons() -> Iterator[str]:
    return cycle([pseudonym(each) for each in range(1, _RESIDENTS + 1)])


def _rate(seen: _Seen) -> float:
    return len(seen.took) / seen.seconds


def _spread(seen: _Seen) -> float:
    return percentile(seen.took, 0.99) / percentile(seen.took, 0.50)


@asynccontextmanager
async def _portal() -> AsyncIterator[tuple[_Way, ...]]:
    """Both ways of asking, over processes that are ready, about residents whom the record system holds."""
    with TemporaryDirectory(prefix="renkei-bench-") as folder:
        async with Stage(Path(folder)) as stage:
            sites = await split(stage, (SOURCE_EDGE, DESTINATION_EDGE, PUBLIC_EDGE))
            whole, public = Site.read(stage.root / OFFLINE), sites[PUBLIC_EDGE]
            service = (sys.executable, "-m", "gateway_vaccination_records.record_system")
            records = await stage.start("record system", *service, "--config", str(whole.record_system()))
            port = int((await records.first_line())["port"])
            for site in sites.values():
                site.point_at(port)
            provider = Provider.make(public.root, public.tenant["connectors"][_CONNECTOR]["settings"])
            gateways = await started(stage, sites)
            timeout, connector = aiohttp.ClientTimeout(total=30), aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
                hall = TownHall(session, *whole.records(port))
                await hall.move_in(range(1, _RESIDENTS + 1))
                line = _through_the_line(session, *_entrance(public, whole), provider)
                journals = sites["hub"].root / "state" / "journal"
                yield (
                    _Way(_DIRECTLY, _directly(hall), (records,)),
                    _Way(_LINE, line, (records, *gateways), journals),
                )


def _entrance(public: Site, whole: Site) -> tuple[str, ssl.SSLContext]:
    """Where the portal's server asks, and its identity."""
    listener = public.gateway["listeners"][0]
    certificate = whole.root / whole.tenant["connectors"][_CONNECTOR]["certificates"][0]
    identity = client_tls(public.root / listener["client_ca"], certificate, certificate.with_suffix(".key"))
    return f"https://{listener['host']}:{listener['port']}/v1/{MUNICIPALITY}/{_CONNECTOR}", identity


def _through_the_line(session: aiohttp.ClientSession, url: str, tls: ssl.SSLContext, provider: Provider) -> _Ask:
    """As the portal's server asks in a resident's session (R09)."""
    sessions = {person: provider.token(person) for person in (pseudonym(n) for n in range(1, _RESIDENTS + 1))}

    async def ask(person: str) -> bool:
        question, proof = [{"pmh_pseudonym_id": person}], {"Renkei-Proof": sessions[person]}
        async with session.post(f"{url}/record.query", json=question, headers=proof, ssl=tls) as response:
            answer = await response.json()
            return response.status == 200 and _is_whole(answer["replies"][0], person)

    return ask


def _directly(hall: TownHall) -> _Ask:
    """As the connector `vaccination_records` asks."""

    async def ask(person: str) -> bool:
        question = {"rows": [{"index": 0, "record": {"pmh_pseudonym_id": person}}]}
        async with hall.session.post(f"{hall.url}/v1/residents/records", json=question, ssl=hall.tls) as response:
            answer = await response.json()
            return response.status == 200 and _is_whole(answer["rows"][0], person)

    return ask


def _is_whole(reply: Mapping[str, Any], person: str) -> bool:
    """Whether it answers for that person, with all that is held."""
    record = reply.get("record", {})
    counts = tuple(len(record.get(name, ())) for name in ("due", "records", "notices"))
    return record.get("pmh_pseudonym_id") == person and counts == (DUE, HAD, NOTICES)
