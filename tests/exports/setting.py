"""Exports over a journal of their own, with what they need."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gateway.config import Config
from gateway.hub.exports import Exports
from gateway.hub.journal import FactKind, Journal
from gateway.observe import Telemetry, configure
from gateway.wiring.exporting import exporting
from tests.exports.collector import Collector
from tests.flow.site import Site
from tests.journal.builders import AT, TENANT, open_journal

FILES = {"certificate": "keys/tls/office.crt", "key": "keys/tls/office.key", "ca": "keys/tls/ca.crt"}


def to_syslog(collector: Collector, **changes: Any) -> dict[str, Any]:
    receiver = {"host": "localhost", "port": collector.port, **FILES}
    return {"name": "siem", "form": "syslog", "tenants": [TENANT], "syslog": receiver} | changes


def to_folder(path: Path, **changes: Any) -> dict[str, Any]:
    path.mkdir(exist_ok=True)
    return {"name": "copies", "form": "jsonl", "tenants": [TENANT], "folder": str(path)} | changes


def lines(folder: Path) -> list[dict[str, Any]]:
    """The whole lines of all files, in the order of their names; behind the last there may be one still to be."""
    texts = (file.read_text().rpartition("\n")[0] for file in sorted(folder.iterdir()))
    return [json.loads(line) for text in texts for line in text.splitlines()]


def seqs(folder: Path) -> list[int]:
    return [each["fact"]["seq"] for each in lines(folder)]


@dataclass
class Setting:
    site: Site
    journal: Journal
    exports: Exports
    telemetry: Telemetry
    printed: io.StringIO

    def configured(self, *wanted: dict[str, Any]) -> Config:
        file = type(self.site.config.gateway).model_validate(
            self.site.config.gateway.model_dump() | {"exports": list(wanted)}
        )
        return replace(self.site.config, gateway=file)

    def adopt(self, *wanted: dict[str, Any]) -> None:
        """As a reload does."""
        self.exports.adopt(exporting(self.configured(*wanted)))

    async def write(self, count: int, at: str = AT) -> None:
        for number in range(count):
            await self.journal.fact(FactKind.NOISE_COUNTED, {"listener": "municipal", "count": number}, at=at)

    def behind(self, name: str) -> float | None:
        return self.telemetry.registry.get_sample_value("renkei_export_behind", {"export": name, "tenant": TENANT})

    def told(self) -> list[tuple[str, str | None]]:
        """What telemetry said of exports, with the cause."""
        told = map(json.loads, self.printed.getvalue().splitlines())
        return [(each["event"], each.get("cause")) for each in told if each["event"].startswith("export.")]


@asynccontextmanager
async def running(site: Site, folder: Path) -> AsyncIterator[Setting]:
    """Once more over the same folder is a restart."""
    printed = io.StringIO()
    telemetry, journal = Telemetry(configure(printed)), open_journal(folder / f"{TENANT}.db")
    exports = Exports(lambda: {TENANT: journal}, folder / "places", telemetry)
    try:
        yield Setting(site, journal, exports, telemetry, printed)
    finally:
        await exports.stop()
        journal.close()


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  (what comes true is another's doing, and sets no event)
            await asyncio.sleep(0.005)
