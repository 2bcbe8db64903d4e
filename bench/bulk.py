"""Bulk: a city file from its rename into `in/` until its last row has ended, and what that costs in each process."""

import json
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from bench import city_file
from bench.figures import Table
from bench.machine import Usage
from bench.town import Town, at_a_sink, at_the_record_system
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.stage import Process, gateway

WAYS: Final = ("on the line, one process", "on the line, split", "record system", "record system with keys")


@dataclass(slots=True)
class Bulk:
    """One case for each way and size of file; every sample has processes of its own, so that peaks are its own."""

    table: Table
    wrong: list[str]

    @classmethod
    def new(cls) -> "Bulk":
        """Nothing measured yet."""
        return cls(Table("Bulk: from a row of the CSV file to its end"), [])

    async def sample(self, way: str, count: int) -> None:
        """Send one file of so many rows. Raises Failed."""
        async with _town(way) as town:
            draft = city_file.draft(town.site, count)
            before = _usage(town)
            began = time.perf_counter()
            city_file.send(town.site, draft)
            await town.ended(count)
            seconds = time.perf_counter() - began
            after = _usage(town)
            sample = _sample(count, seconds, before, after) | await self._check(town, way, count)
            self.table.add(f"{count:,} rows, {way}", sample)

    async def _check(self, town: Town, way: str, count: int) -> dict[str, float]:
        """Whether every row is where it must be; then, of the stopped gateway, what its log holds and weighs."""
        accepted = city_file.accepted(town.site)
        told = {f"{accepted:,} rows are accepted": accepted == count}
        if town.outside is not None:
            held, keys = await town.outside.held(), await town.outside.keys()
            told[f"the record system holds {held['versions']:,} states"] = held["versions"] == count
            told[f"{keys['wanted']:,} keys are missing"] = keys["wanted"] == 0 or not town.asks_keys
            told[f"{keys['disputed']:,} keys are in dispute"] = keys["disputed"] == 0
        for each in reversed(town.gateways):
            await each.stop()
        status, out = await town.stage.run("verify", *gateway("log", "verify", "--root", str(town.log_root), "--json"))
        told[f"log verify ended with {status}"] = status == 0
        self.wrong += [f"{count:,} rows, {way}: {sentence}" for sentence, right in told.items() if not right]
        logs = {each["tenant"]: each for each in json.loads(out)} if status == 0 else {}
        journal = sum(file.stat().st_size for file in town.log_root.glob(f"state/journal/*{MUNICIPALITY}*"))
        facts = logs[MUNICIPALITY]["facts"] if MUNICIPALITY in logs else 0
        return {"facts": facts, "journal, MB per 1,000 records": journal / 1e6 / count * 1000}


def _town(way: str) -> AbstractAsyncContextManager[Town]:
    if way.startswith("on the line"):
        return at_a_sink(split=way.endswith("split"))
    return at_the_record_system(keys=way.endswith("keys"))


def _usage(town: Town) -> Mapping[Process, Usage]:
    return {each: Usage.of(each.child.pid) for each in (*town.gateways, *town.systems)}


def _sample(
    count: int, seconds: float, before: Mapping[Process, Usage], after: Mapping[Process, Usage]
) -> dict[str, float]:
    sample = {"records/s": count / seconds, "seconds": seconds}
    for process, was in before.items():
        now = after[process]
        sample |= {
            f"{process.name}: CPU, ms per 1,000": (now.cpu - was.cpu) / count * 1e6,
            f"{process.name}: memory at its peak, MB": now.peak,
        }
    return sample
