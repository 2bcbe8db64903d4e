"""How the conformance suite meets this connector: the simulator beside it, and made-up keys that it asks for."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from gateway.plugin.testing import Place, Subject, started


class HistoryLookup(Subject):
    """It has no effect on the system: it asks, and the same key has the same ID5."""

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[str]:
        """The simulator knows every key."""
        command = (sys.executable, "-m", "gateway_history_lookup.simulator", str(_configuration(place)))
        async with started(*command) as said:
            yield f"https://127.0.0.1:{said['port']}"

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        """As a tenant's."""
        return {"base_url": address, "tls": asdict(place.connector)}

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        """Whose ID5 is asked for."""
        return {"pmh_key": f"PMHKEY-MADEUP-{person:04d}"}


def _configuration(place: Place) -> Path:
    file = place.folder / "history_lookup.toml"
    tls = place.system
    file.write_text(
        f'data = "registers"\nclients = ["{place.fingerprint.removeprefix("sha256:")}"]\n'
        f'[tls]\ncertificate = "{tls.certificate}"\nkey = "{tls.key}"\nca = "{tls.ca}"\n',
        encoding="utf-8",
    )
    return file
