"""That somebody with a name has the use of a person's data stopped at a connector's edge, or resumed (利用停止, C252).

The hub hears under which case, never of whom: it cannot know persons. The fact stands before the edge's list changes.
"""

from typing import Final

from gateway.errors import Refused
from gateway.hub.acts import acted, done_by
from gateway.hub.flow import Clock
from gateway.hub.journal import FactKind, Journal
from gateway.hub.people import People, Person, Role
from gateway.messages import staff_id, stamp

STOP: Final = frozenset({Role.OPERATOR, Role.OFFICER})
"""Who may: the officer who has decided, or the operator who does it for the officer where the keys lie."""


class UseStops:
    """Of one tenant."""

    def __init__(self, journal: Journal, people: People, clock: Clock) -> None:
        self._journal = journal
        self._people = people
        self._clock = clock

    async def record(self, peer: str, case: str, certificate: str, terminal: str, *, resumed: bool) -> None:
        """The edge of connector `peer` is about to change its list for the person of this certificate.

        Raises Refused: unknown_certificate (recorded if it was somebody's); and recorded: role_missing, bad_actor,
        bad_case.
        """
        act, now = "resume_use" if resumed else "stop_use", self._clock()
        person = self._people.person(certificate, now) or self._people.came_back(certificate)
        if person is None:
            raise Refused("unknown_certificate")
        if (code := _wrong(person, case, terminal)) is not None:
            body = acted(person, terminal, act, code)
            await self._journal.fact(FactKind.OPERATOR_ACTED, body, at=stamp(now))
            raise Refused(code)
        kind = FactKind.USE_RESUMED if resumed else FactKind.USE_STOPPED
        who = done_by(person.id, person.certificate, terminal)
        await self._journal.fact(kind, {**who, "connector": peer, "case": case}, at=stamp(now))


def _wrong(person: Person, case: str, terminal: str) -> str | None:
    """Why this person may not, so; None if nothing is wrong. Who has no role at all came back after it ended."""
    if person.roles.isdisjoint(STOP):
        return "role_missing" if person.roles else "unknown_certificate"
    if not staff_id(terminal):
        return "bad_actor"
    return None if staff_id(case) else "bad_case"
