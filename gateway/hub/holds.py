"""What people decide about held messages: they look, through the destination's own edge; then two of them release it,
or one refuses it.

Whatever is decided is a fact with person, certificate and terminal before it takes effect, and so is every refusal to
let somebody decide. Nothing of the content is known here.
"""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, get_args

from gateway.errors import Refused
from gateway.hub.acts import acted
from gateway.hub.dispatcher import Dispatcher
from gateway.hub.flow import Clock
from gateway.hub.journal import By, FactKind, Journal, Reason
from gateway.hub.people import People, Person, Role
from gateway.hub.permit import permit_again
from gateway.hub.rules import HubRules
from gateway.messages import Envelope, Header, decode_header, staff_id, stamp

DECIDE: Final = frozenset({Role.OFFICER, Role.APPROVER})
"""Who may look, approve and refuse; to release second needs the approver's."""
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)


class Holds:
    """Of one tenant. `rules` is swapped whole on a reload."""

    def __init__(self, rules: HubRules, journal: Journal, people: People, dispatcher: Dispatcher, clock: Clock) -> None:
        self.rules = rules
        self._journal = journal
        self._people = people
        self._dispatcher = dispatcher
        self._clock = clock

    async def look(self, peer: str, message_id: str, certificate: str, terminal: str) -> Envelope:
        """The envelope, for the edge of its destination `peer` to open before the person of this certificate.

        Raises Refused: unknown_certificate (recorded if it was somebody's); and recorded: role_missing,
        unknown_message, bad_actor, not_held.
        """
        async with self._at_edge("look", peer, message_id, certificate, terminal) as (envelope, by, at):
            await self._journal.holds.look(message_id, by=by, at=at)
        return envelope

    async def shown(self, peer: str, message_id: str, certificate: str, terminal: str) -> None:
        """The edge of its destination `peer` has opened it for that person: only then the looking counts.

        Raises Refused: unknown_certificate (recorded if it was somebody's); and recorded: role_missing,
        unknown_message, bad_actor, not_held, not_looked_at.
        """
        async with self._at_edge("shown", peer, message_id, certificate, terminal) as (_, by, at):
            await self._journal.holds.shown(message_id, by=by, at=at)

    @contextlib.asynccontextmanager
    async def _at_edge(
        self, act: str, peer: str, message_id: str, certificate: str, terminal: str
    ) -> AsyncIterator[tuple[Envelope, By, str]]:
        """What an edge asks for a person who is at it: the envelope, who it is, and when."""
        now = self._clock()
        person = self._people.person(certificate, now)
        if person is None:
            if (former := self._people.came_back(certificate)) is not None:
                await self._refused(act, message_id, former, terminal, now, "unknown_certificate")
            raise Refused("unknown_certificate")
        async with self._refusals_recorded(act, message_id, person, terminal, now):
            header, envelope = self._message(message_id)
            if header.destination != peer:
                raise Refused("unknown_message")
            yield envelope, _by(person, terminal), stamp(now)

    async def release(self, message_id: str, person: Person, terminal: str) -> dict[str, Any]:
        """One word of two, by whoever may still say it when it is written. The first approves; the second, an approver,
        has the message re-enter at Permitted, and from then on it is due. If the first may by then confirm no more, the
        second is the first. What it came to, as plain JSON.

        Raises Refused, recorded: role_missing, unknown_message, bad_actor, why today's routes do not carry it (then it
        stays held), not_held, maker_may_not_confirm, not_looked_at, second_person_needed.
        """
        now = self._clock()
        async with self._refusals_recorded("release", message_id, person, terminal, now):
            header, _ = self._message(message_id)
            by = _by(person, terminal)
            permit_again(header, self.rules, now)
            people = self._people.confirmers(now)
            confirmed = await self._journal.holds.confirm(
                message_id, by=by, people=people, at=stamp(now), now=now.timestamp()
            )
        if confirmed.released:
            self._dispatcher.revived(header, confirmed.seq, confirmed.released)
        state = "released" if confirmed.released else "approved"
        return {"message_id": message_id, "state": state, "records": list(confirmed.released)}

    async def refuse(self, message_id: str, person: Person, terminal: str, reason: str) -> dict[str, Any]:
        """It goes nowhere: its source hears `not_released`, whatever the reason.

        Raises Refused, recorded: role_missing, unknown_message, bad_actor, bad_reason, not_held,
        maker_may_not_confirm, not_looked_at.
        """
        now = self._clock()
        async with self._refusals_recorded("refuse", message_id, person, terminal, now):
            header, _ = self._message(message_id)
            known = next((each for each in REASONS if each == reason), None)
            if known is None:
                raise Refused("bad_reason")
            by = _by(person, terminal)
            people = self._people.confirmers(now)
            due = await self._journal.holds.refuse(message_id, by=by, people=people, reason=known, at=stamp(now))
        self._dispatcher.settling.due(header.source, message_id, due)
        return {"message_id": message_id, "state": "refused", "reason": known}

    def _message(self, message_id: str) -> tuple[Header, Envelope]:
        envelope = self._journal.envelope(message_id)
        if envelope is None:
            raise Refused("unknown_message")
        return decode_header(envelope.header), envelope

    @contextlib.asynccontextmanager
    async def _refusals_recorded(
        self, act: str, message_id: str, person: Person, terminal: str, now: datetime
    ) -> AsyncIterator[None]:
        """The role is asked for here; whoever is refused, that is a fact."""
        try:
            if person.roles.isdisjoint(DECIDE):
                raise Refused("role_missing")
            yield
        except Refused as refusal:
            await self._refused(act, message_id, person, terminal, now, refusal.code)
            raise

    async def _refused(
        self, act: str, message_id: str, person: Person, terminal: str, now: datetime, code: str
    ) -> None:
        known_id = message_id if self._journal.message(message_id) is not None else None
        body = acted(person, terminal, act, code)
        await self._journal.fact(FactKind.OPERATOR_ACTED, body, at=stamp(now), message_id=known_id)


def _by(person: Person, terminal: str) -> By:
    if not staff_id(terminal):
        raise Refused("bad_actor")
    return By(person.id, person.certificate, terminal)
