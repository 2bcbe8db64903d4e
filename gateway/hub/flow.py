"""The hub's half of the story, on one screen: what an edge submits is permitted and recorded; what is due is handed on.

Nothing is acknowledged before it is a durable fact, every attempt leaves a fact before it acts, and every refusal is a
fact too. If the log cannot be written, `Deferred("log_unavailable")` is what everyone hears.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.config import Limits
from gateway.errors import Deferred, Refused
from gateway.hub.breaker import unreached
from gateway.hub.journal.delivering import Conclusion
from gateway.hub.journal.facts import FactKind
from gateway.hub.outcomes import answers, of_each, patience, unanswered
from gateway.hub.permit import OURS, permit, proven
from gateway.hub.places import Places
from gateway.hub.rules import HubRules
from gateway.link.allowance import Allowance
from gateway.messages import (
    Envelope,
    Handed,
    Header,
    MessageKind,
    Permitted,
    Recorded,
    RecordOutcome,
    Sealed,
    Settled,
    Statement,
    stamp,
)

_OURS_SECONDS = 10.0
"""How long whoever was told that the clocks or the limits differ is asked to wait: somebody must set them."""


class Journal(Protocol):
    """What the flow needs of the store. Every method is durable when it returns; all raise Deferred if it cannot be."""

    async def fact(self, kind: FactKind, body: Mapping[str, Any], *, at: str, message_id: str | None = None) -> int: ...
    async def state(self, kind: FactKind, body: Mapping[str, Any], *, at: str, message_id: str) -> Recorded: ...
    async def repeat(self, named: Header | Statement, *, at: str) -> Recorded | None: ...
    async def record(
        self, permitted: Permitted, *, at: str, now: float, goes: bool = False, held: bool = False
    ) -> Recorded: ...
    async def attempted(self, message_id: str, indices: Sequence[int], *, attempt: int, at: str) -> None: ...
    async def conclude(  # noqa: PLR0913
        self,
        message_id: str,
        outcomes: Sequence[RecordOutcome],
        *,
        attempt: int,
        next_at: float | None,
        at: str,
        now: float,
        reply: Permitted | None = None,
        reply_goes: bool = False,
    ) -> Conclusion: ...


class Edges(Protocol):
    """What the hub asks of the edges, over a link. Both raise Deferred when the edge cannot be reached."""

    async def deliver(self, tenant: str, connector: str, envelope: Envelope, wanted: frozenset[int]) -> Handed: ...
    async def settle(self, settled: Settled) -> None: ...


async def accept(  # noqa: PLR0913  (a peer's message and the whole world around it)
    sealed: Sealed,
    peer: str,
    rules: HubRules,
    journal: Journal,
    now: datetime,
    places: Places,
    unproven: Allowance | None = None,
) -> tuple[Permitted | None, Recorded]:
    """From the edge of the connector `peer`: permit, record. Raises Refused (recorded as such) or Deferred.

    What is to be refused and is not even signed by the peer spends of `unproven`, if there is such a bound.

    A repeat has its first answer again, whatever today's rules say of it, but not without the proof that its route
    wants: then nothing was permitted.
    """
    try:
        permitted = permit(sealed, peer, rules, now)
        if permitted.header is not None and permitted.header.kind is MessageKind.REPLY:
            raise Refused("no_open_request")  # an answer comes with the outcomes of its request, and no other way
        return permitted, await _record(permitted, rules, journal, now, places)
    except Refused as refusal:
        named = proven(sealed, peer, rules)
        if named is not None and (first := await _first(named, refusal.code, journal, now)) is not None:
            return None, first
        if named is None and unproven is not None:
            unproven.spend()
        await _refused(sealed, peer, refusal, rules, journal, now)
        if refusal.code in OURS:
            raise Deferred(refusal.code, retry_after=_OURS_SECONDS) from None
        raise


async def _record(permitted: Permitted, rules: HubRules, journal: Journal, now: datetime, places: Places) -> Recorded:
    """What is to be held finds no place: it is not due before people have released it."""
    statement, at = permitted.statement, stamp(now)
    if permitted.header is not None or (statement is not None and statement.records):
        held = rules.hold(permitted.header)
        with places.place(None if held else permitted.header) as place:
            recorded = await journal.record(permitted, at=at, now=now.timestamp(), goes=place.goes, held=held)
            place.used = not recorded.repeated
        return recorded
    assert statement is not None  # noqa: S101  (permit proved it)
    if (first := await _first(statement, statement.code, journal, now)) is not None:
        return first
    kind = FactKind.CONNECTOR_NOTED if statement.kind == "note" else FactKind.MESSAGE_REFUSED
    return await journal.state(kind, _stated(permitted, statement), at=at, message_id=statement.message_id)


async def _first(named: Header | Statement, code: str | None, journal: Journal, now: datetime) -> Recorded | None:
    """The first answer to what is refused now with this code; for what is not proven there is none (rule 4)."""
    if named.request_key is None or code == "not_attested":
        return None
    return await journal.repeat(named, at=stamp(now))


def _stated(permitted: Permitted, statement: Statement) -> dict[str, Any]:
    signed = permitted.sealed.statement
    assert signed is not None  # noqa: S101  (permit proved it)
    told = {"statement": json.loads(signed.statement), "signature": signed.signature.hex()}
    return {"stage": "edge", "code": statement.code, **told} if statement.kind == "refusal" else told


async def _refused(
    sealed: Sealed, peer: str, refusal: Refused, rules: HubRules, journal: Journal, now: datetime
) -> None:
    """What the hub refuses may be forged: the digest, the peer and the reason are certain, and what it signed; of the
    operation only a name of the peer's locked interface stands there.
    """
    named = proven(sealed, peer, rules)
    operation = named.source_operation if isinstance(named, Header) else named.operation if named else None
    body = {
        "stage": "hub",
        "code": refusal.code,
        "connector": peer,
        "client_certificate": named.client_certificate if named else None,
        "operation": operation if operation in rules.operations.get(peer, ()) else None,
        "envelope": sealed.envelope.digest() if sealed.envelope else None,
    }
    message_id = named.message_id if named else None
    await journal.fact(FactKind.MESSAGE_REFUSED, body, at=stamp(now), message_id=message_id)


async def deliver(  # noqa: PLR0913  (one due message and the whole world around it)
    message: "DueMessage",
    header: Header,
    envelope: Envelope,
    wanted: frozenset[int],
    rules: HubRules,
    journal: Journal,
    edges: Edges,
    limits: Limits,
    clock: "Clock",
    places: Places,
) -> "Concluded":
    """One attempt: a fact before it, the hand-over, a fact after it with an outcome for each record."""
    if not message.goes:
        await journal.attempted(message.message_id, sorted(wanted), attempt=message.attempt + 1, at=stamp(clock()))
        message.attempt += 1
    attempt = message.attempt
    reply: Permitted | None = None
    try:
        handed = await _handed(header, envelope, wanted, edges, limits)
        now, asked = clock(), handed.retry_after
        outcomes = of_each(handed.outcomes, wanted, rules)
        outcomes, reply = await _permitted_reply(message, header, outcomes, handed.reply, rules, journal, now)
    except Deferred as deferred:
        now, asked = clock(), deferred.retry_after
        outcomes = of_each([RecordOutcome(index, None, deferred.code) for index in wanted], wanted, rules)
    nobody = unreached(outcomes, asked)
    outcomes, next_at = patience(outcomes, asked, attempt, limits, now)
    times: dict[str, Any] = {"attempt": attempt, "next_at": next_at, "at": stamp(now), "now": now.timestamp()}
    try:
        with places.place(reply.header if reply else None) as place:
            concluded = await journal.conclude(
                message.message_id, outcomes, reply=reply, reply_goes=place.goes, **times
            )
            place.used = True
    except Refused as refusal:  # the journal knows better whether the request is still open
        if reply is None:
            raise
        await _refused(reply.sealed, message.destination, refusal, rules, journal, now)
        outcomes, reply = tuple(unanswered(each, refusal.code) for each in outcomes), None
        concluded = await journal.conclude(message.message_id, outcomes, **times)
    return Concluded(outcomes, attempt, next_at, concluded, reply, nobody, asked)


async def _handed(header: Header, envelope: Envelope, wanted: frozenset[int], edges: Edges, limits: Limits) -> Handed:
    """What the edge answers, which hands over in waves that each have the deadline: as many as one person has records,
    and so at most as many as one lane has. Raises Deferred, also if that time is over.
    """
    lanes = Counter(lane for index, _, lane in header.records if index in wanted)
    try:
        async with asyncio.timeout(limits.delivery_deadline * (1 + max(lanes.values(), default=1))):
            return await edges.deliver(header.tenant, header.destination, envelope, wanted)
    except TimeoutError:
        raise Deferred("deadline") from None


async def _permitted_reply(  # noqa: PLR0913
    message: "DueMessage",
    header: Header,
    outcomes: tuple[RecordOutcome, ...],
    reply: Sealed | None,
    rules: HubRules,
    journal: Journal,
    now: datetime,
) -> tuple[tuple[RecordOutcome, ...], Permitted | None]:
    """A reply passes the same check as anything that an edge seals, and is held against the outcomes as they will be
    recorded; if it fails, its records end refused. Raises Deferred if that is ours to mend: then it is asked again.
    """
    if reply is None:
        asked = message.kind is MessageKind.REQUEST
        return tuple(unanswered(each, "refused_by_system") if asked else each for each in outcomes), None
    try:
        permitted = permit(reply, message.destination, rules, now)
        answers(permitted.header, header, outcomes)
    except Refused as refusal:
        await _refused(reply, message.destination, refusal, rules, journal, now)
        if refusal.code in OURS:
            raise Deferred(refusal.code) from None
        return tuple(unanswered(each, refusal.code) for each in outcomes), None
    return outcomes, permitted


class Clock(Protocol):
    """The time now, in UTC; handed in by the wiring."""

    def __call__(self) -> datetime: ...


class DueMessage(Protocol):
    """A message with records that have not ended. `attempt` is how many attempts are recorded; if it `goes`, with the
    one that is to be made now.
    """

    attempt: int

    @property
    def message_id(self) -> str: ...
    @property
    def kind(self) -> MessageKind: ...
    @property
    def destination(self) -> str: ...
    @property
    def goes(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Concluded:
    """What an attempt came to; `recorded` is what the journal made of it, `reply` what answered. `unreached` says that
    the system was not there, `asked` is its Retry-After.
    """

    outcomes: tuple[RecordOutcome, ...]
    attempt: int
    next_at: float | None
    recorded: Conclusion
    reply: Permitted | None
    unreached: bool
    asked: float | None
