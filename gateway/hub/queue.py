"""What is due, and in which order: one person's records stay in order, and nobody waits for another's trouble.

Records from a source to a destination that share a lane are handed on in the order in which they were recorded. A
message waits for those before it that are in flight, and steps past those that wait for a retry: it goes out without
the records whose lane they hold. Requests and replies take no lane: a question is not a state, and its answer must not
queue. Replies are taken apart from the rest: what is in flight may be waiting for one. Times are seconds of a clock
that only goes forward.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.messages import Ending, Header, MessageKind, RecordOutcome

_PROBES: Final = 16
"""How many messages a probe looks at, before it takes what `take` takes."""


@dataclass(slots=True)
class Due:
    """A message with records that have not ended; `open` maps their indices to lanes. `attempt` is how many attempts
    are recorded; if it `goes`, with the one that is to be made now.
    """

    message_id: str
    seq: int
    kind: MessageKind
    source: str
    destination: str
    open: dict[int, int]
    attempt: int = 0
    next_at: float = 0.0
    in_flight: frozenset[int] = frozenset()
    parked: set[str] = field(default_factory=set)
    goes: bool = False


def due(header: Header, seq: int = 0) -> Due:
    """All of a message, as it is due at first."""
    lanes = {index: lane for index, _, lane in header.records}
    return Due(header.message_id, seq, header.kind, header.source, header.destination, lanes)


class Queue:
    """The order of one tenant's due messages, in memory, derived again from the journal at every start."""

    def __init__(self) -> None:
        self._due: dict[str, Due] = {}
        self._ready: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._replies: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._later: list[tuple[float, str]] = []
        self._lanes: defaultdict[tuple[str, str], dict[int, deque[str]]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._due)

    def get(self, message_id: str) -> Due | None:
        """The message, if any of its records is open."""
        return self._due.get(message_id)

    def add(self, message: Due) -> None:
        """A message that was recorded, read back after a start, or revived by a replay. In the order of `seq`, but
        for revived ones: they take the end of their lanes, because what came after them has passed.
        """
        known = self._due.setdefault(message.message_id, message)
        fresh = message.open if known is message else message.open.keys() - known.open.keys()
        if known.kind is MessageKind.EVENT:
            held = set() if known is message else set(known.open.values())
            lanes = self._lanes[known.source, known.destination]
            for lane in {message.open[index] for index in fresh} - held:
                lanes.setdefault(lane, deque()).append(known.message_id)
        if known is not message:
            known.open |= {index: message.open[index] for index in fresh}
            known.next_at, known.attempt = 0.0, message.attempt
        if not known.in_flight:
            self._schedule(known)

    def take_ahead(self, message: Due) -> bool:
        """Take a message that is about to be recorded, all of it, if nothing that is due stands before any of it. It
        has its lanes from here; its `seq` comes with the recording.
        """
        ready = self._replies if message.kind is MessageKind.REPLY else self._ready
        held = self._lanes[message.source, message.destination] if message.kind is MessageKind.EVENT else {}
        if (
            message.message_id in self._due  # the same once more, at the same moment
            or ready[message.destination]
            or not held.keys().isdisjoint(message.open.values())
        ):
            return False
        message.in_flight, message.goes = frozenset(message.open), True
        self.add(message)
        return True

    def take(self, destination: str, now: float) -> tuple[Due, frozenset[int]] | None:
        """The next message for this destination that is no reply, and the indices that may go; they count as in flight
        from here.
        """
        return self._next(self._ready[destination], now)

    def take_reply(self, destination: str, now: float) -> tuple[Due, frozenset[int]] | None:
        """As `take`, of the replies."""
        return self._next(self._replies[destination], now)

    def _next(self, ready: list[tuple[int, str]], now: float) -> tuple[Due, frozenset[int]] | None:
        while ready:
            message = self._due.get(heapq.heappop(ready)[1])
            if message is None or message.in_flight or message.next_at > now:
                continue
            if free := self._free(message):
                message.in_flight = free
                return message, free
        return None

    def probe(self, destination: str, now: float) -> tuple[Due, frozenset[int]] | None:
        """As `take`, but of what is ready a message that was tried least: whether a destination is there must not be
        asked by those alone that fail by themselves.
        """
        ready = self._ready[destination]
        for entry in heapq.nsmallest(_PROBES, ready, key=self._tried):
            message = self._due.get(entry[1])
            if message is None or message.in_flight or message.next_at > now or not (free := self._free(message)):
                continue
            ready.remove(entry)
            heapq.heapify(ready)
            message.in_flight = free
            return message, free
        return self.take(destination, now)

    def _tried(self, entry: tuple[int, str]) -> tuple[int, int]:
        message = self._due.get(entry[1])
        return (message.attempt if message is not None else 0), entry[0]

    def ripe(self, now: float) -> list[str]:
        """The destinations that something is ready for, once what waited until `now` is ready too."""
        while self._later and self._later[0][0] <= now:
            message = self._due.get(heapq.heappop(self._later)[1])
            if message is not None and message.next_at <= now and not message.in_flight:
                self._is_ready(message)
        heaps = (*self._ready.items(), *self._replies.items())
        return [*dict.fromkeys(destination for destination, ready in heaps if ready)]

    def conclude(self, message_id: str, outcomes: Iterable[RecordOutcome], attempt: int, next_at: float) -> None:
        """An attempt is over: ended records leave their lanes, deferred ones wait until `next_at`."""
        message = self._due[message_id]
        message.in_flight = frozenset()
        message.attempt = attempt
        freed = {message.open.pop(each.index, None) for each in outcomes if each.ending is not None} - {None}
        for lane in freed - set(message.open.values()):
            self._leave(message, lane)
        if message.open:
            message.next_at = next_at
            self._schedule(message)
        else:
            del self._due[message_id]
        self._wake(message)

    def drop(self, message_id: str) -> None:
        """The journal knows no such message: forget it."""
        message = self._due[message_id]
        self.conclude(message_id, [RecordOutcome(index, Ending.DEAD) for index in message.open], message.attempt, 0.0)

    def release(self, message_id: str, next_at: float) -> None:
        """Nothing came of an attempt (the log was not writable): the message is due again at `next_at`."""
        message = self._due[message_id]
        message.in_flight = frozenset()
        message.next_at = next_at
        self._schedule(message)
        self._wake(message)

    def next_wake(self) -> float | None:
        """When the next retry is due."""
        return self._later[0][0] if self._later else None

    def _schedule(self, message: Due) -> None:
        if message.next_at > 0:
            heapq.heappush(self._later, (message.next_at, message.message_id))
        else:
            self._is_ready(message)

    def _is_ready(self, message: Due) -> None:
        ready = self._replies if message.kind is MessageKind.REPLY else self._ready
        heapq.heappush(ready[message.destination], (message.seq, message.message_id))

    def _free(self, message: Due) -> frozenset[int]:
        """The open indices whose lanes this message heads; none while an in-flight message heads one of the others."""
        if message.kind is not MessageKind.EVENT:
            return frozenset(message.open)
        lanes = self._lanes[message.source, message.destination]
        heads = {index: lanes[lane][0] for index, lane in message.open.items()}
        free = frozenset(index for index, head in heads.items() if head == message.message_id)
        blockers = [self._due[head] for head in {*heads.values()} - {message.message_id}]
        if free and not any(each.in_flight for each in blockers):
            return free
        for each in blockers:
            each.parked.add(message.message_id)
        return frozenset()

    def _leave(self, message: Due, lane: "int | None") -> None:
        if message.kind is not MessageKind.EVENT or lane is None:
            return
        lanes = self._lanes[message.source, message.destination]
        lanes[lane].remove(message.message_id)
        if not lanes[lane]:
            del lanes[lane]

    def _wake(self, message: Due) -> None:
        for parked in message.parked:
            waiting = self._due.get(parked)
            if waiting is not None and not waiting.in_flight:
                self._schedule(waiting)
        message.parked.clear()
