"""Where bulk is measured: a new site, its gateway in one process or several, and what its records end at.

At a sink that takes everything it is the line alone that is measured; at the record system, also what a row costs
there; with keys, also that a PMH key is asked and kept for each number.
"""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp

from bench.machine import module
from bench.scene import good_rows
from gateway_demo_city.keys import Pmh, all_issued
from gateway_demo_city.outside import Outside
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.report import read_status
from gateway_demo_city.site import Site
from gateway_demo_city.stage import Process, Stage, free_port, gateway, until

_ROWS_PER_SECOND_AT_LEAST: Final = 200
_SOURCE_EDGE: Final = "individual_number_zone"
_EXAMPLE: Final = "edge_per_zone"
_SPLIT: Final = {"hub": "hub", _SOURCE_EDGE: "edge", "lgwan": "edge"}
"""The processes of the example `edge_per_zone` that a file goes through, and what each is started as."""
_PORT: Final = re.compile(r"(?m)^port = (\d+)$")


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

    def draft(self, count: int) -> Path:
        """Write a city file beside the folders of the exchange folder, where nobody takes it."""
        file = self.site.exchange / "city.draft"
        with file.open("wb", buffering=1 << 20) as out:
            out.write(self.site.form.header() + b"\r\n")
            out.writelines(row.line + b"\r\n" for row in good_rows(count))
        return file

    async def ended(self, count: int) -> None:
        """Until the status file is there, and no number wants a key any more. Raises Failed."""
        awaited = self._status().exists
        await until(lambda: self._running() and awaited(), 60 + count / _ROWS_PER_SECOND_AT_LEAST)
        if self.asks_keys and self.outside is not None:
            await all_issued(self.outside, self.gateways[0], count)

    def accepted(self) -> int:
        """How many rows the status file says are accepted."""
        return sum(ending.ending == "accepted" for _, ending in read_status(self._status(), self.site.form.codec))

    def _status(self) -> Path:
        return self.site.exchange / "status" / "city.status.csv"

    def _running(self) -> bool:
        return all(process.running("the status file") for process in (*self.gateways, *self.systems))


@asynccontextmanager
async def at_a_sink(*, split: bool) -> AsyncIterator[Town]:
    """Made anew and thrown away. Raises Failed."""
    async with _stage() as stage:
        sites = await (_split(stage) if split else _whole(stage))
        sink, port = await _sink(stage, stage.root / "offline" if split else stage.root)
        for site in sites.values():
            site.point_at(port)
        gateways = await _started(stage, sites)
        source, log = (sites[_SOURCE_EDGE], sites["hub"]) if split else (sites["gateway"], sites["gateway"])
        yield Town(stage, source, log.root, gateways, (sink,))


@asynccontextmanager
async def at_the_record_system(*, keys: bool) -> AsyncIterator[Town]:
    """The same with a record system, and PMH beside it if keys are to be asked for. Raises Failed."""
    async with _stage() as stage:
        sites = await _whole(stage)
        (site,) = sites.values()
        service = (sys.executable, "-m", "gateway_vaccination_records.record_system")
        records = await stage.start("record system", *service, "--config", str(site.record_system()))
        port = int((await records.first_line())["port"])
        site.point_at(port)
        pmh = [(await Pmh.start(stage, site, {})).process] if keys else []
        gateways = await _started(stage, sites)
        async with Outside(site, port) as outside:
            yield Town(stage, site, site.root, gateways, (records, *pmh), outside, keys)


@asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    with TemporaryDirectory(prefix="renkei-bench-") as folder:
        async with Stage(Path(folder)) as stage:
            yield stage


async def _whole(stage: Stage) -> Mapping[str, Site]:
    return {"gateway": await Site.make(stage)}


async def _split(stage: Stage) -> Mapping[str, Site]:
    """Each process's root, with free ports wherever the example names one."""
    await stage.must("init", *gateway("init", str(stage.root), "--tenant", MUNICIPALITY, "--example", _EXAMPLE))
    files = [stage.root / name / "config" / "gateway.toml" for name in _SPLIT]
    texts = [file.read_text(encoding="utf-8") for file in files]
    ports = {port: str(free_port()) for text in texts for port in _PORT.findall(text)}
    for file, text in zip(files, texts, strict=True):
        file.write_text(re.sub("|".join(ports), lambda found: ports[found[0]], text), encoding="utf-8")
    return {name: Site.read(stage.root / name) for name in _SPLIT}


async def _sink(stage: Stage, root: Path) -> tuple[Process, int]:
    sink = await stage.start("sink", *module("bench.sink", str(root / "keys" / "tls")))
    await until(lambda: sink.running("the sink") and b"\n" in sink.out.read_bytes())
    return sink, int(sink.out.read_bytes().splitlines()[0])


async def _started(stage: Stage, sites: Mapping[str, Site]) -> tuple[Process, ...]:
    """Until each says that it is ready: the hub is, once its edges are. Raises Failed."""
    processes = [
        await stage.start(name, *gateway(_SPLIT.get(name, "run"), "--root", str(site.root)))
        for name, site in sites.items()
    ]
    async with aiohttp.ClientSession() as session:
        for process, site in zip(processes, sites.values(), strict=True):
            await _ready(session, process, site)
    return tuple(processes)


async def _ready(session: aiohttp.ClientSession, process: Process, site: Site) -> None:
    address, tls = site.admin()
    while process.running("readiness"):
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"{address}/readyz", ssl=tls) as response:
                if response.status == 200:
                    return
        await asyncio.sleep(0.05)
