"""The addresses under which officers review a tenant's log, sign that, and follow findings to their end; and under
which the users are held against the officer's table of rights.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from aiohttp import web

from gateway.config.files import Closed
from gateway.errors import Refused
from gateway.hub.callers import Callers, terminal
from gateway.hub.copies import acts_on
from gateway.hub.hub import TenantHub
from gateway.hub.parsing import parsed
from gateway.hub.review import COMPARES, LOOKS, SIGNS, Close, Flag, Sign, Table, Take
from gateway.hub.review.period import Period
from gateway.hub.streaming import patiently
from gateway.hub.telling import discloses

_Said = TypeVar("_Said", bound=Closed)


class ReviewRoutes:
    """What is answered names persons by staff ids and certificates by digests, and nobody whom a record is about."""

    def __init__(self, callers: Callers, clock: Callable[[], datetime]) -> None:
        self._callers = callers
        self._clock = clock

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Their places on the operators' listener."""
        router.add_get("/v1/{tenant}/review", self.review, allow_head=False)
        router.add_post("/v1/{tenant}/review", self.sign)
        router.add_post("/v1/{tenant}/users", self.users)
        router.add_post("/v1/{tenant}/users/sign", self.sign_users)
        router.add_get("/v1/{tenant}/findings", self.findings, allow_head=False)
        router.add_post("/v1/{tenant}/findings", self.flag)
        router.add_post("/v1/{tenant}/findings/{finding}/take", self.take)
        router.add_post("/v1/{tenant}/findings/{finding}/close", self.close)

    async def review(self, request: web.Request) -> web.StreamResponse:
        """What nobody has signed yet. The looking is a fact, too, with up to which fact: who looked may sign that."""
        hub, person = await self._callers.person(request, "review", *LOOKS)
        to = hub.journal.size_and_root()[0]
        await self._callers.acted(request, hub, person, "review", about={"to": to})

        async def look() -> dict[str, Any]:
            found = await hub.reviews.period(to, discloses=discloses(person))
            return found.told() | {"copies": await _copies(hub, found)}

        return await patiently(request, look())

    async def sign(self, request: web.Request) -> web.StreamResponse:
        """The log was reviewed up to a fact; what stands out by then is a finding from now on."""
        said = parsed(Sign, await self._callers.body(request, "sign", *SIGNS))

        async def sign() -> Mapping[str, int]:
            async with self._callers.acting(request, "sign", *SIGNS) as (hub, person):
                return await hub.reviews.sign(_given(said, "bad_review"), person, terminal(request), self._clock)

        return await patiently(request, sign())

    async def users(self, request: web.Request) -> web.Response:
        """Every right, as the system and as that table have it (C047). The looking is a fact, too."""
        said = parsed(Table, await self._callers.body(request, "users", *LOOKS))
        async with self._callers.acting(request, "users", *LOOKS) as (hub, person):
            table = _given(said, "bad_table")
            await self._callers.acted(request, hub, person, "users", about={"table": table.table})
            return web.json_response(await hub.reviews.users(table, self._clock()))

    async def sign_users(self, request: web.Request) -> web.Response:
        """The users were held against that table; what differs is a finding from now on."""
        said = parsed(Table, await self._callers.body(request, "sign_users", *COMPARES))
        async with self._callers.acting(request, "sign_users", *COMPARES) as (hub, person):
            table = _given(said, "bad_table")
            return web.json_response(await hub.reviews.sign_users(table, person, terminal(request), self._clock()))

    async def findings(self, request: web.Request) -> web.Response:
        """Those that are open; with `?all` every one. The looking is a fact, too."""
        hub, person = await self._callers.person(request, "findings", *LOOKS)
        await self._callers.acted(request, hub, person, "findings")
        found = hub.reviews.standing().findings.values()
        return web.json_response([each.row() for each in found if each.open or "all" in request.query])

    async def flag(self, request: web.Request) -> web.Response:
        """Somebody finds that some facts are to be looked into."""
        said = parsed(Flag, await self._callers.body(request, "flag", *SIGNS))
        async with self._callers.acting(request, "flag", *SIGNS) as (hub, person):
            flagged = _given(said, "bad_finding")
            opened = await hub.reviews.flag(flagged, person, terminal(request), self._clock())
        return web.json_response({"finding": opened})

    async def take(self, request: web.Request) -> web.Response:
        """Somebody works on it."""
        said = parsed(Take, await self._callers.body(request, "take", *SIGNS))
        async with self._callers.acting(request, "take", *SIGNS) as (hub, person):
            finding, taken = _finding(request), _given(said, "bad_finding")
            await hub.reviews.take(finding, taken, person, terminal(request), self._clock())
        return web.json_response({"finding": finding, "by": person.id})

    async def close(self, request: web.Request) -> web.Response:
        """It has come to its end."""
        said = parsed(Close, await self._callers.body(request, "close", *SIGNS))
        async with self._callers.acting(request, "close", *SIGNS) as (hub, person):
            finding, closed = _finding(request), _given(said, "bad_finding")
            await hub.reviews.close(finding, closed, person, terminal(request), self._clock())
        return web.json_response({"finding": finding, "outcome": closed.outcome.value})


async def _copies(hub: TenantHub, found: Period) -> list[dict[str, Any]]:
    """Copies of this log, made or declared destroyed since the last fact before the period, up to its last."""
    acts = await asyncio.to_thread(acts_on, hub.journal.path, hub.rules.tenant.code)
    after, upto = hub.journal.following.time_of(found.since - 1), hub.journal.following.time_of(found.to)
    return [each for each in acts if after < each["at"] <= upto]


def _given(said: _Said | None, code: str) -> _Said:
    """Raises Refused with that code if it could not be read."""
    if said is None:
        raise Refused(code)
    return said


def _finding(request: web.Request) -> int:
    """The finding that the address names. Raises Refused("unknown_finding")."""
    said = request.match_info["finding"]
    if not re.fullmatch("[1-9][0-9]{0,17}", said):
        raise Refused("unknown_finding")
    return int(said)
