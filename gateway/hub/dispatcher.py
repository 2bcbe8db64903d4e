"""The one owner of delivery: takes what is due and has it handed on; what has ended is for `Settling` to tell.

It holds no state of its own that matters: the queue is derived again from the journal at every start.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TypeAlias

from gateway.config import Limits
from gateway.errors import Deferred, Refused
from gateway.hub import flow
from gateway.hub.breaker import Breaker, silent
from gateway.hub.fresh import Fresh
from gateway.hub.journal import DueSettlement, Journal
from gateway.hub.overdue import Overdue
from gateway.hub.permit import permit_again
from gateway.hub.places import Places, Towards, towards
from gateway.hub.queue import Due, Queue, due
from gateway.hub.retry import pause
from gateway.hub.rules import HubRules
from gateway.hub.settling import Settling
from gateway.hub.troubles import Troubles
from gateway.messages import Ending, Envelope, Header, MessageKind, Permitted, RecordOutcome, decode_header, stamp
from gateway.observe import Telemetry

_LOG_PAUSE = 1.0
_Take: TypeAlias = Callable[[str, float], tuple[Due, frozenset[int]] | None]


class Dispatcher:
    """One tenant's deliveries. `rules` is swapped whole on a reload."""

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
        self._breakers: defaultdict[str, Breaker] = defaultdict(Breaker)
        self._due = asyncio.Event()
        self._going: list[Due] = []
        self.places = Places(self._queue, self._room, self._due.set)
        self.settling = Settling(journal, edges, limits, telemetry)
        self.overdue = Overdue(rules.tenant.code, journal, self.settling, clock, telemetry)
        self.troubles = Troubles(rules.tenant.code, telemetry)
        self._tasks: set[asyncio.Task[None]] = set()
        self._fresh = Fresh()
        self._log_at: float | None = None
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
        self.overdue.restore()

    def recorded(self, permitted: Permitted, seq: int) -> None:
        """A message was recorded just now and is due at once. It need not be read back while there is room."""
        header, envelope = permitted.header, permitted.sealed.envelope
        if header is None or envelope is None:
            return
        self._fresh.keep(header, envelope)
        if (message := self._queue.get(header.message_id)) is not None and message.goes:
            message.seq, message.attempt = seq, 1
            self._going.append(message)
        else:
            self._queue.add(due(header, seq))
        asyncio.get_running_loop().call_soon(self._due.set)  # first the sender is answered: to open takes a while

    def revived(self, header: Header, seq: int, indices: Iterable[int]) -> None:
        """These records of a message are due once more."""
        lanes = {index: lane for index, _, lane in header.records}
        lanes = {index: lanes[index] for index in indices}
        self._queue.add(Due(header.message_id, seq, header.kind, header.source, header.destination, lanes))
        self._due.set()

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
            group.create_task(self.settling.run())
            group.create_task(self.overdue.run())

    async def drain(self) -> None:
        """Start nothing new and await what is in flight; what remains or is unheard is due again at the next start."""
        self._stopping = True
        while self._tasks:
            await asyncio.wait(self._tasks)
        self.settling.stop()

    async def _deliveries(self) -> None:
        while not self._stopping:
            self._due.clear()
            now, going = _elapsed(), self._going
            self._going = []
            for message in going:
                self._begin(message, message.in_flight)
            for destination in self._queue.ripe(now) if self._log_at is None or self._log_at <= now else ():
                self._start(destination, now)
            try:
                async with asyncio.timeout_at(self._next_wake(now)):
                    await self._due.wait()
            except TimeoutError:
                continue

    def _next_wake(self, now: float) -> float | None:
        """When the next retry or probe is due."""
        probes = (each.probe_at for each in self._breakers.values())
        wakes = (self._queue.next_wake(), self._log_at, *probes)
        later = (each for each in wakes if each is not None and each > now)
        return min(later, default=None)

    def _on_queue(self, next_at: float | None) -> float:
        """A due time of the journal in the queue's time. It lies no further off than the longest pause, so that a
        wall clock that was set back delays nobody.
        """
        if next_at is None:
            return 0.0
        return _elapsed() + min(max(0.0, next_at - self._clock().timestamp()), self.limits.retry_longest)

    def _start(self, destination: str, now: float) -> None:
        """Replies go whatever the breaker says: one that somebody awaits goes to no system."""
        breaker, most = self._breakers[destination], self.limits.in_flight
        take = self._queue.probe if breaker.open else self._queue.take
        self._fill((destination, False), take, breaker.room(now, most), now)
        self._fill((destination, True), self._queue.take_reply, most, now)

    def _fill(self, where: Towards, take: _Take, room: int, now: float) -> None:
        while self.places.busy(where) < room and (taken := take(where[0], now)):
            self.places.enter(where)
            self._begin(*taken)

    def _room(self, header: Header) -> int:
        """For what would go as it is recorded. An event only goes so if it comes alone: among many, what becomes due
        together costs less, and nobody waits for its end.
        """
        held_up = header.kind is not MessageKind.REPLY and self._breakers[header.destination].open
        if self._stopping or self._log_at is not None or held_up:
            return 0
        return 1 if header.kind is MessageKind.EVENT else self.limits.in_flight

    def _begin(self, message: Due, wanted: frozenset[int]) -> None:
        task = asyncio.create_task(self._attempt(message, wanted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, message: Due, wanted: frozenset[int]) -> None:
        counted = message.attempt + (not message.goes)
        try:
            await self._one(message, wanted)
            self._log_at = None
        except Deferred as deferred:  # only the journal: what the edge defers is an outcome
            if self._log_at is None:  # nothing can be delivered until it can be written: one line, not one for each
                self._telemetry.log.warning("delivery.not_recorded", code=deferred.code, message_id=message.message_id)
            self._log_at = _elapsed() + _LOG_PAUSE
            self._queue.release(message.message_id, self._log_at)
        except Refused as refused:
            self._telemetry.bug(refused, "a message that is due could not be concluded")
            if refused.code == "unknown_message":  # the journal does not know it: there is nothing to end
                self._queue.drop(message.message_id)
            else:
                await self._after_bug(message, counted)
        except (Exception, SystemExit, GeneratorExit) as error:  # a bug of ours must not stop the others  # noqa: BLE001
            self._telemetry.bug(error, "delivery failed")
            await self._after_bug(message, counted)
        finally:
            message.goes = False
            self.places.leave(towards(message.destination, message.kind))

    async def _after_bug(self, message: Due, counted: int) -> None:
        """It was an attempt all the same, recorded or not: what fails each time must end, too."""
        message.attempt = counted
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
            header, envelope = self._envelope(message.message_id)
            permit_again(header, self.rules, now)
        except Refused as refusal:  # spoilt in the store, its time is over, or today's routes no longer carry it
            await self._give_up(message, refusal.code, now)
            return
        if self.rules.hold(header) and await self._journal.holds.place(message.message_id, at=stamp(now)):
            self._queue.drop(message.message_id)  # it was under way when a reload came
            self.overdue.add(header)
            return
        began = _elapsed()
        world = (self.rules, self._journal, self._edges, self.limits, self._clock, self.places)
        concluded = await flow.deliver(message, header, envelope, wanted, *world)
        self._telemetry.delivered(message.destination, (self._clock() - now).total_seconds())
        if message.kind is not MessageKind.REPLY:
            self._judge(message.destination, concluded, began)
        next_at = self._on_queue(concluded.next_at)
        self._ended(message, concluded.outcomes, concluded.attempt, next_at, concluded.recorded.settlement)
        if concluded.reply is not None and concluded.recorded.reply is not None:
            self.troubles.taken(message.destination, _elapsed())
            self.recorded(concluded.reply, concluded.recorded.reply.seq)

    def _envelope(self, message_id: str) -> tuple[Header, Envelope]:
        """As it was permitted just now, or out of the journal. Raises Refused("bad_envelope")."""
        if (fresh := self._fresh.take(message_id)) is not None:
            return fresh
        envelope = self._journal.envelope(message_id)
        if envelope is None:
            raise Refused("bad_envelope")
        return decode_header(envelope.header), envelope

    def _judge(self, destination: str, concluded: flow.Concluded, began: float) -> None:
        """What an attempt tells of its destination: one line when deliveries begin to wait, one when they go on."""
        breaker, tenant = self._breakers[destination], self.rules.tenant.code
        if silent(concluded.outcomes):
            return
        if not concluded.unreached:
            if breaker.reached():
                self._telemetry.breaker(tenant, destination, is_open=False)
        elif breaker.failed(began, _elapsed(), lambda probes: pause(probes, concluded.asked, self.limits)):
            self._telemetry.breaker(tenant, destination, is_open=True)

    async def _give_up(self, message: Due, code: str, now: datetime) -> None:
        outcomes = tuple(RecordOutcome(index, Ending.DEAD, code) for index in sorted(message.open))
        recorded = await self._journal.conclude(
            message.message_id, outcomes, attempt=message.attempt, next_at=None, at=stamp(now), now=now.timestamp()
        )
        self._ended(message, outcomes, message.attempt, 0.0, recorded.settlement)

    def _ended(
        self,
        message: Due,
        outcomes: Collection[RecordOutcome],
        attempt: int,
        next_at: float,
        due: DueSettlement | None,
    ) -> None:
        self._telemetry.ended(self.rules.tenant.code, message.destination, message.message_id, outcomes)
        self.troubles.attempted(message.destination, message.message_id, outcomes, _elapsed())
        self._queue.conclude(message.message_id, outcomes, attempt, next_at)
        if due is not None:
            self.settling.due(due.source, message.message_id, due)


def _elapsed() -> float:
    """The queue's time: seconds that only go forward."""
    return asyncio.get_running_loop().time()
