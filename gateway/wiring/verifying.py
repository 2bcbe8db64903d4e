"""A gateway at work verifies its own logs whole: after its start, which looks at the last facts alone, and once a day.

What a start believes - who may act, what is held, what is due - stands in rows that anybody can change who can write
into a file; so nothing is deleted by itself before the log was found whole since the start, and one that is not breaks.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from typing import Final

from gateway.hub.journal import Journal, VerifyReport, anchors, verify
from gateway.observe import Telemetry
from gateway.tlog.note import Verifier

DAY: Final = 86_400.0
"""Seconds between two verifications of all logs."""
HOUR: Final = 3_600.0
"""The same, if one of them was not found whole."""


class _Stopped(Exception):
    """The gateway ends."""


class Verifying:
    """Of all logs of a hub. `whole` are those that were found so since the start."""

    def __init__(
        self,
        journals: Callable[[], Mapping[str, Journal]],
        verifier: Callable[[str], Verifier],
        system: str,
        telemetry: Telemetry,
    ) -> None:
        self.whole: set[str] = set()
        self._journals = journals
        self._verifier = verifier
        self._system = system
        self._telemetry = telemetry
        self._stopped = Event()
        self._looked: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def run(self) -> None:
        """Until cancelled. A long log takes all cores, in processes that let the gateway go first."""
        try:
            while True:
                for name, journal in self._journals().items():
                    await self.look(name, journal)
                await asyncio.sleep(DAY if self.whole >= self._journals().keys() else HOUR)
        finally:
            self._stopped.set()  # the thread is not waited for longer than one piece takes

    async def first(self, name: str) -> None:
        """Until that log was looked at for the first time."""
        await self._looked[name].wait()

    async def look(self, name: str, journal: Journal) -> None:
        """Verify one log now; it breaks if it was altered, and that was found twice: a gateway at work writes there."""
        try:
            await self._look(name, journal)
        finally:
            self._looked[name].set()

    async def _look(self, name: str, journal: Journal) -> None:
        try:
            report = await asyncio.to_thread(self._verified, name, journal.path)
            if report.problem is not None and journal.health()[0]:
                report = await asyncio.to_thread(self._verified, name, journal.path)
        except _Stopped:
            return
        except Exception as error:  # noqa: BLE001  (what cannot be verified is not whole, and stops no message)
            self._telemetry.bug(error, "verifying the log failed", tenant=name)
            return
        if report.problem is None:
            self.whole.add(name)
            return
        if report.unread:
            self._telemetry.log.error("log.unread", tenant=name, problem=report.problem)
            return
        self.whole.discard(name)
        self._telemetry.log.error("log.altered", tenant=name, problem=report.problem)
        journal.proofs.contradicted(f"the log of {name} is not what was written: {report.problem}")

    def _verified(self, name: str, path: Path) -> VerifyReport:
        """Raises _Stopped."""
        anchor = anchors(self._journals()[self._system].path).get(name)
        verifier = self._verifier(name)
        known = [anchor] if anchor else []
        return verify(path, verifier=verifier, origin=verifier.name, known=known, progress=self._goes_on)

    def _goes_on(self, _done: int, _all: int) -> None:
        if self._stopped.is_set():
            raise _Stopped
