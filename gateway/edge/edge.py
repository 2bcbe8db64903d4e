"""One edge at work: a connector with its rules and keys, between the hub's link and its system.

It makes arrivals (fresh id, the clock's time), keeps those who await a reply, and turns what the connector says into
messages. What a message goes through is in `flow.py`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import uuid_utils
from pydantic import JsonValue

from gateway.edge import flow
from gateway.edge.hand_over import Bugs
from gateway.edge.rules import EdgeRules
from gateway.edge.seal import note
from gateway.errors import CODES, Deferred, Refused
from gateway.keys.private import EdgeKeys
from gateway.messages import (
    Arrival,
    BadRecord,
    Ending,
    Envelope,
    Handed,
    Header,
    Recorded,
    RecordOutcome,
    Settled,
    Status,
    decode_statement,
    stamp,
)
from gateway.plugin.act import Act
from gateway.plugin.connector import (
    Accepted,
    Answer,
    Connector,
    Dead,
    Delivery,
    Duplicate,
    Final,
    Health,
    Outcome,
    Receipt,
    RefusedRecord,
    Unreadable,
)


class Hub(flow.Hub, Protocol):
    """What an edge asks of the hub beyond `submit`."""

    async def status(self, message_id: str) -> Status | None: ...


class Awaiting:
    """Somebody who awaits the reply to one request. It takes the reply's records as a connector would."""

    def __init__(self) -> None:
        self.answers: asyncio.Future[tuple[Answer, ...]] = asyncio.get_running_loop().create_future()
        self._records: dict[int, Mapping[str, JsonValue]] = {}

    async def open(self, context: object) -> None: ...
    async def close(self) -> None: ...
    async def settled(self, message_id: str, outcomes: Mapping[int, Final]) -> None: ...

    async def health(self) -> Health:
        return Health(ok=True, detail="")

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        self._records |= {index: record.model_dump(exclude_none=True) for index, record in delivery.records}
        return {index: Accepted() for index, _ in delivery.records}

    def settle(self, outcomes: tuple[RecordOutcome, ...]) -> None:
        """The request's outcomes are in; the reply's records came before them."""
        if not self.answers.done():
            self.answers.set_result(answers(outcomes, self._records))


def answers(
    outcomes: tuple[RecordOutcome, ...], records: Mapping[int, Mapping[str, JsonValue]]
) -> tuple[Answer, ...]:
    """One answer for each record of the request: its values, or the code of its refusal."""
    return tuple(
        Answer(each.index, record=records[each.index])
        if each.index in records
        else Answer(each.index, code=each.code or "internal")
        for each in sorted(outcomes, key=lambda each: each.index)
    )


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an arrival: recorded, with the records that this edge refused."""

    recorded: Recorded
    refused: tuple[BadRecord, ...]
    all_refused: bool


@dataclass(slots=True)
class Edge:
    """`rules` is replaced whole on a reload; everything else stays for the edge's life."""

    rules: EdgeRules
    keys: EdgeKeys
    connector: Connector
    hub: Hub
    now: Callable[[], datetime]
    bug: Bugs
    _awaiting: dict[str, Awaiting] = field(default_factory=dict)

    # ---- in ----------------------------------------------------------------------------------------------------------

    def arrival(self, operation: str, body: Any, **rest: Any) -> Arrival:
        """An arrival at this edge, now, under a fresh id; `rest` is what the entrance knows besides."""
        known = {"tenant": self.rules.tenant.code, "connector": self.rules.connector} | rest
        message_id = str(uuid_utils.uuid7())
        return Arrival(message_id=message_id, received_at=self.now(), operation=operation, body=body, **known)

    async def take(self, arrival: Arrival) -> Taken:
        """Into the line. Raises Refused (the whole was refused, and that is recorded) or Deferred."""
        recorded, sealed = await flow.accept(arrival, self.rules, self.keys, self.hub)
        refused: tuple[BadRecord, ...] = ()
        if sealed.statement is not None:
            said = decode_statement(sealed.statement.statement)
            refused = tuple(BadRecord(index, code, path) for index, code, path in said.records)
        return Taken(recorded, refused, sealed.envelope is None)

    async def ask(self, arrival: Arrival, patience: float) -> tuple[Taken, tuple[Answer, ...] | None]:
        """A request: its answers, or None if they did not come within `patience` seconds."""
        waiting = self._awaiting[arrival.message_id] = Awaiting()
        try:
            taken = await self.take(arrival)
            if taken.recorded.repeated:
                return taken, await self.fetch(taken.recorded.message_id)
            done, _ = await asyncio.wait([waiting.answers], timeout=patience)
            return taken, waiting.answers.result() if done else None
        finally:
            del self._awaiting[arrival.message_id]

    async def fetch(self, message_id: str) -> tuple[Answer, ...] | None:
        """The answers to an earlier request of this connector, or None while there are none."""
        status = await self.hub.status(message_id)
        if status is None or not status.ended:
            return None
        records: dict[int, Mapping[str, JsonValue]] = {}
        if status.reply is not None:
            records = await self._opened(status.reply)
        return answers(status.outcomes, records)

    async def _opened(self, reply: Envelope) -> dict[int, Mapping[str, JsonValue]]:
        reader = Awaiting()
        everything = frozenset(range(self.rules.limits.records_per_message))
        await flow.deliver(reply, everything, self.rules, self.keys, lambda _: reader, self.bug, self._unsent)
        return reader._records  # noqa: SLF001  (the same class's own reading)

    async def status(self, message_id: str) -> Status | None:
        """What became of a message that this connector sent; None if it sent no such message."""
        return await self.hub.status(message_id)

    # ---- out ---------------------------------------------------------------------------------------------------------

    async def deliver(self, envelope: Envelope, wanted: frozenset[int]) -> Handed:
        """From the hub: hand the wanted records of the envelope to the system."""
        return await flow.deliver(
            envelope, wanted, self.rules, self.keys, self._target, self.bug, self._unsent
        )

    def _target(self, header: Header) -> Connector:
        """A reply goes to whoever awaits it; one that nobody awaits any more goes to the connector."""
        awaiting = self._awaiting.get(header.correlation_id or "") if header.kind == "reply" else None
        return awaiting or self.connector

    def _unsent(self, request: Header, records: "Mapping[int, Mapping[str, object]]") -> Arrival:
        """The answers keep the indices of what they answer; what has no answer here holds its place."""
        body = tuple(records.get(index) or BadRecord(index, "unreadable") for index in range(max(records) + 1))
        return self.arrival(request.operation, body, entrance="reply", correlation_id=request.message_id)

    async def settle(self, settled: Settled) -> None:
        """From the hub: every record of a message that this edge sent has ended. Raises what the connector raises."""
        if (awaiting := self._awaiting.get(settled.message_id)) is not None:
            awaiting.settle(settled.outcomes)
            return
        await self.connector.settled(settled.message_id, {each.index: _final(each) for each in settled.outcomes})


def _final(outcome: RecordOutcome) -> Final:
    match outcome.ending:
        case Ending.ACCEPTED:
            return Accepted()
        case Ending.DUPLICATE:
            return Duplicate()
        case Ending.REFUSED:
            return RefusedRecord(outcome.code or "refused_by_system", outcome.path)
        case _:
            return Dead(outcome.code or "gave_up")


@dataclass(frozen=True, slots=True)
class EdgeOutbox:
    """The connector's way into the line; what it gives is only ever plain values."""

    edge: Edge

    async def send(self, operation: str, records: "Sequence[JsonValue | Unreadable]", *, key: bytes) -> Receipt:
        """See `gateway.plugin.Outbox.send`."""
        body = tuple(
            BadRecord(index, each.code if each.code in CODES else "unreadable", each.path)
            if isinstance(each, Unreadable)
            else each
            for index, each in enumerate(records)
        )
        taken = await self.edge.take(self.edge.arrival(operation, body, entrance="outbox", request_key=key))
        return Receipt(taken.recorded.message_id, taken.recorded.repeated)

    async def ask(
        self, operation: str, records: Sequence[JsonValue], *, key: bytes | None = None, patience: float = 10.0
    ) -> tuple[Answer, ...]:
        """See `gateway.plugin.Outbox.ask`."""
        arrival = self.edge.arrival(operation, tuple(records), entrance="outbox", request_key=key)
        _, answered = await self.edge.ask(arrival, patience)
        if answered is None:
            raise Deferred("deadline")
        return answered

    async def note(self, act: Act, *, reference: bytes, counts: Mapping[str, int]) -> None:
        """See `gateway.plugin.Outbox.note`."""
        edge = self.edge
        at = stamp(edge.now())
        noted = note(edge.rules, edge.keys, str(uuid_utils.uuid7()), at, Act(act), reference, dict(counts))
        await edge.hub.submit(noted)


