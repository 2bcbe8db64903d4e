"""The address under which a person looks at what is held: at the process that runs the destination's edge.

What the edge shows passes from there to the person who asked, and is kept nowhere. It passes no code of the hub.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from gateway.errors import Refused
from gateway.hub.callers import Callers, certificate, said_terminal
from gateway.link.words import Place


class LookRoute:
    """`look` opens a held message for the person of that certificate, at that terminal."""

    def __init__(self, callers: Callers, look: Callable[[Place, str, str, str], Awaitable[dict[str, Any]]]) -> None:
        self._callers = callers
        self._look = look

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Its place on the operators' listener."""
        router.add_get("/v1/{tenant}/{connector}/holds/{message_id}", self.look, allow_head=False)

    async def look(self, request: web.Request) -> web.Response:
        """The content of a held message, for whom the hub knows as one who may look; that it was is a fact before."""
        tenant, connector, message_id = (request.match_info[each] for each in ("tenant", "connector", "message_id"))
        try:
            found = await self._look((tenant, connector), message_id, certificate(request), said_terminal(request))
        except Refused as refusal:
            self._callers.noise += refusal.code == "unknown_certificate"
            raise
        return web.json_response(found, headers={"Cache-Control": "no-store"})
