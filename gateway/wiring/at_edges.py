"""The addresses at which a person reaches an edge, at the process that runs it: to look at what is held there, and to
have the use of somebody's data stopped there, or resumed.

What the edge shows passes from there to the person who asked, and is kept nowhere. It passes no code of the hub.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

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
        with _strangers_counted(self._callers):
            found = await self._look((tenant, connector), message_id, certificate(request), said_terminal(request))
        return web.json_response(found, headers={"Cache-Control": "no-store"})


class HasRecorded(Protocol):
    """Has the hub record it, for the person of that certificate at that terminal. Raises Refused or Deferred."""

    async def __call__(self, place: Place, case: str, certificate: str, terminal: str, *, resumed: bool) -> None: ...


class UseStopRoute:
    """`record` has it recorded that a person's use is stopped at an edge, or resumed; whose is not said here. The list
    of that edge is changed after that, by whoever asked, where its keys lie.
    """

    def __init__(self, callers: Callers, record: HasRecorded) -> None:
        self._callers = callers
        self._record = record

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Their places on the operators' listener."""
        router.add_post("/v1/{tenant}/{connector}/use-stops/{case}", self.stop)
        router.add_post("/v1/{tenant}/{connector}/use-stops/{case}/resume", self.resume)

    async def stop(self, request: web.Request) -> web.Response:
        """Under this case a person's use is to stop at this edge."""
        return await self._recorded(request, resumed=False)

    async def resume(self, request: web.Request) -> web.Response:
        """It may go on."""
        return await self._recorded(request, resumed=True)

    async def _recorded(self, request: web.Request, *, resumed: bool) -> web.Response:
        tenant, connector, case = (request.match_info[each] for each in ("tenant", "connector", "case"))
        with _strangers_counted(self._callers):
            who = certificate(request), said_terminal(request)
            await self._record((tenant, connector), case[:64], *who, resumed=resumed)
        return web.json_response({"connector": connector, "case": case, "recorded": True})


@contextlib.contextmanager
def _strangers_counted(callers: Callers) -> Iterator[None]:
    """Whom nobody knows is noise, as everywhere."""
    try:
        yield
    except Refused as refusal:
        callers.noise += refusal.code == "unknown_certificate"
        raise
