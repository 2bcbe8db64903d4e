"""Where everything is measured: a new site with a record system and a gateway, two processes in a scratch folder."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from gateway_demo_city.city import Row, rows
from gateway_demo_city.faults import GOOD
from gateway_demo_city.outside import Outside
from gateway_demo_city.site import Site
from gateway_demo_city.stage import Process, Stage, gateway, until

_SEED: Final = 1
_RESIDENTS: Final = 10_000_000
"""More than any file here has; always the same, because a city's size decides which of its rows are bad."""
_ROWS_PER_SECOND_AT_LEAST: Final = 200


@dataclass(frozen=True, slots=True)
class Scene:
    """Both processes are ready and have nothing to do."""

    stage: Stage
    site: Site
    records: Process
    records_port: int
    daemon: Process
    outside: Outside

    def draft(self, count: int) -> Path:
        """Write a city file beside the folders of the exchange folder, where nobody takes it."""
        file = self.site.exchange / "city.draft"
        with file.open("wb", buffering=1 << 20) as out:
            out.write(self.site.form.header() + b"\r\n")
            out.writelines(row.line + b"\r\n" for row in good_rows(count))
        return file

    def status(self) -> Path:
        """Where the status file of `city.csv` will be."""
        return self.site.exchange / "status" / "city.status.csv"

    async def ended(self, count: int) -> None:
        """Until the status file is there, which is written once, when the last row has ended. Raises Failed."""
        awaited = self.status().exists
        running = self.daemon.running
        await until(lambda: running("the status file") and awaited(), 60 + count / _ROWS_PER_SECOND_AT_LEAST)


def good_rows(count: int) -> Iterator[Row]:
    """So many rows of a made-up city, each of which must be accepted; a shorter city is the beginning of a longer."""
    return islice((row for row in rows(_RESIDENTS, _SEED) if row.kind == GOOD.kind), count)


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
