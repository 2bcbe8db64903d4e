"""The ways that a message can go from the same sender to the same sink: two floors, and the gateway as it is deployed.

A further deployment is one more maker in `WAYS`: it starts its processes and says where to send and what has ended.
"""

import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bench.deployment import DESTINATION_EDGE, OFFLINE, SOURCE_EDGE, split, started
from bench.machine import Usage, module
from gateway_demo_city.outside import Outside
from gateway_demo_city.site import DESTINATION, Site
from gateway_demo_city.stage import Process, Stage, gateway


@dataclass(frozen=True, slots=True)
class Ground:
    """What all ways share: a site whose connector speaks to the sink, its certificates, and the sink's port."""

    stage: Stage
    site: Site
    sink_port: int

    @property
    def tls(self) -> Path:
        """The folder of certificates and keys."""
        return self.site.root / "keys" / "tls"


@dataclass(frozen=True, slots=True)
class Way:
    """One of them, ready. `concluded` says how many messages have reached the sink and have nothing left to do."""

    name: str
    url: str
    tls: ssl.SSLContext
    processes: tuple[Process, ...]
    databases: Path
    concluded: Callable[[], Awaitable[int]]

    def usage(self) -> Usage:
        """Of all its processes together, since their start."""
        each = [Usage.of(process.child.pid) for process in self.processes]
        cpu, memory, peak, written = (
            sum(values) for values in zip(*((u.cpu, u.memory, u.peak, u.written) for u in each), strict=True)
        )
        return Usage(cpu, memory, peak, written)

    def commits(self) -> int:
        """How many transactions its databases have committed since they were opened."""
        return commits(self.databases)


def commits(databases: Path) -> int:
    """How many transactions the databases of a folder have committed since they were opened.

    Read from SQLite's own index of each WAL: the native u32 at byte 8, `iChange`. In WAL mode with synchronous=FULL
    each commit is one fdatasync of the WAL; moving the WAL into the database, once in 64 MB, would be two more.
    """
    return sum(int.from_bytes(file.read_bytes()[8:12], sys.byteorder) for file in databases.glob("*-shm"))


Maker: TypeAlias = Callable[[Ground], AbstractAsyncContextManager[Way]]


def floor(name: str, relay: str) -> Maker:
    """A maker of a relay of `bench.floors`."""

    @asynccontextmanager
    async def made(ground: Ground) -> AsyncIterator[Way]:
        folder = ground.stage.root / relay
        folder.mkdir()
        database, sink = folder / "relay.db", f"https://localhost:{ground.sink_port}/v1/subjects"
        options = ("--tls", str(ground.tls), "--database", str(database), "--sink", sink)
        process = await ground.stage.start(relay, *module(f"bench.floors.{relay}", *options))
        url = f"https://127.0.0.1:{(await process.first_line())['port']}"
        tls = ground.site.line()[1]
        async with aiohttp.ClientSession() as session:

            async def concluded() -> int:
                async with session.get(f"{url}/concluded", ssl=tls) as response:
                    return int(await response.json())

            yield Way(name, url, tls, (process,), folder, concluded)

    return made


@asynccontextmanager
async def one_process(ground: Ground) -> AsyncIterator[Way]:
    """`gateway run`."""
    process = await ground.stage.start("gateway", *gateway("run", "--root", str(ground.site.root)))
    async with Outside(ground.site, ground.sink_port) as outside, aiohttp.ClientSession() as session:
        await outside.ready(process)
        line, tls = ground.site.line()
        admin, operator = ground.site.admin()
        journals = ground.site.root / "state" / "journal"

        async def concluded() -> int:
            async with session.get(f"{admin}/metrics", ssl=operator) as response:
                return ended_records(await response.text())

        yield Way("line, one process", f"{line}/subject.register", tls, (process,), journals, concluded)


@asynccontextmanager
async def edge_per_zone(ground: Ground) -> AsyncIterator[Way]:
    """`gateway hub` and the two edges that a message goes through."""
    async with Stage(ground.stage.root / "zones") as stage:
        sites = await split(stage)
        there = sites[DESTINATION_EDGE]
        there.point_at(ground.sink_port)
        known_to_the_sink(there.root / "keys" / "tls", ground.tls)
        processes = await started(stage, sites)
        line, tls = sites[SOURCE_EDGE].line(stage.root / OFFLINE)
        admin, operator = sites["hub"].admin()
        async with aiohttp.ClientSession() as session:

            async def concluded() -> int:
                async with session.get(f"{admin}/metrics", ssl=operator) as response:
                    return ended_records(await response.text())

            journals = sites["hub"].root / "state" / "journal"
            yield Way("line, edge per zone", f"{line}/subject.register", tls, processes, journals, concluded)


def known_to_the_sink(here: Path, sinks: Path) -> None:
    """Another site's authority has certified the sink: speak as its connector does, and trust it too."""
    for name in (f"{DESTINATION}.crt", f"{DESTINATION}.key"):
        (here / name).write_bytes((sinks / name).read_bytes())
    with (here / "ca.crt").open("ab") as trusted:
        trusted.write((sinks / "ca.crt").read_bytes())


def ended_records(metrics: str) -> int:
    """How many records have ended at the sink, by a gateway's own count: each when its outcome is recorded."""
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "renkei_records_total"
        and sample.labels["destination"] == DESTINATION
        and sample.labels["outcome"] != "deferred"
    )


BARE: Final = "bare relay"
MANDATED: Final = "mandated relay"
WAYS: Final[tuple[Maker, ...]] = (floor(BARE, "bare"), floor(MANDATED, "mandated"), one_process, edge_per_zone)
"""The floors first; then every deployment of the gateway."""
