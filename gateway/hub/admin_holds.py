"""The addresses under which people list, release and refuse what is held. None of them knows its content."""

import jiter
from aiohttp import web

from gateway.hub import telling
from gateway.hub.callers import Callers, said_terminal
from gateway.hub.holds import DECIDE
from gateway.hub.people import Role
from gateway.hub.streaming import streamed


class HoldRoutes:
    """Lists and decisions are the hub's."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Their places on the operators' listener."""
        router.add_get("/v1/{tenant}/holds", self.listed, allow_head=False)
        router.add_post("/v1/{tenant}/holds/{message_id}/release", self.release)
        router.add_post("/v1/{tenant}/holds/{message_id}/refuse", self.refuse)

    async def listed(self, request: web.Request) -> web.StreamResponse:
        """What is held, oldest first. The looking is a fact, too: one, however much there is."""
        hub, person = await self._callers.person(request, "holds", *DECIDE, Role.OPERATOR)
        await self._callers.acted(request, hub, person, "holds")
        return await streamed(request, (telling.listed(page, person) for page in hub.journal.holds.pages()))

    async def release(self, request: web.Request) -> web.Response:
        """One word of two, that it may go."""
        hub, person = await self._callers.person(request, "release", *DECIDE)
        return web.json_response(
            await hub.holds.release(request.match_info["message_id"], person, said_terminal(request))
        )

    async def refuse(self, request: web.Request) -> web.Response:
        """It may not go, for a reason of the closed list."""
        reason = _reason(await self._callers.body(request, "refuse", *DECIDE))
        hub, person = await self._callers.person(request, "refuse", *DECIDE)
        message_id = request.match_info["message_id"]
        return web.json_response(await hub.holds.refuse(message_id, person, said_terminal(request), reason))


def _reason(said: bytes) -> str:
    """The one thing that a refusal says, once; else nothing, which is none of the list: refused, and recorded."""
    try:
        match jiter.from_json(said, catch_duplicate_keys=True):
            case {"reason": str(reason), **rest} if not rest:
                return reason
    except (ValueError, RecursionError):
        pass
    return ""
