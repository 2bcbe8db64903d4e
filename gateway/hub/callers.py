"""Who calls at the operators' listener, and whether that person may do what is asked.

A certificate that nobody ever had is noise; a person without the role, or whose right has ended, is refused, and that
is a fact in the tenant's log.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from gateway.errors import Refused
from gateway.hub.acts import NOBODY, acted
from gateway.hub.hub import TenantHub
from gateway.hub.journal import FactKind
from gateway.hub.people import Person, Role
from gateway.link.https import peer_fingerprint
from gateway.messages import staff_id, stamp

BODY_SECONDS: Final = 10.0
"""How long a body may take to come."""


class Callers:
    """`operators` are those of the configuration, names by certificate; `hubs` those of this process, by tenant."""

    def __init__(
        self,
        hubs: Callable[[], Mapping[str, TenantHub]],
        operators: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        self._hubs = hubs
        self._operators = operators
        self._clock = clock
        self.noise = 0

    async def operator(self, request: web.Request, act: str) -> str:
        """The name of the configured operator who calls: nobody else acts on the whole process. Raises Refused
        (unknown_certificate, role_missing).
        """
        shown = certificate(request)
        if shown in self._operators:
            return self._operators[shown]
        for hub in self._hubs().values():
            if (person := hub.people.person(shown, self._clock())) is not None:
                await self.acted(request, hub, person, act, code="role_missing")
                raise Refused("role_missing", cause=f"you are {person.id}; it is for an operator of gateway.toml")
        for hub in self._hubs().values():
            if await self._came_back(request, hub, act):
                raise Refused("unknown_certificate")
        raise self._unknown()

    async def person(self, request: web.Request, act: str, *roles: Role) -> tuple[TenantHub, Person]:
        """The hub of the tenant that the address names, and who calls, with at least one of these roles there.

        Raises Refused (unknown_certificate, also for who is known to another tenant; unknown_tenant; role_missing).
        """
        async with self.acting(request, act, *roles) as found:
            return found

    @contextlib.asynccontextmanager
    async def acting(
        self, request: web.Request, act: str, *roles: Role, about: Mapping[str, str] = NOBODY
    ) -> AsyncIterator[tuple[TenantHub, Person]]:
        """As `person`; and whatever is refused within is a fact, too."""
        shown, hub = certificate(request), self._hubs().get(request.match_info["tenant"])
        if hub is None:
            raise Refused("unknown_tenant") if shown in self._operators else self._unknown()
        if (person := hub.people.person(shown, self._clock())) is None:
            raise Refused("unknown_certificate") if await self._came_back(request, hub, act) else self._unknown()
        try:
            if person.roles.isdisjoint(roles):
                raise Refused("role_missing", cause=_wanted(person, roles))
            yield hub, person
        except Refused as refusal:
            await self.acted(request, hub, person, act, code=refusal.code, about=about)
            raise

    async def body(self, request: web.Request, act: str, *roles: Role) -> bytes:
        """The whole body. Read before it is asked who calls: whoever sends it slowly may act no longer by its end.

        Raises Refused (body_too_large; body_too_slow, after `BODY_SECONDS`), recorded; and as `person`.
        """
        try:
            return await whole_body(request)
        except Refused:
            async with self.acting(request, act, *roles):
                raise

    async def acted(
        self,
        request: web.Request,
        hub: TenantHub,
        person: Person,
        act: str,
        *,
        code: str | None = None,
        about: Mapping[str, Any] = NOBODY,
    ) -> int:
        """Record that somebody with a name looked at something, or was refused with a code: with the message that the
        address names, if there is one of that id. Tells the seq of the fact.
        """
        said = request.match_info.get("message_id", "")
        message_id = said if said and hub.journal.message(said) is not None else None
        body = acted(person, said_terminal(request), act, code, about)
        return await hub.journal.fact(FactKind.OPERATOR_ACTED, body, at=stamp(self._clock()), message_id=message_id)

    async def _came_back(self, request: web.Request, hub: TenantHub, act: str) -> bool:
        """Whether somebody came who has no right any more, and that was recorded. The answer is a stranger's."""
        if (person := hub.people.came_back(certificate(request))) is None:
            return False
        await self.acted(request, hub, person, act, code="unknown_certificate")
        return True

    def _unknown(self) -> Refused:
        self.noise += 1
        return Refused("unknown_certificate")


def _wanted(person: Person, roles: Collection[Role]) -> str:
    """Who asked, by the certificate, and who may: the commonest slip is another certificate than one meant."""
    own, may = (" or ".join(sorted(each.value for each in some)) for some in (person.roles, roles))
    return f"you are {person.id}, as {own}; it is for {may}; --as names another certificate"


async def whole_body(request: web.Request) -> bytes:
    """Raises Refused (body_too_large; body_too_slow, after `BODY_SECONDS`)."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise Refused("body_too_slow") from None
    except web.HTTPRequestEntityTooLarge:
        raise Refused("body_too_large") from None


def terminal(request: web.Request) -> str:
    """The terminal at which the person sits (C056), as `Renkei-Terminal` says. Raises Refused("bad_actor")."""
    said = said_terminal(request)
    if not staff_id(said):
        raise Refused("bad_actor")
    return said


def said_terminal(request: web.Request) -> str:
    """Whatever `Renkei-Terminal` says, cut to a length that no terminal's id has."""
    return request.headers.get("Renkei-Terminal", "")[:64]


def certificate(request: web.Request) -> str:
    """The personal certificate that the peer proved: SHA-256, in hex."""
    return peer_fingerprint(request).removeprefix("sha256:")
