"""Ends what nobody released in time: it is dead `expired`, and its source hears of it.

It holds no state of its own that matters: what is held, and until when, is read again from the journal at every start.
It sleeps until the first time that is over, and looks at the clock once a minute: a wall clock may be set.
"""

import asyncio
import heapq
from datetime import datetime

from gateway.errors import Deferred, Refused
from gateway.hub.flow import Clock
from gateway.hub.journal import Journal
from gateway.hub.settling import Settling
from gateway.messages import Ending, Header, carried_until, stamp
from gateway.observe import Telemetry

_LONGEST_SLEEP = 60.0
_LOG_PAUSE = 1.0


class Overdue:
    """Of one tenant."""

    def __init__(self, tenant: str, journal: Journal, settling: Settling, clock: Clock, telemetry: Telemetry) -> None:
        self._tenant = tenant
        self._journal = journal
        self._settling = settling
        self._clock = clock
        self._telemetry = telemetry
        self._ends: list[tuple[str, str, str]] = []
        self._look = asyncio.Event()

    def restore(self) -> None:
        """Take up what the journal says is held."""
        self._ends = list(self._journal.holds.ends())
        heapq.heapify(self._ends)
        self._look.set()

    def add(self, header: Header) -> None:
        """A message is held from now on. What people end sooner is found to be so when its time is over."""
        heapq.heappush(self._ends, (carried_until(header), header.message_id, header.destination))
        self._look.set()

    def look(self) -> None:
        """See at once whether something is over."""
        self._look.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._look.clear()
            try:
                async with asyncio.timeout(await self._end_what_is_over()):
                    await self._look.wait()
            except TimeoutError:
                continue

    async def _end_what_is_over(self) -> float | None:
        """How long to sleep then, in seconds; None as long as nothing is held."""
        now = self._clock()
        while self._ends and self._ends[0][0] <= stamp(now):
            over = heapq.heappop(self._ends)
            try:
                await self._end(*over[1:], at=stamp(now))
            except Deferred:  # the log cannot be written, and health says why
                heapq.heappush(self._ends, over)
                return _LOG_PAUSE
            except Refused as refused:
                self._telemetry.bug(refused, "a hold that is over could not be ended")
        if not self._ends:
            return None
        return min((datetime.fromisoformat(self._ends[0][0]) - now).total_seconds(), _LONGEST_SLEEP)

    async def _end(self, message_id: str, destination: str, *, at: str) -> None:
        due = await self._journal.holds.expire(message_id, at=at)
        if due is None:  # people were faster
            return
        dead = [each for each in due.outcomes if each.ending is Ending.DEAD]
        self._telemetry.ended(self._tenant, destination, message_id, dead)
        self._settling.due(due.source, message_id, due)
