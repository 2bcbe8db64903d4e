"""Where everything is measured: a new site with a record system and a gateway, two processes in a scratch folder."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway_demo_city.outside import Outside
from gateway_demo_city.site import Site
from gateway_demo_city.stage import Process, Stage, gateway


@dataclass(frozen=True, slots=True)
class Scene:
    """Both processes are ready and have nothing to do."""

    stage: Stage
    site: Site
    records: Process
    records_port: int
    daemon: Process
    outside: Outside


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """Made anew and thrown away, so that nothing of one measurement is left for the next. Raises Failed."""
    with TemporaryDirectory(prefix="renkei-bench-") as folder:
        async with Stage(Path(folder)) as stage:
            site = await Site.make(stage)
            service = (sys.executable, "-m", "gateway_vaccination_records.record_system")
            records = await stage.start("record_system", *service, "--config", str(site.record_system()))
            port = int((await records.first_line())["port"])
            site.point_at(port)
            daemon = await stage.start("gateway", *gateway("run", "--root", str(stage.root)))
            async with Outside(site, port) as outside:
                await outside.ready(daemon)
                yield Scene(stage, site, records, port, daemon, outside)
