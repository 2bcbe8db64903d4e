"""The addresses under which copies of logs are listed before they are made, and declared destroyed: for the configured
operators, in the system's log.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from gateway.config.files import Closed, StaffId, Word
from gateway.errors import Refused
from gateway.hub.acts import done_by
from gateway.hub.callers import Callers, certificate, said_terminal, whole_body
from gateway.hub.copies import Form, copied, listed, require_listed
from gateway.hub.journal import FactKind, Journal
from gateway.hub.journal.facts import COPY_FACTS
from gateway.hub.parsing import parsed
from gateway.messages import stamp


class Copied(Closed):
    """Which logs are about to be copied; `system` is the system's."""

    form: Form
    logs: Annotated[tuple[Word, ...], Field(min_length=1)]


class Destroyed(Closed):
    """Under which case a copy was destroyed."""

    case: StaffId


class CopyRoutes:
    """`logs` are those of this process by tenant, `system` the system's among them. `cosign` asks the witnesses of what
    is new, and does not wait long.
    """

    def __init__(
        self,
        callers: Callers,
        clock: Callable[[], datetime],
        logs: Callable[[], Mapping[str, Journal]],
        system: str,
        cosign: Callable[[], Awaitable[None]],
    ) -> None:
        self._callers = callers
        self._clock = clock
        self._logs = logs
        self._system = system
        self._cosign = cosign

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Their places on the operators' listener."""
        router.add_get("/v1/copies", self.listed, allow_head=False)
        router.add_post("/v1/copies", self.copied)
        router.add_post("/v1/copies/{copy}/destroyed", self.destroyed)

    async def listed(self, request: web.Request) -> web.Response:
        """Every copy that was made."""
        await self._callers.operator(request, "copies")
        return web.json_response([each.told() for each in listed(self._logs()[self._system].told(COPY_FACTS))])

    async def copied(self, request: web.Request) -> web.Response:
        """A copy is about to be made: that is a fact before, with a name, and the answer is its id."""
        said = parsed(Copied, await whole_body(request))
        by = await self._by(request, "copy")
        if said is None:
            raise Refused("bad_copy")
        logs = self._logs()
        if not logs.keys() >= {*said.logs}:
            raise Refused("unknown_tenant")
        fields = copied(said.form, {name: logs[name].size_and_root()[0] for name in said.logs}, self._clock())
        await logs[self._system].fact(FactKind.LOGS_COPIED, {**by, **fields}, at=stamp(self._clock()))
        for name in {*said.logs, self._system}:  # so that as little as can be of the copy is signed by nobody
            await logs[name].checkpoint()
        if said.form == "tiles":  # what convinces strangers: as much of it as can be is vouched for by others, too
            await self._cosign()
        return web.json_response({"copy": fields["copy"]})

    async def destroyed(self, request: web.Request) -> web.Response:
        """Somebody says that a copy is no more. Whether it is so, no gateway can know."""
        said = parsed(Destroyed, await whole_body(request))
        by, copy = await self._by(request, "copy_destroyed"), request.match_info["copy"]
        if said is None:
            raise Refused("bad_copy")
        await self._logs()[self._system].fact(
            FactKind.COPY_DESTROYED,
            {**by, "copy": copy, "case": said.case},
            at=stamp(self._clock()),
            check=partial(require_listed, copy=copy),
        )
        return web.json_response({"copy": copy})

    async def _by(self, request: web.Request, act: str) -> dict[str, Any]:
        """Who says it, for the fact. Raises Refused."""
        operator = await self._callers.operator(request, act)
        return done_by(operator, certificate(request), said_terminal(request))
