"""The research database as the conformance suite meets it: the simulator, which takes doses of anybody."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from gateway.plugin import JsonValue
from gateway.plugin.testing import MadeUp, Place, Subject, ask, started
from gateway_vaccination_db.interface import INTERFACE

_MADE_UP: Final = MadeUp(INTERFACE)


class VaccinationDb(Subject):
    """An effect is a dose that the database has, or had."""

    _place: Place

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[str]:
        self._place = place
        command = (sys.executable, "-m", "gateway_vaccination_db.simulator", str(_configured(place)))
        async with started(*command) as said:
            yield f"https://127.0.0.1:{said['port']}"

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        return {"base_url": address, "tls": asdict(place.connector)}

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        return _MADE_UP.record(direction, operation, person)

    async def effects(self, address: str) -> int:
        counts = await ask(self._place, "GET", f"{address}/v1/doses/count")
        return int(counts["doses"] + counts["deleted"])


def _configured(place: Place) -> Path:
    file = place.folder / "vaccination_db.toml"
    tls = place.system
    file.write_text(
        f'data = "doses.sqlite3"\nclients = ["{place.fingerprint.removeprefix("sha256:")}"]\n'
        f'[tls]\ncertificate = "{tls.certificate}"\nkey = "{tls.key}"\nca = "{tls.ca}"\n',
        encoding="utf-8",
    )
    return file
