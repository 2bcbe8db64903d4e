"""The running process, from start to drained: the hub's side, the edges' side, or both, with a link between them."""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway import config as configuration
from gateway.config import Admin, Config, Listener
from gateway.config import LinkListener as LinkAddress
from gateway.errors import Deferred, Misconfigured
from gateway.hub.admin import AdminListener
from gateway.hub.admin_copies import CopyRoutes
from gateway.hub.admin_remains import RemainsRoute
from gateway.hub.admin_retention import RetentionRoutes
from gateway.hub.admin_search import SystemSearchRoute
from gateway.hub.hub import TenantHub
from gateway.hub.journal import FactKind, Journal
from gateway.link.edge_end import HubLink, RemoteHub
from gateway.link.ends import HubEnd
from gateway.link.hub_end import LinkListener
from gateway.link.in_process import ToEdges
from gateway.link.listening import Entrance, Listening
from gateway.link.words import Place
from gateway.observe import Telemetry
from gateway.wiring import reload
from gateway.wiring.at_edges import LookRoute, UseStopRoute
from gateway.wiring.conditions import LinkedTo, conditions
from gateway.wiring.edge_side import EdgeSide
from gateway.wiring.for_edges import ForEdges
from gateway.wiring.hub_side import HubSide
from gateway.wiring.law_watch import LawWatch
from gateway.wiring.opening import (
    SYSTEM,
    Plug,
    bounds,
    edge_processes,
    hub_tls,
    listener_tls,
    open_directory,
    operators,
)
from gateway.wiring.review_watch import ReviewWatch

_NOISE_SECONDS = 60.0


def clock() -> datetime:
    """The time, in UTC. The one place that asks."""
    return datetime.now(UTC)


class Daemon:
    """`system` is the system's log, in a process with a hub. `failed` is set if a task that must not end has ended."""

    def __init__(self, config: Config, system: Journal | None, telemetry: Telemetry) -> None:
        self.config = config
        self.failed = asyncio.Event()
        self._telemetry = telemetry
        self._edges = ToEdges()
        self._hub = HubSide(config, system, self._edges, telemetry, clock) if system is not None else None
        self._edge = EdgeSide(config, self._edges, telemetry, clock)
        self._to_hub = self._dialled() if self._hub is None else None
        self._for_edges = ForEdges(self._hub, telemetry) if self._hub is not None else None
        self._link = self._awaited(self._for_edges) if config.gateway.role == "hub" and self._for_edges else None
        self._directories = {code: open_directory(config, code) for code in config.tenants}
        self._admin = AdminListener(self, operators(config), telemetry, clock)
        self._admin.add(LookRoute(self._admin.callers, self._edge.look))
        if self._hub is not None:
            self._admin.add(RetentionRoutes(self._admin.callers, clock, self._hub.retain))
            self._admin.add(CopyRoutes(self._admin.callers, clock, self._hub.logs, SYSTEM, self._hub.cosigning.soon))
            self._admin.add(RemainsRoute(self._admin.callers, clock, self._hub.exports.days, self._hub.copies))
            system, search = self._hub.system, self._hub.system_search
            self._admin.add(SystemSearchRoute(self._admin.callers, clock, SYSTEM, system, search))
        self._admin.add(UseStopRoute(self._admin.callers, self._edge.use_stop))
        self._listening = Listening(telemetry)
        self._tasks: list[asyncio.Task[None]] = []
        self._connecting: list[asyncio.Task[None]] = []
        self._reloading = asyncio.Lock()
        self._law = LawWatch(lambda: self.config, telemetry, clock)
        self._reviews = ReviewWatch(lambda: self.hubs, telemetry, clock)
        self._stopping = False

    def _dialled(self) -> HubLink:
        """An edge process's way to its hub."""
        link = self.config.gateway.link
        assert link is not None  # noqa: S101  (the role says so)
        assert link.hub is not None  # noqa: S101
        return HubLink(
            link.hub.url,
            hub_tls(self.config),
            self.config.places,
            self._edges,
            self._telemetry,
            config=lambda: self.config.digest,
            directories=lambda: self.directories,
            limits=lambda: bounds(self.config),
            connectors=self._edge.connectors,
        )

    def _awaited(self, for_edges: ForEdges) -> LinkListener:
        """Where a hub's edge processes come in."""
        return LinkListener(edge_processes(self.config), for_edges, self._edges, self._telemetry)

    # ---- start -------------------------------------------------------------------------------------------------------

    async def start(self, plugs: Mapping[Place, Plug]) -> None:
        """Open everything, in the order in which it depends; entrances last. Raises Misconfigured."""
        if self._hub is not None:
            self._hub.open(self._directories)
        self._edge.stand(plugs, self._directories, self.of)
        if self._hub is not None:
            await self._hub.begin()
            for work in self._hub.work():
                self._spawn(work)
        self._connecting += [self._spawn(work) for work in self._edge.work(self._opened)]
        if self._to_hub is not None:
            self._spawn(self._to_hub.run())
        await self._listen()
        self._law.tell()
        self._spawn(self._count_noise())

    async def _listen(self) -> None:
        link = self.config.gateway.link
        if self._link is not None and link is not None and link.listen is not None:
            await self._begin("link", link.listen, self._link)
        for entrance in self._edge.entrances:
            await self._begin(entrance.settings.name, entrance.settings, entrance)
        await self._begin("admin", self.config.gateway.admin, self._admin)

    async def _begin(self, name: str, settings: Listener | Admin | LinkAddress, entrance: Entrance) -> None:
        await self._listening.begin(name, settings, listener_tls(self.config, name, settings), entrance)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """A task for the life of the process: if it ends by itself, the process must be started anew."""

        def ended(task: "asyncio.Task[None]") -> None:
            if not task.cancelled() and not self._stopping:
                self._telemetry.bug(task.exception(), "a task that must not end has ended")
                self.failed.set()

        task = asyncio.create_task(work)
        task.add_done_callback(ended)
        self._tasks.append(task)
        return task

    async def _opened(self, place: Place) -> None:
        if self._to_hub is not None:
            await self._to_hub.opened(place)

    @property
    def directories(self) -> dict[str, int]:
        """The version of each tenant's directory that is in use."""
        return {code: each.version for code, each in self._directories.items()}

    def of(self, tenant: str) -> HubEnd:
        """The tenant's hub, here or there."""
        if self._to_hub is not None:
            return RemoteHub(self._to_hub, tenant)
        assert self._hub is not None  # noqa: S101
        return self._hub.of(tenant)

    async def _fact(self, kind: FactKind, body: Mapping[str, Any]) -> None:
        """Into the system's log, here or at the hub. Raises Deferred."""
        if self._to_hub is not None:
            await self._to_hub.told(kind.value, body)
        elif self._hub is not None:
            await self._hub.fact(kind, body)

    # ---- run ---------------------------------------------------------------------------------------------------------

    async def _count_noise(self) -> None:
        """Unauthenticated noise becomes one counting fact a minute, so that it cannot fill the disk."""
        while True:
            await asyncio.sleep(_NOISE_SECONDS)
            self._law.tell()
            self._reviews.tell()
            with contextlib.suppress(Deferred):  # health says why
                await self._record_noise()

    async def _record_noise(self) -> None:
        heard: dict[str, Any] = {each.settings.name: each for each in self._edge.entrances} | {"admin": self._admin}
        if self._link is not None:
            heard["link"] = self._link
        for name, listener in heard.items():
            if count := listener.noise:
                await self._fact(FactKind.NOISE_COUNTED, {"listener": name, "count": count})
                listener.noise -= count

    def law(self) -> list[str]:
        """What is cited and not in force today, or not for long, in sentences."""
        return self._law.sentences()

    def lapsed(self) -> Mapping[str, int]:
        """How many routes of each tenant carry nothing today, for what they cite is not in force."""
        return self._law.stopped()

    def reviews(self) -> list[str]:
        """What of the logs and the users was not reviewed in time, and which findings wait too long, in sentences."""
        return self._reviews.sentences()

    @property
    def hubs(self) -> Mapping[str, TenantHub]:
        """The tenants' hubs in this process."""
        return self._hub.hubs if self._hub is not None else {}

    def vitals(self) -> dict[str, Any]:
        """What is wrong with what must be well for anything to pass: each of the `logs`, or the `link` to the hub."""
        if self._to_hub is not None:
            return {"link": "" if self._to_hub.linked else self._to_hub.problem}
        found = self._hub.vitals() if self._hub is not None else {}
        return {"logs": {name: cause for name, (ok, cause) in found.items() if not ok}}

    def witnesses(self) -> list[str]:
        """What of the logs is not cosigned just now, and since when, in sentences."""
        return self._hub.cosigning.sentences() if self._hub is not None else []

    async def connectors(self) -> list[dict[str, Any]]:
        """Every connector with its state: of this process, and of the edge processes that are linked to it; then every
        export.
        """
        linked_to = LinkedTo(self._to_hub, self._link, self._for_edges.away if self._for_edges else {})
        exports = self._hub.exports.rows() if self._hub is not None else []
        return [*await conditions(self.config, self._edge, self._hub, linked_to), *exports]

    async def reload(self, by: str) -> str:
        """Apply what is on disk, or refuse it and run on. Returns its digest. Raises Misconfigured, Deferred."""
        async with self._reloading:
            return await self._reload(by)

    async def _reload(self, by: str) -> str:
        try:
            fresh = configuration.load(self.config.root)
            prepared = reload.prepare(self.config, fresh, self._edge.running, self._directories)
            self._enough_for_edges(fresh)
        except Misconfigured as wrong:
            self._telemetry.log.error("config.refused", problems=list(wrong.problems))
            await self._fact(FactKind.CONFIG_REFUSED, {"by": by, "problems": len(wrong.problems)})
            raise
        reached = {code: each.version for code, each in prepared.directories.items()}
        body = {"by": by, "config": fresh.digest, "former": self.config.digest, "directories": reached}
        body |= {"limits": msgspec.to_builtins(bounds(fresh))}
        if self._hub is not None:
            body |= {"references": fresh.references()}
        try:
            await self._fact(FactKind.CONFIG_APPLIED, body)
        except Deferred as deferred:
            self._telemetry.log.error("config.deferred", code=deferred.code)
            raise
        self.config, self._directories = fresh, dict(prepared.directories)
        if self._hub is not None:
            self._hub.adopt(fresh, prepared.hubs, prepared.people, prepared.witnesses, prepared.exports)
        self._edge.adopt(fresh, prepared.edges)
        if self._to_hub is not None and prepared.to_hub is not None:
            self._to_hub.tls = prepared.to_hub
        if self._link is not None:
            await self._link.adopt(prepared.processes)
        self._telemetry.log.info("config.applied", directories=self.directories)
        self._law.tell()
        return fresh.digest

    def _enough_for_edges(self, fresh: Config) -> None:
        """A hub that takes less than its edges send would defer that for good. Raises Misconfigured."""
        if self._link is not None and (beyond := self._link.beyond(bounds(fresh))):
            told = "is less than that of a linked edge process; lower it there first"
            raise Misconfigured(
                f"config/gateway.toml: limits.{limit}: {told}: {name}"
                for name, more in beyond.items()
                for limit in more
            )

    # ---- stop --------------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Drain: take nothing new, answer who is waiting, finish what is in flight, sign, close."""
        self._stopping = True
        with contextlib.suppress(TimeoutError, Deferred):  # Deferred: the hub is gone, perhaps stopped with us
            async with asyncio.timeout(self.config.gateway.limits.drain_seconds):
                await self._edge.drain()
                await _cancel(self._connecting)
                if self._hub is not None:
                    await self._hub.drain()
                if self._to_hub is not None:
                    await self._to_hub.leave()
        with contextlib.suppress(Deferred):
            await self._record_noise()
        await _cancel(self._tasks)
        if self._link is not None:
            await self._link.close()
        await self._listening.end()
        await self._edge.close()
        if self._hub is not None:
            await self._hub.close()


async def _cancel(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
