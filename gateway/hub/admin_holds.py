"""The addresses under which people list, look at, release and refuse what is held.

Lists and decisions are the hub's, and know no content. The looking is asked of the process that runs the destination's
edge: what it shows passes from there to the person who asked, and is kept nowhere.
"""

from typing import Any, Protocol

import jiter
from aiohttp import web

from gateway.errors import Refused
from gateway.hub import telling
from gateway.hub.callers import Callers, certificate, said_terminal
from gateway.hub.holds import DECIDE
from gateway.hub.people import Role
from gateway.hub.streaming import streamed


class Edges(Protocol):
    """What opens a held message, for the person of that certificate, if its destination's edge is here."""

    async def look(
        self, place: tuple[str, str], message_id: str, certificate: str, terminal: str
    ) -> dict[str, Any]: ...


class HoldRoutes:
    """`edges` are those of this process."""

    def __init__(self, callers: Callers, edges: Edges) -> None:
        self._callers = callers
        self._edges = edges

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Their places on the operators' listener."""
        router.add_get("/v1/{tenant}/holds", self.listed, allow_head=False)
        router.add_post("/v1/{tenant}/holds/{message_id}/release", self.release)
        router.add_post("/v1/{tenant}/holds/{message_id}/refuse", self.refuse)
        router.add_get("/v1/{tenant}/{connector}/holds/{message_id}", self.look, allow_head=False)

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

    async def look(self, request: web.Request) -> web.Response:
        """The content of a held message, for whom the hub knows as one who may look; that it was is a fact before."""
        tenant, connector, message_id = (request.match_info[each] for each in ("tenant", "connector", "message_id"))
        try:
            found = await self._edges.look(
                (tenant, connector), message_id, certificate(request), said_terminal(request)
            )
        except Refused as refusal:
            self._callers.noise += refusal.code == "unknown_certificate"
            raise
        return web.json_response(found, headers={"Cache-Control": "no-store"})


def _reason(said: bytes) -> str:
    """The one thing that a refusal says, once; else nothing, which is none of the list: refused, and recorded."""
    try:
        match jiter.from_json(said, catch_duplicate_keys=True):
            case {"reason": str(reason), **rest} if not rest:
                return reason
    except (ValueError, RecursionError):
        pass
    return ""
