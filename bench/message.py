"""What a message costs: one record each, through the whole line and through the floors, in rounds that take turns.

What is nobody's merit or fault (the machine, its other work) hits all of a round alike and cancels out of the ratios.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from bench.figures import Table, percentile
from bench.load import CONCURRENT, Sender, Slice
from bench.sink import Sink
from bench.ways import BARE, MANDATED, WAYS, Ground, Way
from gateway_demo_city.site import Site
from gateway_demo_city.stage import Stage

_Sample: TypeAlias = dict[str, float]
_CPU = "CPU seconds per 1,000"
_FULL, _LOW = f"{CONCURRENT} at a time", "1 at a time"


@dataclass(slots=True)
class Messages:
    """One case for each way."""

    table: Table
    wrong: list[str]

    @classmethod
    def new(cls) -> "Messages":
        """Nothing measured yet."""
        return cls(Table("What a message costs: one record each, from mutual TLS to mutual TLS"), [])

    async def rounds(self, rounds: int, seconds: float, singles: int) -> None:
        """Each way in turn, round by round: `singles` one at a time, then full load for `seconds`. Raises Failed."""
        async with AsyncExitStack() as stack:
            ground, sink = await _ground(stack)
            ways = [await stack.enter_async_context(make(ground)) for make in WAYS]
            sender = await stack.enter_async_context(Sender.ready(sink))
            for way in ways:  # connections, caches
                await sender.full(way, seconds)
            for number in range(rounds):
                first = number % len(ways)  # nobody is always first
                turns = {way.name: await self._turn(sender, way, seconds, singles) for way in _rotated(ways, first)}
                self._add(ways, turns)

    async def _turn(self, sender: Sender, way: Way, seconds: float, singles: int) -> _Sample:
        low = await sender.low(way, singles)
        before, commits = way.usage(), way.commits()
        full = await sender.full(way, seconds)
        after, thousands = way.usage(), len(full.through) / 1000
        if lost := low.lost + full.lost:
            self.wrong.append(f"{way.name}: {lost:,} messages were not taken or did not come through")
        return {
            "messages/s": len(full.through) / full.seconds,
            **_times(_FULL, full),
            **_times(_LOW, low),
            _CPU: (after.cpu - before.cpu) / thousands,
            "commits (an fsync each) per 1,000": (way.commits() - commits) / thousands,
            "memory at its peak, MB": after.peak,
        }

    def _add(self, ways: Sequence[Way], turns: dict[str, _Sample]) -> None:
        """One round's samples; a deployment's also beside the floors of the same round."""
        bare, mandated = turns[BARE], turns[MANDATED]
        for way in ways:
            sample, beside = turns[way.name], {}
            if way.name not in (BARE, MANDATED):
                through = f"{_LOW}: through, p50, ms"
                beside = {
                    "times the bare relay's (goal: 0.6)": sample["messages/s"] / bare["messages/s"],
                    "times the mandated relay's (goal: 0.85)": sample["messages/s"] / mandated["messages/s"],
                    "CPU, times the mandated relay's": sample[_CPU] / mandated[_CPU],
                    f"{_LOW}: added to the mandated, ms (goal: 1.5)": sample[through] - mandated[through],
                }
            self.table.add(way.name, sample | beside)


async def _ground(stack: AsyncExitStack) -> tuple[Ground, Sink]:
    """A new site in a scratch folder, pointed at a sink of its own."""
    folder = stack.enter_context(TemporaryDirectory(prefix="renkei-bench-"))
    stage = await stack.enter_async_context(Stage(Path(folder)))
    site = await Site.make(stage)
    sink = await stack.enter_async_context(Sink.running(site.root / "keys" / "tls"))
    site.point_at(sink.port)
    return Ground(stage, Site.read(site.root), sink.port), sink


def _times(load: str, seen: Slice) -> _Sample:
    return {
        f"{load}: {what}, p{share}, ms": percentile(took, share / 100) * 1e3
        for what, took in (("acknowledged", seen.acknowledged), ("through", seen.through))
        for share in (50, 99)
    }


def _rotated(ways: Sequence[Way], first: int) -> list[Way]:
    return [*ways[first:], *ways[:first]]
