"""Bulk: a city file from its rename into `in/` until its status file is there, and what that costs."""

import json
import time
from dataclasses import dataclass

from bench.figures import Table
from bench.machine import Usage
from bench.scene import Scene, scene
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.stage import gateway


@dataclass(slots=True)
class Bulk:
    """One case for each size of file; every sample has processes of its own, so that peaks of memory are its own."""

    table: Table
    wrong: list[str]

    @classmethod
    def new(cls) -> "Bulk":
        """Nothing measured yet."""
        return cls(Table("Bulk: from a row of the CSV file to a row of the record system"), [])

    async def sample(self, count: int) -> None:
        """Send one file of so many rows. Raises Failed."""
        async with scene() as here:
            draft = here.draft(count)
            before = _usage(here)
            began = time.perf_counter()
            draft.rename(here.site.exchange / "in" / "city.csv")
            await here.ended(count)
            seconds = time.perf_counter() - began
            after = _usage(here)
            log = await self._check(here, count)
            self.table.add(f"{count:,} rows", _sample(count, seconds, before, after) | log)

    async def _check(self, here: Scene, count: int) -> dict[str, float]:
        """Whether every row is where it must be; then, of the stopped gateway, what its log holds and weighs."""
        held = await here.outside.held()
        await here.daemon.stop()
        status, out = await here.stage.run(
            "verify", *gateway("log", "verify", "--root", str(here.stage.root), "--json")
        )
        logs = {each["tenant"]: each for each in json.loads(out)} if status == 0 else {}
        told = {
            f"{here.accepted():,} rows are accepted": here.accepted() == count,
            f"the record system holds {held['versions']:,} states": held["versions"] == count,
            f"log verify ended with {status}": status == 0,
        }
        self.wrong += [f"{count:,} rows: {sentence}" for sentence, right in told.items() if not right]
        facts = logs[MUNICIPALITY]["facts"] if MUNICIPALITY in logs else 0
        journal = sum(file.stat().st_size for file in here.stage.root.glob(f"state/journal/*{MUNICIPALITY}*"))
        return {"facts": facts, "journal, MB per 1,000 records": journal / 1e6 / count * 1000}


def _usage(here: Scene) -> tuple[Usage, Usage]:
    return Usage.of(here.daemon.child.pid), Usage.of(here.records.child.pid)


def _sample(count: int, seconds: float, before: tuple[Usage, Usage], after: tuple[Usage, Usage]) -> dict[str, float]:
    sample = {"records/s": count / seconds, "seconds": seconds}
    for name, was, now in zip(("gateway", "record system"), before, after, strict=True):
        sample |= {
            f"{name}: CPU seconds": now.cpu - was.cpu,
            f"{name}: memory when idle, MB": was.memory,
            f"{name}: memory at its peak, MB": now.peak,
            f"{name}: written to disk, MB": now.written - was.written,
        }
    return sample
