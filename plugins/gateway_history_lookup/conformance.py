"""The inquiry system as the conformance suite meets it: the simulator, which knows every key."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from gateway.plugin import JsonValue
from gateway.plugin.testing import MadeUp, Place, Subject, started
from gateway_history_lookup.interface import INTERFACE

_MADE_UP: Final = MadeUp(INTERFACE)


class HistoryLookup(Subject):
    """Deliveries have no effect: the same key has the same ID5, however often it is asked for."""

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[str]:
        command = (sys.executable, "-m", "gateway_history_lookup.simulator", str(_configured(place)))
        async with started(*command) as said:
            yield f"https://127.0.0.1:{said['port']}"

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        return {"base_url": address, "tls": asdict(place.connector)}

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        return _MADE_UP.record(direction, operation, person)


def _configured(place: Place) -> Path:
    file = place.folder / "history_lookup.toml"
    tls = place.system
    file.write_text(
        f'data = "registers"\nclients = ["{place.fingerprint.removeprefix("sha256:")}"]\n'
        f'[tls]\ncertificate = "{tls.certificate}"\nkey = "{tls.key}"\nca = "{tls.ca}"\n',
        encoding="utf-8",
    )
    return file
