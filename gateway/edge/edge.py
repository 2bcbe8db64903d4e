"""One edge at work: a connector with its rules and keys, between the hub's link and its system.

It makes arrivals (fresh id, the clock's time) and keeps those who await a reply. What a message goes through is in
`flow.py`.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

import uuid_utils

from gateway.edge import flow
from gateway.edge.attest import prove
from gateway.edge.awaiting import Awaiting
from gateway.edge.closed import closed_error, closed_outcomes
from gateway.edge.in_hand import InHand
from gateway.edge.rules import EdgeRules
from gateway.edge.seal import certificate, refuse
from gateway.edge.use_stops import UseStopList
from gateway.errors import Deferred, Refused
from gateway.keys.private import EdgeKeys
from gateway.messages import (
    AdmittedHere,
    Arrival,
    BadRecord,
    Ending,
    Envelope,
    Handed,
    Header,
    MessageKind,
    Recorded,
    RecordOutcome,
    Settled,
    Status,
    decode_header,
    decode_statement,
    repeat_mark,
)
from gateway.observe import Telemetry
from gateway.plugin.attest import Proven, Shown
from gateway.plugin.connector import Accepted, Answer, Connector, Dead, Duplicate, Final, RefusedRecord

_GRACE = 5.0


class Hub(flow.Hub, Protocol):
    """What an edge asks of the hub beyond `submit`."""

    async def status(
        self, message_id: str, certificate: str | None = None, *, proven: bool = False
    ) -> Status | None: ...
    async def proof(self, message_id: str, certificate: str | None = None) -> str | None: ...
    async def look(self, message_id: str, certificate: str, terminal: str) -> Envelope: ...
    async def shown(self, message_id: str, certificate: str, terminal: str) -> None: ...
    async def use_stop(self, case: str, certificate: str, terminal: str, *, resumed: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an arrival: recorded, with the records that this edge refused. `mark` is its `repeat_mark`."""

    recorded: Recorded
    refused: tuple[BadRecord, ...]
    all_refused: bool
    mark: str | None


@dataclass(slots=True)
class Edge:
    """`rules` and `keys` are replaced together on a reload; everything else stays for the edge's life. Without a list
    of `use_stops`, of nobody the use is stopped.
    """

    rules: EdgeRules
    keys: EdgeKeys
    connector: Connector
    hub: Hub
    now: Callable[[], datetime]
    telemetry: Telemetry
    use_stops: UseStopList | None = None
    _awaiting: dict[str, Awaiting] = field(default_factory=dict)
    _in_hand: InHand = field(default_factory=InHand)

    def _rules_now(self) -> EdgeRules:
        """The rules, with whose use is stopped at this moment. Raises Deferred if that cannot be known."""
        if self.use_stops is None:
            return self.rules
        return replace(self.rules, stopped=self.use_stops.stopped(self.keys))

    @property
    def problem(self) -> str:
        """Why nothing passes here just now, in words for the operator; empty if it may."""
        if self.use_stops is None:
            return ""
        self.use_stops.look(self.keys)
        return self.use_stops.problem

    # ---- in ----------------------------------------------------------------------------------------------------------

    def arrival(self, operation: str, body: Any, **rest: Any) -> Arrival:
        """An arrival at this edge, now, under a fresh id; `rest` is what the entrance knows besides."""
        known = {"tenant": self.rules.tenant.code, "connector": self.rules.connector} | rest
        message_id = str(uuid_utils.uuid7())
        return Arrival(message_id=message_id, received_at=self.now(), operation=operation, body=body, **known)

    async def take(self, arrival: Arrival) -> Taken:
        """Into the line. Raises Refused (the whole was refused, and that is recorded) or Deferred."""
        own = self.rules.tenant.code, self.rules.connector
        try:
            recorded, sealed = await flow.accept(arrival, self._rules_now(), self.keys, self.hub, self._prove)
        except Refused as refusal:
            if refusal.reason is not None:
                self.telemetry.unproven(*own, arrival.message_id, refusal.reason)
            self._told(arrival, refusal.code)
            raise
        header = decode_header(sealed.envelope.header) if sealed.envelope is not None else None
        said = decode_statement(sealed.statement.statement) if sealed.statement is not None else None
        refused = tuple(BadRecord(index, code, path) for index, code, path in said.records) if said else ()
        if not recorded.repeated:
            self.telemetry.not_admitted(*own, arrival.operation, arrival.message_id, [each.code for each in refused])
        named = header or said
        return Taken(recorded, refused, bool(refused) and header is None, repeat_mark(named) if named else None)

    def _prove(self, shown: Shown) -> Proven:
        return prove(shown, self.connector, self._bug)

    def _bug(self, error: BaseException | None, problem: str, **known: str) -> None:
        self.telemetry.bug(error, problem, tenant=self.rules.tenant.code, connector=self.rules.connector, **known)

    async def refuse(self, arrival: Arrival, code: str) -> None:
        """Have it recorded that this arrival was refused before it entered the line. Raises Deferred."""
        await self.hub.submit(refuse(arrival, self.rules, self.keys, code))
        self._told(arrival, code)

    def _told(self, arrival: Arrival, code: str) -> None:
        """To the operator; the operation only if it is one of the locked interface, for else it is the peer's word."""
        rules = self.rules
        operation = rules.contract.known(arrival.operation)
        self.telemetry.refused(rules.tenant.code, rules.connector, operation, arrival.message_id, code)

    async def ask(self, arrival: Arrival, patience: float) -> tuple[Taken, tuple[Answer, ...] | None]:
        """A request: its answers, or None if they did not come within `patience` seconds.

        Raises as `take` does; and Refused("answer_expired"), recorded, for the repeat of what was answered too long
        ago; or "dispute", if the hub takes for a repeat what is none.
        """
        waiting = self._awaiting[arrival.message_id] = Awaiting()
        try:
            taken = await self.take(arrival)
            if taken.recorded.repeated:
                return taken, await self._again(arrival, taken)
            done, _ = await asyncio.wait([waiting.answers], timeout=patience)
            if not done and waiting.replied_to:  # its settlement is on the way
                done, _ = await asyncio.wait([waiting.answers], timeout=_GRACE)
            return taken, waiting.answers.result() if done else None
        finally:
            del self._awaiting[arrival.message_id]

    async def _again(self, arrival: Arrival, taken: Taken) -> tuple[Answer, ...] | None:
        """The answers to the first message of this key, of which the hub says that it is this one: see `ask`."""
        code, first = "dispute", taken.recorded.message_id
        if taken.mark is not None:  # without a key it can be no repeat
            try:
                found = await self.status(first, fingerprint=arrival.fingerprint, repeat=taken.mark)
                if found is None or not _gone(*found):
                    return found[1] if found else None
                code = "answer_expired"
            except Refused as refusal:
                if refusal.code != code:
                    raise
        await self.refuse(arrival, code)
        raise Refused(code)

    async def status(
        self, message_id: str, *, fingerprint: str | None = None, repeat: str | None = None
    ) -> tuple[Status, tuple[Answer, ...] | None] | None:
        """What became of a message that this connector sent, with its answers if it is an answered request.

        None if it sent no such message, or if another of its peers than that of `fingerprint` did. What was answered
        to a proof is left out unless who asks repeats that message under one; `repeat` is the repeat's mark. The reply
        is opened once more; raises Refused if no route carries it today, or "dispute" if it answers another message;
        Deferred as `take`.
        """
        status = await self.hub.status(message_id, certificate(fingerprint), proven=repeat is not None)
        if status is None:
            return None
        outcomes = closed_outcomes(status.outcomes, self.rules)
        status = Status(status.message_id, status.kind, status.ended, outcomes, status.reply)
        if not status.ended or status.kind is not MessageKind.REQUEST:
            return status, None
        reader = Awaiting()
        if status.reply is not None:
            header = decode_header(status.reply.header)
            if header.correlation_id != message_id or repeat not in (None, header.request_mark):
                self._bug(None, "the hub gave out the answer to another message")
                raise Refused("dispute")
            route = self.rules.tenant.route(header.route)
            if route is not None and route.attest and repeat is None:
                return status, None
            await self._hand_on(status.reply, frozenset(index for index, _, _ in header.records), reader)
        reader.settle(status.outcomes)
        return status, reader.answers.result() if reader.answers.done() else None

    async def proof(self, message_id: str, *, fingerprint: str) -> str | None:
        """A file that proves that this message was recorded or refused; None as `status`."""
        return await self.hub.proof(message_id, certificate(fingerprint))

    # ---- out ---------------------------------------------------------------------------------------------------------

    async def deliver(self, envelope: Envelope, wanted: frozenset[int]) -> Handed:
        """From the hub: hand the wanted records of the envelope to the system. What must wait until the system is done
        with what it was handed before, is deferred.
        """
        try:
            return await self._deliver(envelope, wanted)
        except Deferred as deferred:
            return flow.deferred(deferred, wanted)

    async def _deliver(self, envelope: Envelope, wanted: frozenset[int]) -> Handed:
        try:
            header = decode_header(envelope.header)
        except Refused:
            return await self._hand_on(envelope, wanted, None)  # it says so of each record
        with self._in_hand.take(header, wanted) as free:
            handed = await self._hand_on(envelope, free, None) if free else None
        return flow.kept_back(handed, wanted - free)

    async def _hand_on(self, envelope: Envelope, wanted: frozenset[int], reader: Awaiting | None) -> Handed:
        """A reply goes to whoever awaits it; one that nobody awaits any more goes to the connector. Raises Deferred if
        nothing passes here just now.
        """
        reached: list[Awaiting] = []

        def target(header: Header) -> Connector:
            request = header.correlation_id if header.kind is MessageKind.REPLY else None
            awaiting = reader or self._awaiting.get(request or "")
            if awaiting is None:
                return self.connector
            reached.append(awaiting)
            return awaiting

        handed = await flow.deliver(
            envelope, wanted, self._rules_now(), self.keys, target, self._bug, self._reply, self.now()
        )
        for awaiting in reached:
            awaiting.replied(handed.outcomes)
        return handed

    def _reply(self, request: Header, records: "Mapping[int, Mapping[str, object]]") -> Arrival:
        """The answers keep the indices of what they answer; what has no answer here holds its place."""
        body = tuple(
            _plain(records[index]) if index in records else BadRecord(index, "unreadable")
            for index in range(max(records) + 1)
        )
        asked = {"correlation_id": request.message_id, "request_mark": repeat_mark(request)}
        return self.arrival(request.operation, body, entrance="reply", **asked)

    async def look(self, message_id: str, certificate: str, terminal: str) -> AdmittedHere:
        """A held message for this connector, opened for the person of that certificate (SHA-256, hex), whom the hub
        knows; that it is looked at is a fact by then, and before it is returned also that it could be opened. Raises
        Refused or Deferred, as the hub or the opening does; or "dispute", if the hub gives out another message.
        """
        envelope = await self.hub.look(message_id, certificate, terminal)
        if decode_header(envelope.header).message_id != message_id:
            self._bug(None, "the hub gave out another message to be looked at")
            raise Refused("dispute")
        here = flow.look(envelope, self._rules_now(), self.keys, self.now())
        await self.hub.shown(message_id, certificate, terminal)
        return here

    async def settle(self, settled: Settled) -> None:
        """From the hub: every record of a message that this edge sent has ended. Raises what the connector raises, in
        our codes; Deferred("deadline") if it hears for too long.
        """
        outcomes = closed_outcomes(settled.outcomes, self.rules)
        if (awaiting := self._awaiting.get(settled.message_id)) is not None:
            awaiting.settle(outcomes)
            return
        try:
            async with asyncio.timeout(self.rules.limits.delivery_deadline):
                await self.connector.settled(settled.message_id, {each.index: _final(each) for each in outcomes})
        except (Refused, Deferred) as error:
            raise closed_error(error) from None
        except TimeoutError:
            raise Deferred("deadline") from None


def _gone(status: Status, answers: tuple[Answer, ...] | None) -> bool:
    """Whether it was answered and the answers are had no more."""
    return status.ended and answers is None and any(each.ending is Ending.ACCEPTED for each in status.outcomes)


def _plain(answer: object) -> object:
    """A connector may answer with any mapping; what is none goes on as it is, to be refused."""
    return dict(answer) if isinstance(answer, Mapping) else answer


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
