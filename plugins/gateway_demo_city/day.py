"""What the parts of the day share: who plays, whom they speak to, what was counted, and what must not stay behind."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from gateway_demo_city.households import Household
from gateway_demo_city.outside import Outside
from gateway_demo_city.peer import Peer
from gateway_demo_city.report import Report
from gateway_demo_city.split import Split
from gateway_demo_city.stage import Failed, Stage
from gateway_demo_city.systems import CLINICS, CONTROL, PORTAL, RESEARCH, Systems, clinics

T = TypeVar("T")
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Day:
    """`seen` has the values that went through, by kind; they are searched for in the end, and never shown."""

    stage: Stage
    site: Split
    systems: Systems
    outside: Outside
    report: Report
    people: list[Household]
    seen: dict[str, set[str]] = field(default_factory=dict, repr=False)

    @property
    def portal(self) -> Peer:
        return self._peer(self.systems.ports[PORTAL])

    @property
    def clinics(self) -> Peer:
        return self._peer(self.systems.ports[CLINICS])

    @property
    def research(self) -> Peer:
        return self._peer(self.systems.ports[RESEARCH])

    @property
    def eligibility(self) -> Peer:
        return self._peer(self.systems.pmh.eligibility_port)

    @property
    def pmh(self) -> Peer:
        return self._peer(self.systems.pmh.port)

    @property
    def clinic_codes(self) -> list[str]:
        """医療機関コード of the clinics."""
        return list(clinics(self.site.offline).values())

    def saw(self, kind: str, *values: str) -> None:
        """These went through."""
        self.seen.setdefault(kind, set()).update(values)

    def count(self, what: str, number: int) -> None:
        """A line of the table of the day."""
        self.report.day[what] = number

    def must(self, what: str, *, holds: bool) -> None:
        """Raises Failed: without it the day cannot go on."""
        if not holds:
            raise Failed(what)

    @property
    def bodies(self) -> Peer:
        """The other bodies."""
        return self._peer(self.systems.ports[CONTROL])

    def _peer(self, port: int) -> Peer:
        return self.outside.peer(f"https://localhost:{port}")


async def each_of(people: Iterable[Household], work: Callable[[Household], Awaitable[T]]) -> list[T]:
    """The same for all of them, some at a time; the results in their order."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(household: Household) -> T:
        async with free:
            return await work(household)

    return list(await asyncio.gather(*map(one, people)))
