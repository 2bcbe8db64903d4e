"""The addresses under which a tenant's administrator lists, grants and revokes rights."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import jiter
import msgspec
from aiohttp import web

from gateway.config.files import Closed
from gateway.errors import Refused
from gateway.hub.callers import Callers, terminal
from gateway.hub.people import Role
from gateway.hub.rights import Grant, Revocation

_Asked = TypeVar("_Asked", bound=Closed)


class PeopleRoutes:
    """What is answered names persons by staff ids and certificates by digests."""

    def __init__(self, callers: Callers, clock: Callable[[], datetime]) -> None:
        self._callers = callers
        self._clock = clock

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Their places on the operators' listener."""
        router.add_get("/v1/{tenant}/people", self.listed, allow_head=False)
        router.add_post("/v1/{tenant}/people", self.grant)
        router.add_post("/v1/{tenant}/people/{person}/revoke", self.revoke)

    async def listed(self, request: web.Request) -> web.Response:
        """Every right of the tenant, for the administrator's review and for operators. The looking is a fact, too."""
        hub, person = await self._callers.person(request, "people", Role.ADMINISTRATOR, Role.OPERATOR)
        found = hub.people.listed(self._clock())
        await self._callers.acted(hub, person, "people")
        return web.json_response(found)

    async def grant(self, request: web.Request) -> web.Response:
        """A role for a person until a day."""
        said = await self._callers.body(request, "grant", Role.ADMINISTRATOR)
        hub, by = await self._callers.person(request, "grant", Role.ADMINISTRATOR)
        async with self._callers.recorded(hub, by, "grant"):
            grant, at = _parsed(Grant, said), terminal(request)
            await hub.people.grant(grant, by, at, self._clock())
        return web.json_response(grant.model_dump(mode="json"))

    async def revoke(self, request: web.Request) -> web.Response:
        """A person's role ends now."""
        said = await self._callers.body(request, "revoke", Role.ADMINISTRATOR)
        hub, by = await self._callers.person(request, "revoke", Role.ADMINISTRATOR)
        async with self._callers.recorded(hub, by, "revoke"):
            named = {"person": request.match_info["person"]}
            revocation, at = _parsed(Revocation, said, **named), terminal(request)
            await hub.people.revoke(revocation, by, at, self._clock())
        return web.json_response(revocation.model_dump(mode="json"))


def _parsed(model: type[_Asked], said: bytes, **named: str) -> _Asked:
    """What was said as that model, each key once, with what the address named. Raises Refused("bad_grant")."""
    try:
        asked = jiter.from_json(said, catch_duplicate_keys=True)
        if not isinstance(asked, dict) or not named.keys().isdisjoint(asked):
            raise Refused("bad_grant")
        return model.model_validate_json(msgspec.json.encode({**asked, **named}))
    except (ValueError, RecursionError):
        raise Refused("bad_grant") from None
