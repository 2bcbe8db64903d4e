"""The addresses under which a tenant's administrator lists, grants and revokes rights, and sees who did what."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from aiohttp import web

from gateway.config import japanese_midnight
from gateway.errors import Refused
from gateway.hub.acts import NOBODY
from gateway.hub.callers import Callers, terminal
from gateway.hub.parsing import parsed
from gateway.hub.people import Role
from gateway.hub.rights import Grant, Revocation
from gateway.hub.streaming import streamed
from gateway.messages import staff_id, stamp

_LOOKS: Final = (Role.ADMINISTRATOR, Role.OPERATOR, Role.AUDITOR)


class PeopleRoutes:
    """What is answered names persons by staff ids and certificates by digests."""

    def __init__(self, callers: Callers, clock: Callable[[], datetime]) -> None:
        self._callers = callers
        self._clock = clock

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Their places on the operators' listener."""
        router.add_get("/v1/{tenant}/people", self.listed, allow_head=False)
        router.add_get("/v1/{tenant}/people/history", self.history, allow_head=False)
        router.add_post("/v1/{tenant}/people", self.grant)
        router.add_post("/v1/{tenant}/people/{person}/revoke", self.revoke)

    async def listed(self, request: web.Request) -> web.Response:
        """Every right of the tenant, for the administrator's review and for operators. The looking is a fact, too."""
        hub, person = await self._callers.person(request, "people", *_LOOKS)
        found = hub.people.listed(self._clock())
        await self._callers.acted(request, hub, person, "people")
        return web.json_response(found)

    async def history(self, request: web.Request) -> web.StreamResponse:
        """Who looked, decided, granted, revoked or was refused something, when and at which terminal (C045, C047,
        C091): by time, from the day `since` to the day `until` in Japan, with `person` what is by or about that person.
        The looking is a fact, too, with that person.
        """
        query, asked = request.query, request.query.get("person")
        about = {"person": asked} if asked is not None and staff_id(asked) else NOBODY
        async with self._callers.acting(request, "history", *_LOOKS, about=about) as (hub, reader):
            since = _midnight(query["since"]) if "since" in query else ""
            until = _midnight(query["until"], 1) if "until" in query else _NEVER
            await self._callers.acted(request, hub, reader, "history", about=about)
            return await streamed(request, hub.history(reader, since, until, asked))

    async def grant(self, request: web.Request) -> web.Response:
        """A role for a person until a day."""
        grant = parsed(Grant, await self._callers.body(request, "grant", Role.ADMINISTRATOR))
        async with self._callers.acting(request, "grant", Role.ADMINISTRATOR, about=_about(grant)) as (hub, by):
            if grant is None:
                raise Refused("bad_grant")
            await hub.people.grant(grant, by, terminal(request), self._clock())
        return web.json_response(grant.model_dump(mode="json"))

    async def revoke(self, request: web.Request) -> web.Response:
        """A person's role ends now."""
        said = await self._callers.body(request, "revoke", Role.ADMINISTRATOR)
        revocation = parsed(Revocation, said, person=request.match_info["person"])
        async with self._callers.acting(request, "revoke", Role.ADMINISTRATOR, about=_about(revocation)) as (hub, by):
            if revocation is None:
                raise Refused("bad_grant")
            await hub.people.revoke(revocation, by, terminal(request), self._clock())
        return web.json_response(revocation.model_dump(mode="json"))


def _about(asked: Grant | Revocation | None) -> Mapping[str, str]:
    """Whom and which role it is about; of what does not parse the log says nothing."""
    return NOBODY if asked is None else {"person": asked.person, "role": asked.role.value}


def _midnight(said: str, days: int = 0) -> str:
    """When the day begins in Japan that is so many days after that one. Raises Refused("not_a_date")."""
    try:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", said):
            raise Refused("not_a_date")
        return stamp(japanese_midnight(date.fromisoformat(said) + timedelta(days)))
    except (ValueError, OverflowError):
        raise Refused("not_a_date") from None


_NEVER: Final = "9999-12-31T23:59:59.999999Z"
