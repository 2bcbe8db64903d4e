"""The address under which it is told what is left of one message, in every copy that the gateway made."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from aiohttp import web

from gateway.config import japanese_day
from gateway.hub import telling
from gateway.hub.callers import Callers
from gateway.hub.copies import ListedCopy
from gateway.hub.people import Role
from gateway.hub.remains import message, remains, unswept

_ROLES: Final = (Role.OPERATOR, Role.ADMINISTRATOR, Role.AUDITOR)


class RemainsRoute:
    """`folders` has the days of a log's files, for each export into a folder; `copies` are all that are listed."""

    def __init__(
        self,
        callers: Callers,
        clock: Callable[[], datetime],
        folders: Callable[[str], Awaitable[Mapping[str, Collection[date]]]],
        copies: Callable[[], Sequence[ListedCopy]],
    ) -> None:
        self._callers = callers
        self._clock = clock
        self._folders = folders
        self._copies = copies

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Its place on the operators' listener."""
        router.add_get("/v1/{tenant}/messages/{message_id}/deleted", self.deleted, allow_head=False)

    async def deleted(self, request: web.Request) -> web.Response:
        """A row for each copy, and whether anything is left that should not be. The asking is a fact, too."""
        async with self._callers.acting(request, "deleted", *_ROLES) as (hub, person):
            message_id, tenant = request.match_info["message_id"], hub.rules.tenant.code
            indexed = await hub.search.upto()
            kept = hub.journal.retention.kept(message_id)
            hidden = kept.undisclosed and not telling.discloses(person)
            its, today = message(tenant, message_id, kept, hidden=hidden), japanese_day(self._clock())
            found = remains(its, indexed, await self._folders(tenant), self._copies(), today)
            if hub.journal.retention.unswept():
                found = unswept(found)
            await self._callers.acted(request, hub, person, "deleted")
        rows = [each.told(today) for each in found]
        told = {"message_id": message_id, "left": any(each["left"] for each in rows), "copies": rows}
        return web.json_response(told | ({"undisclosed": True} if hidden else {}))
