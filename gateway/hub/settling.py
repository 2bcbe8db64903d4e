"""Tells the sources how their records ended, at least once each, side by side, so that a slow listener keeps nobody
else waiting, its own other ears included.

It holds no state of its own that matters: what is unheard is derived again from the journal at every start. A message
that its connector fails on is set aside for a while and takes nobody's room; a source that cannot be reached is tried
with a few at a time, each in its turn.
"""

import asyncio
import math
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
_OF_THE_MESSAGE = frozenset({"connector_bug", "internal"})
"""What an edge says when it failed on this message, whatever it does with others."""
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
        self._after: dict[str, int] = {}
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
            self._more = False
            try:
                for source in self._journal.deaf():
                    await self._round(source)
            except Deferred:  # the log is broken, and health says why; nothing can be settled either
                await asyncio.sleep(_LOG_PAUSE)
                self._look.set()
            await self._look.wait()

    async def _round(self, source: str) -> None:
        """Once through all of which it is to hear, as far as there is room; the next round begins where this ended."""
        first = self._after.pop(source, 0)
        for begin, end in ((first, math.inf), (0, first)):
            after = begin
            while found := [each for each in self._journal.unheard(source, after) if each[0] <= end]:
                for seq, message_id in found:
                    if not self._start(source, message_id, None):
                        self._after[source] = seq - 1
                        return
                after = found[-1][0]
                await asyncio.sleep(0)

    def _start(self, source: str, message_id: str, due: DueSettlement | None) -> bool:
        """`due`, or what the journal says is due. Whether there is room, or need of none."""
        if self._stopping or message_id in self._telling or self._is_aside(message_id):
            return True
        if self._busy[source] >= (_TRIALS if source in self._deaf else UNHEARD):
            self._more = True  # the next of this source that ends has it looked at
            return False
        self._busy[source] += 1
        task = asyncio.create_task(self._tell(message_id, due))
        self._telling[message_id] = task
        task.add_done_callback(partial(self._told, source, message_id))
        return True

    def _told(self, source: str, message_id: str, task: "asyncio.Task[bool]") -> None:
        del self._telling[message_id]
        self._busy[source] -= 1
        if message_id in self._again:
            self._again.discard(message_id)
            self._start(source, message_id, None)
        if self._more or task.cancelled() or not task.result():
            self._look.set()

    async def _tell(self, message_id: str, due: DueSettlement | None) -> bool:
        """Whether the source has heard, or the message is set aside; if not, after a pause."""
        try:
            due = due or self._journal.settlement(message_id)
            pause = await self._settle(due) if due else 0.0
            if pause is None:
                return True
            if due and not pause:
                await self._journal.settled(message_id, due.due)
        except Deferred:  # the log is broken, and health says why
            pause = _LOG_PAUSE
        except Exception as error:  # noqa: BLE001  (a bug of ours: it is told, and does not spin)
            self._telemetry.bug(error, "telling a source failed", message_id=message_id)
            pause = _LOG_PAUSE
        await asyncio.sleep(pause)
        return not pause

    async def _settle(self, due: DueSettlement) -> float | None:
        """How long to wait before the source is told anything; 0 if it has heard, None if this message is set aside."""
        source = due.source
        try:
            async with asyncio.timeout(self.limits.delivery_deadline):
                await self._edges.settle(due)
        except (Deferred, TimeoutError) as error:
            said = error.code if isinstance(error, Deferred) else "deadline"
            code = said if said in CODES else "connector_bug"  # no free text of a connector's
            who = due.message_id if code in _OF_THE_MESSAGE else source
            if who not in self._deaf:
                self._telemetry.log.warning("settlement.deferred", code=code, source=source)
            if who == source:
                return self._deafer(source)
            self._aside(who)
            return None
        except (
            Exception,
            SystemExit,
            GeneratorExit,
            asyncio.CancelledError,
        ) as error:  # the connector's `settled` raised
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # it is we who are being cancelled
            if due.message_id not in self._deaf:
                self._telemetry.bug(error, "settled raised", source=source, message_id=due.message_id)
            self._aside(due.message_id)
            return None
        self._deaf.pop(due.message_id, None)
        if self._deaf.pop(source, None) is not None:
            self._telemetry.log.info("settlement.heard", source=source)
        return 0.0

    def _aside(self, message_id: str) -> None:
        """What its connector fails on takes nobody's room until its pause is over; all of a second at once."""
        loop = asyncio.get_running_loop()
        loop.call_at(math.ceil(loop.time() + self._deafer(message_id)), self._look.set)

    def _is_aside(self, message_id: str) -> bool:
        return self._deaf.get(message_id, (0.0, 0.0))[1] > asyncio.get_running_loop().time()

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
