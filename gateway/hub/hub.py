"""One tenant's hub at work: rules, journal and dispatcher together; what edges and operators may ask of it.

What a message goes through is in `flow.py`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from gateway.config import Limits
from gateway.errors import Deferred, Refused
from gateway.hub import flow, telling
from gateway.hub.accounts import Accounts
from gateway.hub.dispatcher import Dispatcher
from gateway.hub.holds import Holds
from gateway.hub.journal import FactKind, Journal
from gateway.hub.people import Person
from gateway.hub.permit import permit_again
from gateway.hub.retention import keeps
from gateway.hub.review import Reviews
from gateway.hub.rules import HubRules
from gateway.hub.search import Search
from gateway.hub.use_stop import UseStops
from gateway.link.allowance import Allowance
from gateway.messages import Envelope, Header, Permitted, Recorded, Sealed, Status, decode_header, stamp

_SEALED_FOR_GOOD = frozenset({"expired", "header_mismatch", "interface_changed", "not_attested", "unknown_key"})
_SEALED_ANEW = frozenset({"interface_changed", "unknown_key"})
"""Why an answer is given out no more, though its route would carry it: the asker asks anew."""
_MOST_REFUSED = 50
"""How many refusals are told at a time."""
_MOST_LOOKED = 100
"""How many reads are made for them."""


@dataclass(slots=True)
class TenantHub:
    """`rules` is swapped whole on a reload, here and in the dispatcher."""

    rules: HubRules
    journal: Journal
    dispatcher: Dispatcher
    people: Accounts
    clock: flow.Clock
    holds: Holds = field(init=False)
    search: Search = field(init=False)
    reviews: Reviews = field(init=False)
    use_stops: UseStops = field(init=False)
    _unproven: defaultdict[str, Allowance] = field(default_factory=lambda: defaultdict(Allowance))
    _submitting: "set[asyncio.Future[Recorded]]" = field(default_factory=set)

    def __post_init__(self) -> None:
        self.holds = Holds(self.rules, self.journal, self.people, self.dispatcher, self.clock)
        self.search = Search(self.journal)
        self.reviews = Reviews(self.journal, self.search, self.people, lambda: self.rules.tenant.file.review)
        self.use_stops = UseStops(self.journal, self.people, self.clock)
        self.journal.keep(keeps(self.rules.tenant))

    async def submit(self, peer: str, sealed: Sealed) -> Recorded:
        """From the edge of connector `peer`. Raises Refused (recorded) or Deferred.

        Whoever loses patience meanwhile changes nothing: what is recorded is also due.
        """
        work = asyncio.ensure_future(self._submit(peer, sealed))
        self._submitting.add(work)
        work.add_done_callback(self._submitting.discard)
        return await asyncio.shield(work)

    async def _submit(self, peer: str, sealed: Sealed) -> Recorded:
        rules, troubles, loop = self.rules, self.dispatcher.troubles, asyncio.get_running_loop()
        try:
            permitted, recorded = await flow.accept(
                sealed, peer, rules, self.journal, self.clock(), self.dispatcher.places, self._unproven[peer]
            )
        except (Refused, Deferred) as error:
            troubles.not_taken(peer, error.code, loop.time())
            raise
        if recorded.repeated or permitted is None or (permitted.header is None and _ends_at_once(permitted)):
            self.dispatcher.settling.due(peer, recorded.message_id)
        else:
            troubles.taken(peer, loop.time())
            if permitted.header is not None and rules.hold(permitted.header):
                self.dispatcher.overdue.add(permitted.header)
            else:
                self.dispatcher.recorded(permitted, recorded.seq)
        return recorded

    async def status(
        self, peer: str, message_id: str, certificate: str | None = None, *, proven: bool = False
    ) -> Status | None:
        """What became of a message that connector `peer` sent; None if it sent none of that id, or if it came in by
        another client certificate than `certificate`: one connector may have many peers, as clinics are. Who is
        `proven` by the repeat of the message may have a new one.

        A reply that is given out once more passes today's route first, and is a fact that names the certificate. Raises
        Refused (recorded). One whose time is over stays here, and so does one that could only be given sealed anew
        (recorded, too), and what was answered to a proof if who asks is not `proven`.
        """
        known = self.journal.message(message_id)
        if known is None or known.source != peer:
            return None
        if not proven and certificate not in (None, known.client_certificate or certificate):
            return None
        asker = {"connector": peer, "client_certificate": certificate}
        reply = await self._give_out(known.reply_id, asker, message_id, proven=proven) if known.reply_id else None
        return Status(message_id, known.kind, known.ended, known.outcomes, reply)

    async def proof(self, peer: str, message_id: str, certificate: str | None = None) -> str | None:
        """A file that proves that a message of connector `peer` was recorded or, as a whole, refused; None as `status`,
        and of a fact that was purged, for then nothing says any more whose it was. Raises Deferred.
        """
        for fact, *_ in self.journal.found(self.journal.proofs.facts_of(message_id)):
            if _said_by(fact, peer, certificate):  # first: for a stranger nothing is signed
                return (await self.journal.proofs.of_fact(fact["seq"])).text()
        return None

    async def _give_out(
        self, reply_id: str, asker: Mapping[str, Any], message_id: str, *, proven: bool
    ) -> Envelope | None:
        now, reply, header = self.clock(), None, None
        try:
            reply = self.journal.envelope(reply_id)
            header = decode_header(reply.header) if reply is not None else None
            if reply is None or header is None or header.expires_at <= stamp(now):
                return None
            permit_again(header, self.rules, now)
        except Refused as refusal:
            digest = reply.digest() if reply else None  # None: it is not the one that was recorded
            operation = header.operation if header else None
            body = {"stage": "hub", "code": refusal.code, **asker, "operation": operation, "envelope": digest}
            await self.journal.fact(FactKind.MESSAGE_REFUSED, body, at=stamp(now), message_id=message_id)
            if refusal.code in _SEALED_ANEW:
                return None
            raise
        route = self.rules.tenant.route(header.route)
        if route is None or (route.attest and not proven):
            return None
        body = {**asker, "envelope": reply.digest()}
        await self.journal.fact(FactKind.REPLY_FETCHED, body, at=stamp(now), message_id=message_id)
        return reply

    async def look(self, peer: str, message_id: str, certificate: str, terminal: str) -> Envelope:
        """See `Holds.look`: the edge of the destination `peer` is about to show it to that person."""
        return await self.holds.look(peer, message_id, certificate, terminal)

    async def shown(self, peer: str, message_id: str, certificate: str, terminal: str) -> None:
        """See `Holds.shown`: that edge could open it."""
        await self.holds.shown(peer, message_id, certificate, terminal)

    async def use_stop(self, peer: str, case: str, certificate: str, terminal: str, *, resumed: bool) -> None:
        """See `UseStops.record`: the edge of connector `peer` is about to change its list."""
        await self.use_stops.record(peer, case, certificate, terminal, resumed=resumed)

    async def replay(self, message_id: str, operator: str) -> tuple[int, ...]:
        """Have the dead records of a message handed on again, under today's routes, or held by them: their indices.

        Raises Refused: unknown_message, not_replayable, or why today's routes do not carry it; where it can never go
        as it was sealed, send_anew. What it comes to is recorded with the operator's name; a refusal by whoever asks.
        """
        now, known = self.clock(), self.journal.message(message_id)
        if known is None:
            raise Refused("unknown_message")
        if (envelope := self.journal.envelope(message_id)) is None:
            await self._anew(known.source, message_id, now, operator)
        header = decode_header(envelope.header)
        await self._carried_today(header, now, operator)
        times: dict[str, Any] = {"at": stamp(now), "now": now.timestamp()}
        held = self.rules.hold(header)
        indices, held = await self.journal.revive(message_id, operator=operator, held=held, **times)
        if held:
            self.dispatcher.overdue.add(header)
        else:
            self.dispatcher.revived(header, known.seq, indices)
        return indices

    async def _carried_today(self, header: Header, now: datetime, operator: str) -> None:
        """Re-enter at Permitted. What can never go as it was sealed, its source is asked to send anew."""
        try:
            permit_again(header, self.rules, now)
        except Refused as refusal:
            if refusal.code not in _SEALED_FOR_GOOD:
                raise
            await self._anew(header.source, header.message_id, now, operator)

    async def _anew(self, source: str, message_id: str, now: datetime, operator: str) -> NoReturn:
        """Have the source hear that it is to send it anew. Raises Refused: "send_anew", or as the journal does."""
        await self.journal.unreplayable(message_id, at=stamp(now), operator=operator)
        self.dispatcher.settling.due(source, message_id)
        raise Refused("send_anew") from None

    def trace(self, message_id: str, reader: Person) -> list[dict[str, Any]]:
        """Every fact of this message, in order, as this person may have them; none holds a value."""
        undisclosed = self.journal.undisclosed(message_id)
        return telling.trail(self.journal.trace(message_id), reader, undisclosed=undisclosed)

    def history(self, reader: Person, since: str, until: str, person: str | None) -> Iterator[list[dict[str, Any]]]:
        """What people did from `since` and before `until`, by time, some at a time, as this person may have it. With
        `person` only what that person did, and what was done about that person.
        """
        after = (since, 0)
        while page := self.journal.acts(after, until):
            after = (page[-1]["at"], page[-1]["seq"])
            yield telling.acts([each for each in page if person is None or telling.concerns(each, person)], reader)

    async def refused(self, before: int | None) -> tuple[list[dict[str, Any]], int]:
        """What was refused before the fact of that seq, or lately, newest first, as `Journal.refusals` tells it; and
        the seq down to which was looked, 1 if that was all.
        """
        found: list[dict[str, Any]] = []
        looked = 0
        while len(found) < _MOST_REFUSED and looked < _MOST_LOOKED and before != 1:
            some, before = self.journal.refusals(before)
            found += some
            looked += 1
            await asyncio.sleep(0)  # others are served between two reads
        if len(found) > _MOST_REFUSED:
            before = found[_MOST_REFUSED - 1]["seq"]
        return found[:_MOST_REFUSED], before or 1

    def adopt(self, rules: HubRules, limits: Limits) -> None:
        """A reload: from now on these hold."""
        self.journal.keep(keeps(rules.tenant))
        self.rules = self.dispatcher.rules = self.holds.rules = rules
        self.dispatcher.limits = self.dispatcher.settling.limits = limits
        self.dispatcher.troubles.anew()


def _said_by(fact: Mapping[str, Any], peer: str, certificate: str | None) -> bool:
    """Whether the fact tells of a message of this connector's, and of this peer of it."""
    said = fact.get("header") or fact.get("statement") or fact
    its = said.get("client_certificate") or certificate
    return said.get("source", said.get("connector")) == peer and certificate in (None, its)


def _ends_at_once(permitted: Permitted) -> bool:
    """A message of which the edge refused every record; what else an edge states has no end to hear of."""
    return permitted.statement is not None and bool(permitted.statement.records)
