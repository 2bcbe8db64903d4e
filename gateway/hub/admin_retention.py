"""The addresses under which people see to what is kept: purge now, hold for an investigation, erase a trail, and mark
what is not to be disclosed.

Each act is a fact of its own kind with who, certificate, terminal and case; what only looks is a fact, too.
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Self

from aiohttp import web
from pydantic import Field, model_validator

from gateway.config.files import Closed, Flag, StaffId
from gateway.errors import Refused
from gateway.hub.acts import done_by
from gateway.hub.callers import Callers, terminal
from gateway.hub.days import LogDay
from gateway.hub.holds import DECIDE
from gateway.hub.hub import TenantHub
from gateway.hub.parsing import parsed
from gateway.hub.people import Person, Role
from gateway.hub.retention import Retained, would_go
from gateway.hub.search.asked import Id, Sought
from gateway.messages import stamp

_RUNS: Final = (Role.OPERATOR, Role.ADMINISTRATOR)
_MOST: Final = 100
"""Messages that one legal hold names."""


class Case(Closed):
    """Under which case it is done."""

    case: StaffId


class Hold(Case):
    """Certain messages, or the days from `since` to `until` in Japan, or without any of them the whole log."""

    messages: Annotated[tuple[Id, ...], Field(max_length=_MOST)] = ()
    since: LogDay | None = None
    until: LogDay | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.messages and (self.since or self.until)) or (self.since and self.until and self.since > self.until):
            raise ValueError("messages, or days in their order")
        return self


class Purge(Closed):
    """With `dry_run` only what would go is told."""

    dry_run: Flag


class RetentionRoutes:
    """`retain` deletes what a tenant is not to keep."""

    def __init__(
        self, callers: Callers, clock: Callable[[], datetime], retain: Callable[[TenantHub], Awaitable[Retained]]
    ) -> None:
        self._callers = callers
        self._clock = clock
        self._retain = retain

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Their places on the operators' listener."""
        router.add_post("/v1/{tenant}/retention", self.run)
        router.add_get("/v1/{tenant}/legal-holds", self.listed, allow_head=False)
        router.add_post("/v1/{tenant}/legal-holds", self.place)
        router.add_post("/v1/{tenant}/legal-holds/lift", self.lift)
        router.add_post("/v1/{tenant}/erasures", self.erase)
        router.add_post("/v1/{tenant}/messages/{message_id}/undisclosed", self.mark)

    async def run(self, request: web.Request) -> web.Response:
        """What is over goes now, as it would by itself within an hour; or what would go."""
        asked = parsed(Purge, await self._callers.body(request, "retention", *_RUNS))
        async with self._callers.acting(request, "retention", *_RUNS) as (hub, person):
            if asked is None:
                raise Refused("bad_retention")
            about = {"dry_run": True} if asked.dry_run else {}
            await self._callers.acted(request, hub, person, "retention", about=about)
            if asked.dry_run:
                found = await would_go(hub.rules.tenant, hub.journal, self._clock())
            else:
                found = await self._retain(hub)
                await hub.search.forget()
        return web.json_response(asdict(found))

    async def listed(self, request: web.Request) -> web.Response:
        """The legal holds in force."""
        hub, person = await self._callers.person(request, "legal_holds", *_RUNS)
        found = [each.told() for each in hub.journal.retention.legal_holds()]
        await self._callers.acted(request, hub, person, "legal_holds")
        return web.json_response(found)

    async def place(self, request: web.Request) -> web.Response:
        """Nothing of this goes until it is lifted."""
        hold = parsed(Hold, await self._callers.body(request, "legal_hold", Role.ADMINISTRATOR))
        async with self._callers.acting(request, "legal_hold", Role.ADMINISTRATOR) as (hub, person):
            if hold is None:
                raise Refused("bad_retention")
            said = {key: each for key, each in hold.model_dump(mode="json").items() if each}
            await hub.journal.retention.place({**_by(request, person), **said}, at=self._now())
        return web.json_response(said)

    async def lift(self, request: web.Request) -> web.Response:
        """The investigation needs it no longer."""
        said = parsed(Case, await self._callers.body(request, "lift", Role.ADMINISTRATOR))
        async with self._callers.acting(request, "lift", Role.ADMINISTRATOR) as (hub, person):
            if said is None:
                raise Refused("bad_retention")
            await hub.journal.retention.lift({**_by(request, person), "case": said.case}, at=self._now())
        return web.json_response({"case": said.case})

    async def erase(self, request: web.Request) -> web.Response:
        """The tags of one person go, as the connector's edge made them."""
        sought = parsed(Sought, await self._callers.body(request, "erase", Role.ADMINISTRATOR))
        async with self._callers.acting(request, "erase", Role.ADMINISTRATOR) as (hub, person):
            if sought is None:
                raise Refused("bad_retention")
            months = sought.by_month()
            said = {"connector": sought.connector, "months": sorted(months), "reason": sought.reason}
            fields = {**_by(request, person), **said, "case": sought.case}
            tags = [tag for some in months.values() for tag in some]
            erased = await hub.journal.retention.erase(tags, fields, at=self._now())
            await hub.search.forget()
        return web.json_response({"tags": erased})

    async def mark(self, request: web.Request) -> web.Response:
        """The exchange that this message is of is not to be disclosed from now on (番号法第23条第2項)."""
        said = parsed(Case, await self._callers.body(request, "mark", *DECIDE))
        async with self._callers.acting(request, "mark", *DECIDE) as (hub, person):
            if said is None:
                raise Refused("bad_retention")
            fields = {**_by(request, person), "case": said.case}
            first = await hub.journal.retention.mark(request.match_info["message_id"], fields, at=self._now())
        return web.json_response({"message_id": first})

    def _now(self) -> str:
        return stamp(self._clock())


def _by(request: web.Request, person: Person) -> dict[str, Any]:
    return done_by(person.id, person.certificate, terminal(request))
