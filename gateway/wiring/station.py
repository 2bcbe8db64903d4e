"""One connector at work: opened, polled, asked for its health; whatever it raises stays its own."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import aiohttp

from gateway.edge.edge import Edge
from gateway.edge.outbox import EdgeOutbox
from gateway.errors import Deferred, Misconfigured, patience
from gateway.observe import Telemetry
from gateway.plugin.connector import ConnectorSpec, Context, Health

_PAUSE = 5.0
_LEAST_PAUSE = 1.0
_PATIENCE = 15.0
"""Seconds in which a connector says how it is: longer than ours, and the tutorial's, wait for a system that hangs."""


class Station:
    """An edge with its connector's HTTP session and its life. `health` is as last asked."""

    def __init__(
        self,
        edge: Edge,
        spec: ConnectorSpec,
        settings: Any,
        session: aiohttp.ClientSession,
        secret: Callable[[str], bytes],
        telemetry: Telemetry,
    ) -> None:
        self.edge = edge
        self.spec = spec
        self.settings = settings
        self.opened = False
        self.health = Health(ok=False, detail="not opened yet")
        self._session = session
        self._secret = secret
        self._telemetry = telemetry

    async def run(self, clock: Callable[[], datetime], opened: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled: open the connector, tell so, then poll it if it polls and, beside that, ask how it is."""
        rules, connector = self.edge.rules, self.edge.connector
        log = self._telemetry.log.bind(tenant=rules.tenant.code, connector=rules.connector)
        outbox = EdgeOutbox(self.edge, self.spec.attests)
        context = Context(rules.tenant.code, self.settings, outbox, self._session, log, clock, self._secret)

        async def open_once() -> None:
            await connector.open(context)
            self.opened = True
            await opened()

        while not self.opened:
            await self._careful(open_once, 0.0)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._again(self._ask_health, _PAUSE))
            if (poll := getattr(connector, "poll", None)) is not None:
                group.create_task(self._again(poll, self.spec.poll_every))

    async def _again(self, act: Callable[[], Awaitable[None]], pause: float) -> None:
        while True:
            await self._careful(act, pause)

    async def _careful(self, act: Callable[[], Awaitable[None]], pause: float) -> None:
        """One act of the plugin; whatever it raises stays its own, is told, and is tried again."""
        try:
            await act()
        except Deferred as deferred:
            self.health = Health(ok=False, detail=str(deferred))
            asked = patience(deferred.retry_after) or _PAUSE
            pause = min(max(asked, _LEAST_PAUSE), max(self.edge.rules.limits.retry_longest, _LEAST_PAUSE))
        except Misconfigured as wrong:  # the operator's to mend, in sentences made for that
            self._misconfigured(wrong)
            pause = _PAUSE
        except (Exception, SystemExit, GeneratorExit, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise  # it is we who are being cancelled
            rules = self.edge.rules
            self._telemetry.bug(error, "connector failed", tenant=rules.tenant.code, connector=rules.connector)
            self.health = Health(ok=False, detail=f"failed with {type(error).__name__}")
            pause = _PAUSE
        await asyncio.sleep(pause)

    def _misconfigured(self, wrong: Misconfigured) -> None:
        """Told once, however often it is tried."""
        rules, told = self.edge.rules, Health(ok=False, detail=" ".join(wrong.problems))
        if self.health != told:
            known = {"tenant": rules.tenant.code, "connector": rules.connector}
            self._telemetry.log.warning("connector.misconfigured", **known, problems=list(wrong.problems))
        self.health = told

    async def _ask_health(self) -> None:
        limit = asyncio.timeout(_PATIENCE)
        try:
            async with limit:
                self.health = await self.edge.connector.health()
        except TimeoutError:
            if not limit.expired():
                raise
            self.health = Health(ok=False, detail=f"does not say within {_PATIENCE:g} seconds how it is")

    async def close(self) -> None:
        """Close connector and session, whatever the connector says to it."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_PAUSE):
                await self.edge.connector.close()
        await self._session.close()
