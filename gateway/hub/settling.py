"""Tells the sources how their records ended, at least once each, side by side, so that a slow listener keeps nobody
else waiting, its own other ears included.

It holds no state of its own that matters: what is unheard is derived again from the journal at every start.
"""

import asyncio
from collections import Counter
from functools import partial

from gateway.config import Limits
from gateway.errors import CODES, Deferred
from gateway.hub import flow
from gateway.hub.journal import UNHEARD, DueSettlement, Journal
from gateway.observe import Telemetry

_LOG_PAUSE = 1.0
_PAUSE = 1.0
_LONGEST_PAUSE = 5.0
_TRIALS = 8
"""How many settlements a source that cannot be reached is tried with at a time."""


class Settling:
    """One tenant's settlements. `limits` is swapped whole on a reload."""

    def __init__(self, journal: Journal, edges: flow.Edges, limits: Limits, telemetry: Telemetry) -> None:
        self.limits = limits
        self._journal = journal
        self._edges = edges
        self._telemetry = telemetry
        self._look = asyncio.Event()
        self._telling: dict[str, asyncio.Task[bool]] = {}
        self._busy: Counter[str] = Counter()
        self._again: set[str] = set()
        self._more = False
        self._deaf: dict[str, tuple[float, float]] = {}
        self._stopping = False
        self._look.set()

    def due(self, source: str, message_id: str, ended: DueSettlement | None = None) -> None:
        """A message has ended just now, as `ended` says; or if it has ended, its source is to hear of it once more."""
        if message_id in self._telling:  # what is being told may be a former ending
            self._again.add(message_id)
        else:
            self._start(source, message_id, ended)

    def stop(self) -> None:
        """Tell nobody any more; who has not heard will, after the next start."""
        self._stopping = True
        for task in self._telling.values():
            task.cancel()

    async def run(self) -> None:
        """Until cancelled: tell what was not told at once, at the start, after a pause, or because it was too much."""
        while not self._stopping:
            self._look.clear()
            found = await self._unheard()
            self._more = UNHEARD in Counter(source for source, _ in found).values()
            for source, message_id in found:
                self._start(source, message_id, None)
            await self._look.wait()

    def _start(self, source: str, message_id: str, due: DueSettlement | None) -> None:
        """`due`, or what the journal says is due. A source that cannot be reached is tried with a few at a time."""
        if self._stopping or message_id in self._telling:
            return
        if self._busy[source] >= (_TRIALS if source in self._deaf else UNHEARD):
            self._more = True  # the next of this source that ends has it looked at
            return
        self._busy[source] += 1
        task = asyncio.create_task(self._tell(message_id, due))
        self._telling[message_id] = task
        task.add_done_callback(partial(self._told, source, message_id))

    def _told(self, source: str, message_id: str, task: "asyncio.Task[bool]") -> None:
        del self._telling[message_id]
        self._busy[source] -= 1
        if message_id in self._again:
            self._again.discard(message_id)
            self._start(source, message_id, None)
        if self._more or task.cancelled() or not task.result():
            self._look.set()

    async def _unheard(self) -> list[tuple[str, str]]:
        try:
            return self._journal.unheard()
        except Deferred:  # the log is broken, and health says why; nothing can be settled either
            await asyncio.sleep(_LOG_PAUSE)
            self._look.set()
            return []

    async def _tell(self, message_id: str, due: DueSettlement | None) -> bool:
        """Whether the source has heard; if not, after a pause."""
        try:
            due = due or self._journal.settlement(message_id)
            pause = await self._settle(due) if due else 0.0
            if due and not pause:
                await self._journal.settled(message_id, due.due)
        except Deferred:  # the log is broken, and health says why
            pause = _LOG_PAUSE
        except Exception as error:  # noqa: BLE001  (a bug of ours: it is told, and does not spin)
            self._telemetry.bug(error, "telling a source failed", message_id=message_id)
            pause = _LOG_PAUSE
        await asyncio.sleep(pause)
        return not pause

    async def _settle(self, due: DueSettlement) -> float:
        """How long to wait before it is told once more; 0 if the source has heard."""
        source = due.source
        try:
            async with asyncio.timeout(self.limits.delivery_deadline):
                await self._edges.settle(due)
        except (Deferred, TimeoutError) as error:
            said = error.code if isinstance(error, Deferred) else "deadline"
            code = said if said in CODES else "connector_bug"  # no free text of a connector's
            if source not in self._deaf:
                self._telemetry.log.warning("settlement.deferred", code=code, source=source)
            return self._deafer(source)
        except (Exception, SystemExit, GeneratorExit) as error:  # the connector's `settled` raised: tell, and try again  # noqa: BLE001
            if due.message_id not in self._deaf:
                self._telemetry.bug(error, "settled raised", source=source, message_id=due.message_id)
            return self._deafer(due.message_id)
        self._deaf.pop(due.message_id, None)
        if self._deaf.pop(source, None) is not None:
            self._telemetry.log.info("settlement.heard", source=source)
        return 0.0

    def _deafer(self, who: str) -> float:
        """The growing pause of a source that cannot be reached, once for all the messages that wait for it; or of one
        message that its connector fails on.
        """
        now = asyncio.get_running_loop().time()
        pause, until = self._deaf.get(who, (0.0, 0.0))
        if now >= until:
            pause = min(2 * pause, _LONGEST_PAUSE) or _PAUSE
            until = now + pause
            self._deaf[who] = (pause, until)
        return max(until - now, 0.001)
