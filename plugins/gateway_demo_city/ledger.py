"""The municipal system's own ledger: what it loads of what comes back, each state once (C196)."""

import sys
from typing import Final

from gateway_demo_city.day import Day

CITY_LEDGER: Final = "city_ledger"
"""Under the root: the folder of what the city has of its own."""


async def loaded(day: Day, act: str, *folder: str, given: bytes | None = None) -> dict[str, int]:
    """What the municipal system says of its ledger: `new` and `dropped` states of doses, and what stands there."""
    ledger = day.site.edges.folder(CITY_LEDGER) / "ledger.sqlite3"
    command = (sys.executable, "-m", "gateway_health_management.simulator", act, *folder, str(ledger))
    told = await day.stage.must(f"city_{act}", *command, given=given)
    return {name: int(number) for number, name in (line.split() for line in told.splitlines())}
