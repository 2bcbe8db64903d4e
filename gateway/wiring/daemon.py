"""The running process: hubs, edges and listeners together, from start to drained."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from gateway import config as configuration
from gateway.config import Admin, Config, Listener
from gateway.edge import plugins
from gateway.edge.edge import Edge
from gateway.edge.listener import Entrance
from gateway.edge.plugins import Loaded
from gateway.errors import Deferred, Misconfigured
from gateway.hub.admin import AdminListener
from gateway.hub.dispatcher import Dispatcher
from gateway.hub.hub import TenantHub
from gateway.hub.journal import FactKind, Journal
from gateway.hub.permit import hub_rules
from gateway.link.accept import Accepting, listen
from gateway.link.in_process import ToEdges, ToHub
from gateway.messages import stamp
from gateway.observe import Telemetry
from gateway.wiring import reload
from gateway.wiring.journals import open_journal
from gateway.wiring.opening import (
    edge_rules,
    listener_tls,
    load_plugins,
    open_directory,
    open_keys,
    open_session,
    operators,
    readable,
)
from gateway.wiring.reached import reached, went_back
from gateway.wiring.station import Station

_NOISE_SECONDS = 60.0


def clock() -> datetime:
    """The time, in UTC. The one place that asks."""
    return datetime.now(UTC)


class Daemon:
    """Hub and edges in one process. `failed` is set if a task that must not end has ended."""

    def __init__(self, config: Config, system: Journal, telemetry: Telemetry) -> None:
        self.config = config
        self.system = system
        self.hubs: dict[str, TenantHub] = {}
        self.failed = asyncio.Event()
        self._telemetry = telemetry
        self._to_edges = ToEdges()
        self._stations: dict[tuple[str, str], Station] = {}
        self._quarantined: dict[tuple[str, str], str] = {}
        self._entrances: list[Entrance] = []
        self._admin: dict[str, AdminListener] = {}
        self._runners: list[web.AppRunner] = []
        self._servers: list[Accepting] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._connecting: list[asyncio.Task[None]] = []
        self._reloading = asyncio.Lock()
        self._started = self._stopping = False

    # ---- start -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything, in the order in which it depends; entrances last. Raises Misconfigured."""
        plugs = load_plugins(self.config)
        for code in self.config.tenants:
            self._start_hub(code)
        for (code, name), plug in plugs.items():
            reason = plug.quarantine
            if plug.loaded is not None:
                reason = self._start_station(code, name, plug.loaded, plug.settings)
            if reason:
                self._quarantined[code, name] = reason
                self._telemetry.log.error("connector.quarantined", tenant=code, connector=name)
        now = reached(self.hubs)
        if problems := went_back(self.system, now):
            raise Misconfigured(problems)
        await self._fact(FactKind.GATEWAY_STARTED, {"config": self.config.digest, **now})
        self._started = True
        for hub in self.hubs.values():
            hub.dispatcher.restore()
            self._spawn(hub.dispatcher.run())
        for place, station in self._stations.items():
            self._connecting.append(self._spawn(station.run(clock, self._reachable(place, station))))
        for settings in self.config.gateway.listeners:
            entrance = Entrance(settings, self._edges, self._telemetry)
            self._entrances.append(entrance)
            await self._listen(settings.name, settings, entrance)
        admin = self.config.gateway.admin
        known = operators(self.config)
        self._admin["admin"] = AdminListener(self, known, self._telemetry, clock)
        await self._listen("admin", admin, self._admin["admin"])
        self._spawn(self._count_noise())
        self._spawn(self._sign_checkpoints())

    def _start_hub(self, code: str) -> None:
        rules = hub_rules(self.config, code, open_directory(self.config, code))
        journal = open_journal(self.config, code)
        dispatcher = Dispatcher(rules, journal, self._to_edges, self.config.gateway.limits, clock, self._telemetry)
        self.hubs[code] = TenantHub(rules, journal, dispatcher, clock)

    def _start_station(self, code: str, name: str, loaded: Loaded, settings: Any) -> str:
        """Empty if it stands, else why it is quarantined. Raises Misconfigured if it is required."""
        try:
            self._stations[code, name] = self._station(code, name, loaded, settings)
        except Exception as error:
            if self.config.tenants[code].file.connectors[name].required:
                raise
            return " ".join(error.problems) if isinstance(error, Misconfigured) else f"failed: {type(error).__name__}"
        return ""

    def _station(self, code: str, name: str, loaded: Loaded, settings: Any) -> Station:
        hub = self.hubs[code]
        directory = hub.rules.directory
        keys = open_keys(self.config, code, name, directory)
        rules = edge_rules(self.config, code, name, directory, loaded.spec.interface)
        edge = Edge(rules, keys, plugins.made(name, loaded.spec), ToHub(hub, name), clock, self._telemetry.bug)
        session = open_session(self.config, code, loaded.spec, settings)
        return Station(edge, loaded.spec, settings, session, self._telemetry)

    def _reachable(self, place: tuple[str, str], station: Station) -> Callable[[], None]:
        """Only an open connector is handed anything."""

        def opened() -> None:
            self._to_edges.edges[place] = station.edge

        return opened

    async def _listen(self, name: str, settings: Listener | Admin, entrance: Entrance | AdminListener) -> None:
        # No automatic decompression: a small body must not become a large one behind the limit.
        runner = web.AppRunner(
            entrance.application(),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=5.0,
            keepalive_timeout=60.0,
            auto_decompress=False,
        )
        await runner.setup()
        self._runners.append(runner)
        tls = listener_tls(self.config, name, settings)
        with readable(f"listener {name}: cannot listen"):
            server = await listen(runner, settings.host, settings.port, tls, entrance.crowded)
        self._servers.append(server)
        self._telemetry.log.info("listening", listener=name, host=settings.host, port=server.port)

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

    def _edges(self) -> list[Edge]:
        return [station.edge for station in self._stations.values()]

    # ---- run ---------------------------------------------------------------------------------------------------------

    async def _count_noise(self) -> None:
        """Unauthenticated noise becomes one counting fact a minute, so that it cannot fill the disk."""
        while True:
            await asyncio.sleep(_NOISE_SECONDS)
            with contextlib.suppress(Deferred):  # health says why
                await self._record_noise()

    async def _record_noise(self) -> None:
        listeners = {entrance.settings.name: entrance for entrance in self._entrances} | self._admin
        for name, listener in listeners.items():
            if count := listener.noise:
                await self._fact(FactKind.NOISE_COUNTED, {"listener": name, "count": count})
                listener.noise -= count

    async def _sign_checkpoints(self) -> None:
        while True:
            await asyncio.sleep(self.config.gateway.journal.checkpoint_seconds)
            for journal in (self.system, *(hub.journal for hub in self.hubs.values())):
                with contextlib.suppress(Deferred):  # health says why
                    await journal.checkpoint()

    async def connectors(self) -> list[dict[str, Any]]:
        """Every enabled connector with its state, for operators."""
        return [
            self._row(code, name) for code, tenant in self.config.tenants.items() for name in tenant.file.connectors
        ]

    def _row(self, code: str, name: str) -> dict[str, Any]:
        entry = self.config.tenants[code].file.connectors[name]
        station = self._stations.get((code, name))
        detail = station.health.detail if station else self._quarantined.get((code, name), "not loaded")
        return {
            "tenant": code,
            "connector": name,
            "zone": entry.zone,
            "required": entry.required,
            "state": "quarantined" if station is None else "open" if station.opened else "opening",
            "ok": bool(station and station.opened and station.health.ok),
            "detail": detail,
            "interface": self.config.contracts[name].digest()[:16],
        }

    async def reload(self, by: str) -> str:
        """Apply what is on disk, or refuse it and run on. Returns its digest. Raises Misconfigured."""
        async with self._reloading:
            return await self._reload(by)

    async def _reload(self, by: str) -> str:
        try:
            fresh = configuration.load(self.config.root)
            running = {place: station.spec.interface for place, station in self._stations.items()}
            in_use = {code: hub.rules.directory for code, hub in self.hubs.items()}
            prepared = reload.prepare(self.config, fresh, running, in_use)
        except Misconfigured as wrong:
            self._telemetry.log.error("config.refused", problems=list(wrong.problems))
            await self._fact(FactKind.CONFIG_REFUSED, {"by": by, "problems": len(wrong.problems)})
            raise
        reached = {"directories": {code: each.directory.version for code, each in prepared.hubs.items()}}
        await self._fact(
            FactKind.CONFIG_APPLIED, {"by": by, "config": fresh.digest, "former": self.config.digest, **reached}
        )
        self.config = fresh
        for code, hub in self.hubs.items():
            hub.adopt(prepared.hubs[code], fresh.gateway.limits)
        for place, station in self._stations.items():
            station.edge.rules = prepared.edges[place]
        self._telemetry.log.info("config.applied")
        return fresh.digest

    # ---- stop --------------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Drain: take nothing new, answer who is waiting, finish what is in flight, sign, close."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.gateway.limits.drain_seconds):
                await asyncio.gather(*(entrance.drain() for entrance in self._entrances))
                await _cancel(self._connecting)
                await asyncio.gather(*(hub.dispatcher.drain() for hub in self.hubs.values()))
        await _cancel(self._tasks)
        for server in self._servers:
            server.close()
        for runner in self._runners:
            await runner.cleanup()
        for station in self._stations.values():
            await station.close()
        with contextlib.suppress(Deferred):
            await self._record_noise()
            if self._started:
                await self._fact(FactKind.GATEWAY_STOPPED, reached(self.hubs))
        for hub in self.hubs.values():
            hub.journal.close()

    async def _fact(self, kind: FactKind, body: dict[str, Any]) -> None:
        await self.system.fact(kind, body, at=stamp(clock()))


async def _cancel(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
