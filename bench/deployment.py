"""How the gateway stands while it is measured: in one process, or a hub and an edge for each zone."""

import asyncio
import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp

from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.site import Site
from gateway_demo_city.stage import Process, Stage, free_port, gateway

SOURCE_EDGE: Final = "individual_number_zone"
DESTINATION_EDGE: Final = "lgwan"
PUBLIC_EDGE: Final = "internet"
OFFLINE: Final = "offline"
"""Beside the roots of the processes: the one with all private keys, and the systems' certificates."""
_EXAMPLE: Final = "edge_per_zone"
_STARTED_AS: Final = {"gateway": "run", "hub": "hub"}
"""All others are edges."""
_PORT: Final = re.compile(r"(?m)^port = (\d+)$")


async def whole(stage: Stage) -> Mapping[str, Site]:
    """One root. Raises Failed."""
    return {"gateway": await Site.make(stage)}


async def split(stage: Stage, edges: Sequence[str] = (SOURCE_EDGE, DESTINATION_EDGE)) -> Mapping[str, Site]:
    """The roots of the hub and of the edges that a record goes through, with free ports. Raises Failed."""
    names = ("hub", *edges)
    await stage.must("init", *gateway("init", str(stage.root), "--tenant", MUNICIPALITY, "--example", _EXAMPLE))
    files = [stage.root / name / "config" / "gateway.toml" for name in names]
    texts = [file.read_text(encoding="utf-8") for file in files]
    ports = {port: str(free_port()) for text in texts for port in _PORT.findall(text)}
    for file, text in zip(files, texts, strict=True):
        file.write_text(re.sub("|".join(ports), lambda found: ports[found[0]], text), encoding="utf-8")
    return {name: Site.read(stage.root / name) for name in names}


async def started(stage: Stage, sites: Mapping[str, Site]) -> tuple[Process, ...]:
    """Until each says that it is ready: the hub is, once its edges are. Raises Failed."""
    processes = [
        await stage.start(name, *gateway(_STARTED_AS.get(name, "edge"), "--root", str(site.root)))
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
