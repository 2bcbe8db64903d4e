"""The one owner of delivery: takes what is due, has it handed on, and tells the sources how their records ended.

It holds no state of its own that matters: queue and settlements are derived again from the journal at every start.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import partial

from gateway.config import Limits
from gateway.errors import Deferred, Refused
from gateway.hub import flow
from gateway.hub.breaker import Breaker
from gateway.hub.journal import DueSettlement, Journal
from gateway.hub.permit import HubRules, permit_again
from gateway.hub.queue import Due, Queue
from gateway.hub.retry import pause
from gateway.messages import Ending, Header, MessageKind, RecordOutcome, decode_header, stamp
from gateway.observe import Telemetry

_LOG_PAUSE = 1.0
_SETTLE_PAUSE = 1.0
_LONGEST_SETTLE_PAUSE = 5.0


class Dispatcher:
    """One tenant's deliveries and settlements. `rules` is swapped whole on a reload."""

    def __init__(
        self,
        rules: HubRules,
        journal: Journal,
        edges: flow.Edges,
        limits: Limits,
        clock: flow.Clock,
        telemetry: Telemetry,
    ) -> None:
        self.rules = rules
        self.limits = limits
        self._journal = journal
        self._edges = edges
        self._clock = clock
        self._telemetry = telemetry
        self._queue = Queue()
        self._busy: Counter[str] = Counter()
        self._breakers: defaultdict[str, Breaker] = defaultdict(Breaker)
        self._due = asyncio.Event()
        self._settle = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling: dict[str, asyncio.Task[bool]] = {}
        self._deaf: dict[str, tuple[float, float]] = {}
        self._stopping = False

    def restore(self) -> None:
        """Take up what the journal says is due; called once, before anything new is accepted."""
        for each in self._journal.open_messages():
            self._queue.add(
                Due(
                    each.message_id,
                    each.seq,
                    MessageKind(each.kind),
                    each.source,
                    each.destination,
                    dict(each.records),
                    each.attempt,
                    self._on_queue(each.next_at),
                )
            )
        self._due.set()
        self._settle.set()

    def recorded(self, header: Header, seq: int, lanes: dict[int, int] | None = None) -> None:
        """A message was recorded just now and is due at once; `lanes` by index, if only some of its records are."""
        self._queue.add(
            Due(
                header.message_id,
                seq,
                MessageKind(header.kind),
                header.source,
                header.destination,
                {index: lane for index, _, lane in header.records} if lanes is None else lanes,
            )
        )
        self._due.set()

    def settlement_due(self) -> None:
        """Some message has ended whose source is still to hear of it."""
        self._settle.set()

    @property
    def waiting(self) -> int:
        """How many messages have records that have not ended."""
        return len(self._queue)

    @property
    def unreached(self) -> frozenset[str]:
        """The destinations whose deliveries wait until a probe gets through."""
        return frozenset(name for name, breaker in self._breakers.items() if breaker.open)

    def appeared(self, destination: str) -> None:
        """Its edge is there again: whether its system is, too, is worth a probe at once."""
        self._breakers[destination].probe_now(_elapsed())
        self._due.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliveries())
            group.create_task(self._settlements())

    async def drain(self) -> None:
        """Start nothing new and await what is in flight; what remains or is unheard is due again at the next start."""
        self._stopping = True
        while self._tasks:
            await asyncio.wait(self._tasks)
        for task in self._telling.values():
            task.cancel()

    # ---- deliveries --------------------------------------------------------------------------------------------------

    async def _deliveries(self) -> None:
        while not self._stopping:
            self._due.clear()
            now = _elapsed()
            for destination in self._queue.ripe(now):
                self._start(destination, now)
            try:
                async with asyncio.timeout_at(self._next_wake(now)):
                    await self._due.wait()
            except TimeoutError:
                continue

    def _next_wake(self, now: float) -> float | None:
        """When the next retry or probe is due."""
        probes = (each.probe_at for each in self._breakers.values())
        later = (each for each in (self._queue.next_wake(), *probes) if each is not None and each > now)
        return min(later, default=None)

    def _on_queue(self, next_at: float | None) -> float:
        """A due time of the journal in the queue's time. It lies no further off than the longest pause, so that a
        wall clock that was set back delays nobody.
        """
        if next_at is None:
            return 0.0
        return _elapsed() + min(max(0.0, next_at - self._clock().timestamp()), self.limits.retry_longest)

    def _start(self, destination: str, now: float) -> None:
        room = self._breakers[destination].room(now, self.limits.in_flight)
        while self._busy[destination] < room and (taken := self._queue.take(destination, now)):
            self._busy[destination] += 1
            task = asyncio.create_task(self._attempt(*taken))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _attempt(self, message: Due, wanted: frozenset[int]) -> None:
        try:
            await self._one(message, wanted)
        except Deferred as deferred:  # only the journal: what the edge defers is an outcome
            self._telemetry.log.warning("delivery.not_recorded", code=deferred.code, message_id=message.message_id)
            self._queue.release(message.message_id, _elapsed() + _LOG_PAUSE)
        except Refused as refused:  # the journal does not know it: there is nothing to end
            self._telemetry.bug(refused, "a message that is due is not in the log")
            self._queue.drop(message.message_id)
        except (Exception, SystemExit, GeneratorExit) as error:  # a bug of ours must not stop the others  # noqa: BLE001
            self._telemetry.bug(error, "delivery failed")
            await self._after_bug(message)
        finally:
            self._busy[message.destination] -= 1
            self._due.set()

    async def _after_bug(self, message: Due) -> None:
        """It was an attempt all the same: what fails each time must end, too."""
        message.attempt += 1
        try:
            if message.attempt >= self.limits.attempts:
                return await self._give_up(message, "internal", self._clock())
        except (Exception, SystemExit, GeneratorExit) as error:  # the same bug again  # noqa: BLE001
            self._telemetry.bug(error, "giving up failed")
        self._queue.release(message.message_id, _elapsed() + self.limits.retry_longest)
        return None

    async def _one(self, message: Due, wanted: frozenset[int]) -> None:
        now = self._clock()
        try:
            envelope = self._journal.envelope(message.message_id)
            if envelope is None:
                raise Refused("bad_envelope")
            permit_again(decode_header(envelope.header), self.rules, now)
        except Refused as refusal:  # spoilt in the store, its time is over, or today's routes no longer carry it
            await self._give_up(message, refusal.code, now)
            return
        started, began = self._clock(), _elapsed()
        concluded = await flow.deliver(
            message, envelope, wanted, self.rules, self._journal, self._edges, self.limits, self._clock
        )
        self._telemetry.delivered(message.destination, concluded.outcomes, (self._clock() - started).total_seconds())
        self._judge(message.destination, concluded, began)
        if concluded.reply is not None and concluded.answered is not None and concluded.reply.header is not None:
            self.recorded(concluded.reply.header, concluded.answered.seq)
        self._ended(message.message_id, concluded.outcomes, concluded.attempt, self._on_queue(concluded.next_at))

    def _judge(self, destination: str, concluded: flow.Concluded, began: float) -> None:
        """What an attempt tells of its destination: one line when deliveries begin to wait, one when they go on."""
        breaker, tenant = self._breakers[destination], self.rules.tenant.code
        if not concluded.unreached:
            if breaker.reached():
                self._telemetry.breaker(tenant, destination, is_open=False)
        elif breaker.failed(began, _elapsed(), lambda probes: pause(probes, concluded.asked, self.limits)):
            self._telemetry.breaker(tenant, destination, is_open=True)

    async def _give_up(self, message: Due, code: str, now: datetime) -> None:
        outcomes = tuple(RecordOutcome(index, Ending.DEAD, code) for index in sorted(message.open))
        await self._journal.conclude(
            message.message_id, outcomes, attempt=message.attempt, next_at=None, at=stamp(now), now=now.timestamp()
        )
        self._ended(message.message_id, outcomes, message.attempt, 0.0)

    def _ended(self, message_id: str, outcomes: Iterable[RecordOutcome], attempt: int, next_at: float) -> None:
        self._queue.conclude(message_id, outcomes, attempt, next_at)
        if self._queue.get(message_id) is None:
            self._settle.set()

    # ---- settlements -------------------------------------------------------------------------------------------------

    async def _settlements(self) -> None:
        """Side by side, so that a slow listener keeps nobody else waiting, its own other ears included."""
        while not self._stopping:
            self._settle.clear()
            for message_id in await self._unheard():
                if message_id not in self._telling:
                    task = asyncio.create_task(self._tell(message_id))
                    self._telling[message_id] = task
                    task.add_done_callback(partial(self._told, message_id))
            await self._settle.wait()

    def _told(self, message_id: str, task: "asyncio.Task[bool]") -> None:
        del self._telling[message_id]
        unheard = not task.cancelled() and not task.result()
        if unheard or not self._telling:  # once more, or what did not fit into this round
            self._settle.set()

    async def _unheard(self) -> list[str]:
        try:
            return self._journal.unheard()
        except Deferred:  # the log is broken, and health says why; nothing can be settled either
            await asyncio.sleep(_LOG_PAUSE)
            self._settle.set()
            return []

    async def _tell(self, message_id: str) -> bool:
        """Whether the source has heard; if not, after a pause."""
        try:
            due = self._journal.settlement(message_id)
            pause = await self._settle_one(due) if due else 0.0
            if due and not pause:
                await self._journal.settled(message_id, due.due)
        except Deferred:  # the log is broken, and health says why
            pause = _LOG_PAUSE
        await asyncio.sleep(pause)
        return not pause

    async def _settle_one(self, due: DueSettlement) -> float:
        """How long to wait before it is told once more; 0 if the source has heard."""
        source = due.source
        try:
            async with asyncio.timeout(self.limits.delivery_deadline):
                await self._edges.settle(due)
        except (Deferred, TimeoutError) as error:
            code = error.code if isinstance(error, Deferred) else "deadline"
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
        now = _elapsed()
        pause, until = self._deaf.get(who, (0.0, 0.0))
        if now >= until:
            pause = min(2 * pause, _LONGEST_SETTLE_PAUSE) or _SETTLE_PAUSE
            until = now + pause
            self._deaf[who] = (pause, until)
        return max(until - now, 0.001)


def _elapsed() -> float:
    """The queue's time: seconds that only go forward."""
    return asyncio.get_running_loop().time()
