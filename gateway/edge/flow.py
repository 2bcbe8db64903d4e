"""The edge's half of the story, on one screen: what a sender's system brings in, and what goes out to a system.

Everything up to `seal` is pure. Nothing is acknowledged before the hub has it recorded, and refusals are recorded too.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol

from gateway.config import Route, attested, counterparty_allowed, in_force, to_be_held
from gateway.edge.admit import admit, admit_here, admit_there
from gateway.edge.authenticate import Prove, authenticate, unproven
from gateway.edge.hand_over import Bugs, hand_over
from gateway.edge.open import open_envelope
from gateway.edge.parse import parse
from gateway.edge.project import project
from gateway.edge.rules import EdgeRules
from gateway.edge.seal import Address, attestations, attests, refuse, seal
from gateway.errors import Deferred, Refused
from gateway.keys.private import EdgeKeys
from gateway.messages import (
    AdmittedHere,
    AdmittedThere,
    Arrival,
    Attested,
    Ending,
    Envelope,
    Handed,
    Header,
    MessageKind,
    Parsed,
    Recorded,
    RecordOutcome,
    Sealed,
    decode_header,
)
from gateway.plugin.connector import Accepted, Connector, DeferredRecord, Duplicate, Outcome, RefusedRecord


class Hub(Protocol):
    """What an edge asks of the hub. Raises Refused where the hub refuses, Deferred where it cannot record now."""

    async def submit(self, sealed: Sealed) -> Recorded: ...


class Unsent(Protocol):
    """Makes the arrival of a reply: fresh id and time from the edge, the request's ids and operation."""

    def __call__(self, request: Header, records: "Mapping[int, Mapping[str, object]]") -> Arrival: ...


def enter(arrival: Arrival, rules: EdgeRules, prove: Prove = unproven) -> Parsed:
    """A sender's bytes as records of a proven sender. Raises Refused if the whole is refused."""
    proven = authenticate(arrival, rules, prove)
    sent = rules.contract.operation("sends", arrival.operation)
    return parse(proven, rules.limits, sent.most_records if sent and arrival.entrance != "reply" else None)


def prepare(parsed: Parsed, rules: EdgeRules, keys: EdgeKeys, salt: bytes) -> Sealed:
    """The records, sealed for their one destination. Raises Refused if the whole is refused."""
    admitted = admit(parsed, rules)
    to = _address(parsed.attested, rules, keys)
    projected = project(admitted, to.route.fields)
    there = admit_there(projected, to.operation)
    return seal(there, _under_law(there, to, rules), rules, keys, salt)


async def accept(
    arrival: Arrival, rules: EdgeRules, keys: EdgeKeys, hub: Hub, prove: Prove = unproven
) -> tuple[Recorded, Sealed]:
    """Into the line, from whatever entrance. Raises Refused (recorded as such) or Deferred (nothing happened).

    What today's rules refuse may be the repeat of what they let in: then it has its first answer. Not so what lacks
    the proof that its route wants: it is not told even that there is one.
    """
    parsed: Parsed | None = None
    try:
        parsed = enter(arrival, rules, prove)
        sealed = prepare(parsed, rules, keys, secrets.token_bytes(32))
    except Refused as refusal:
        sealed = refuse(arrival, rules, keys, refusal.code, parsed if refusal.code != "not_attested" else None)
        recorded = await hub.submit(sealed)
        if not recorded.repeated:
            raise
        return recorded, sealed
    return await hub.submit(sealed), sealed


async def deliver(  # noqa: PLR0913  (the step's whole world, handed in)
    envelope: Envelope,
    wanted: frozenset[int],
    rules: EdgeRules,
    keys: EdgeKeys,
    target: Callable[[Header], Connector],
    bug: Bugs,
    unsent: Unsent,
    now: datetime,
) -> Handed:
    """Out of the line, to the connector's system. Every wanted record gets an outcome; never raises."""
    try:
        opened = open_envelope(envelope, wanted, rules, keys, now)
        here = admit_here(opened, rules)
    except Refused as refusal:
        return Handed(tuple(RecordOutcome(i, Ending.REFUSED, refusal.code, refusal.path) for i in sorted(wanted)))
    except Deferred as later:
        return deferred(later, wanted)
    operation = rules.receiving_operation(here.header)
    bug = partial(bug, operation=here.header.operation, message_id=here.header.message_id)
    person_key = operation.person_key if operation else ""
    exactly = partial(attests, here.header, connector=rules.connector, keys=keys)
    outcomes = await hand_over(here, person_key, target(here.header), rules.contract, rules.limits, exactly, bug)
    outcomes |= {bad.index: RefusedRecord(bad.code, bad.path) for bad in here.refused}
    reply = None
    if here.header.kind == MessageKind.REQUEST:
        outcomes, reply = _reply(here, outcomes, rules, keys, unsent, bug)
    waits = [o.retry_after for o in outcomes.values() if isinstance(o, DeferredRecord) and o.retry_after is not None]
    plain = tuple(_plain(index, outcome) for index, outcome in sorted(outcomes.items()))
    return Handed(plain, max(waits) if waits else None, reply)


def look(envelope: Envelope, rules: EdgeRules, keys: EdgeKeys, now: datetime) -> AdmittedHere:
    """A held message as it would be handed over, for people to see. Raises Refused and Deferred as `open_envelope`, and
    "not_held": by what its sender signed and by this edge's own routes nobody is to look at it, whatever the hub says;
    "no_route" if its route is none here any more.
    """
    header = decode_header(envelope.header)
    route = rules.tenant.route(header.route)
    if route is None:
        raise Refused("no_route")
    if not to_be_held(header, route):
        raise Refused("not_held")
    every = frozenset(index for index, _, _ in header.records)
    return admit_here(open_envelope(envelope, every, rules, keys, now), rules)


def deferred(cause: Deferred, wanted: frozenset[int]) -> Handed:
    """That none of the wanted records was handed over, and all of them wait."""
    return Handed(tuple(RecordOutcome(index, None, cause.code) for index in sorted(wanted)), cause.retry_after)


def kept_back(handed: Handed | None, waiting: frozenset[int]) -> Handed:
    """What was handed over, if anything, and that the others wait until the system is done with what it has in hand."""
    outcomes = tuple(RecordOutcome(index, None, "behind_deferred") for index in sorted(waiting))
    if handed is None:
        return Handed(outcomes)
    return Handed((*handed.outcomes, *outcomes), handed.retry_after, handed.reply)


def _reply(
    here: AdmittedHere, outcomes: dict[int, Outcome], rules: EdgeRules, keys: EdgeKeys, unsent: Unsent, bug: Bugs
) -> tuple[dict[int, Outcome], Sealed | None]:
    """The answers travel the same line back: admitted, projected to `reply_fields`, admitted there, sealed.

    A request is answered as a whole, once: while any of its records is deferred, none is answered yet. Answers that do
    not go into one message end with that: they would not the next time.
    """
    if any(isinstance(outcome, DeferredRecord) for outcome in outcomes.values()):
        deferred = next(o for o in outcomes.values() if isinstance(o, DeferredRecord))
        return dict.fromkeys(outcomes, deferred), None
    answers = {i: o.reply for i, o in outcomes.items() if isinstance(o, Accepted) and o.reply is not None}
    outcomes = {
        i: RefusedRecord("refused_by_system") if isinstance(o, Accepted | Duplicate) and i not in answers else o
        for i, o in outcomes.items()
    }
    if not answers:
        return outcomes, None
    route = rules.tenant.route(here.header.route)
    assert route is not None  # noqa: S101  (open_envelope proved it)
    asked, answered = rules.ends(route)
    ends = (route.destination_operation, route.source, route.operation)
    to = Address(route, answered, MessageKind.REPLY, *ends, legal_basis=route.cites(()))
    try:
        admitted = admit(enter(unsent(here.header, answers), rules), rules, dict(here.records))
        there = admit_there(project(admitted, route.reply_fields), asked, reply=True)
        sealed = seal(there, to, rules, keys, secrets.token_bytes(32))
    except Refused as refusal:
        bug(None, f"the answers could not be sent: {refusal.code}")
        return {i: RefusedRecord(refusal.code) if i in answers else o for i, o in outcomes.items()}, None
    bad = {b.index: RefusedRecord(b.code, b.path) for b in (*admitted.refused, *there.refused) if b.index in answers}
    return outcomes | bad, sealed if sealed.envelope else None


def _plain(index: int, outcome: Outcome) -> RecordOutcome:
    match outcome:
        case Accepted():
            return RecordOutcome(index, Ending.ACCEPTED)
        case Duplicate():
            return RecordOutcome(index, Ending.DUPLICATE)
        case RefusedRecord(code, path):
            return RecordOutcome(index, Ending.REFUSED, code, path)
        case DeferredRecord(code, _):
            return RecordOutcome(index, None, code)


def _address(sender: Attested, rules: EdgeRules, keys: EdgeKeys) -> Address:
    """The one route from this operation, with what it wants attested. Raises Refused (no_route, not_attested), before
    anything else of it is asked: what is refused otherwise may have its first answer again.
    """
    arrival = sender.arrival
    route: Route | None = rules.tenant.route_from(rules.connector, arrival.operation)
    if route is None:
        raise Refused("no_route")
    claims = attestations(sender, keys)
    if not attested(claims, route, arrival.received_at):
        raise Refused("not_attested", reason="route" if claims or arrival.proof is not None else "absent")
    here, there = rules.ends(route)
    kind = MessageKind.REQUEST if here.kind == "request" else MessageKind.EVENT
    ends = (route.operation, route.destination, route.destination_operation)
    return Address(route, there, kind, *ends, claims)


def _under_law(there: AdmittedThere, to: Address, rules: EdgeRules) -> Address:
    """With what the message cites: the route's law, and the rows that its records have. Raises Refused
    (basis_not_in_force, counterparty_not_allowed).
    """
    cited = to.route.cites({to.route.row_of(record) for _, record in there.records})
    if not in_force(cited, rules.legal_basis, there.projected.admitted.parsed.attested.arrival.received_at):
        raise Refused("basis_not_in_force")
    if not counterparty_allowed(to.attestations, cited, rules.legal_basis):
        raise Refused("counterparty_not_allowed")
    return replace(to, legal_basis=cited)
