"""Where bulk is measured: a new site, its gateway in one process or several, and what its records end at.

At a sink that takes everything it is the line alone that is measured; at the record system, also what a row costs
there; with keys, also that a PMH key is asked and kept for each number.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import city_file, deployment
from bench.deployment import OFFLINE, SOURCE_EDGE, started, whole
from bench.machine import module
from gateway_demo_city.keys import Pmh, all_issued
from gateway_demo_city.outside import Outside
from gateway_demo_city.site import Site
from gateway_demo_city.stage import Process, Stage, until


@dataclass(frozen=True, slots=True)
class Town:
    """All processes are ready and have nothing to do. `site` is where the municipal system's folder is."""

    stage: Stage
    site: Site
    log_root: Path
    gateways: tuple[Process, ...]
    systems: tuple[Process, ...]
    outside: Outside | None = None
    asks_keys: bool = False

    async def ended(self, count: int) -> None:
        """Until the status file is there, and no number wants a key any more. Raises Failed."""
        await city_file.ended(self.site, self._running, count)
        if self.asks_keys and self.outside is not None:
            await all_issued(self.outside, self.gateways[0], count)

    def _running(self, awaited: str) -> bool:
        return all(process.running(awaited) for process in (*self.gateways, *self.systems))


@asynccontextmanager
async def at_a_sink(*, split: bool) -> AsyncIterator[Town]:
    """Made anew and thrown away. Raises Failed."""
    async with _stage() as stage:
        sites = await (deployment.split(stage) if split else whole(stage))
        sink, port = await _sink(stage, stage.root / OFFLINE if split else stage.root)
        for site in sites.values():
            site.point_at(port)
        gateways = await started(stage, sites)
        source, log = (sites[SOURCE_EDGE], sites["hub"]) if split else (sites["gateway"], sites["gateway"])
        yield Town(stage, source, log.root, gateways, (sink,))


@asynccontextmanager
async def at_the_record_system(*, keys: bool) -> AsyncIterator[Town]:
    """The same with a record system, and PMH beside it if keys are to be asked for. Raises Failed."""
    async with _stage() as stage:
        sites = await whole(stage)
        (site,) = sites.values()
        service = (sys.executable, "-m", "gateway_vaccination_records.record_system")
        records = await stage.start("record system", *service, "--config", str(site.record_system()))
        port = int((await records.first_line())["port"])
        site.point_at(port)
        pmh = [(await Pmh.start(stage, site, {})).process] if keys else []
        gateways = await started(stage, sites)
        async with Outside(site, port) as outside:
            yield Town(stage, site, site.root, gateways, (records, *pmh), outside, keys)


@asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    with TemporaryDirectory(prefix="renkei-bench-") as folder:
        async with Stage(Path(folder)) as stage:
            yield stage


async def _sink(stage: Stage, root: Path) -> tuple[Process, int]:
    sink = await stage.start("sink", *module("bench.sink", str(root / "keys" / "tls")))
    await until(lambda: sink.running("the sink") and b"\n" in sink.out.read_bytes())
    return sink, int(sink.out.read_bytes().splitlines()[0])
