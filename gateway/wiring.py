"""The only place that names concrete classes and starts things: configuration in, a running process out.

Start-up is all or nothing. What stops it is printed, and recorded in the system log if that can be opened.
"""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from gateway import config as configuration
from gateway.config import Config
from gateway.edge import plugins
from gateway.edge.edge import Edge, EdgeOutbox
from gateway.edge.listener import Entrance
from gateway.edge.plugins import Loaded
from gateway.edge.rules import rules_for
from gateway.errors import Deferred, Misconfigured
from gateway.hub.admin import AdminListener
from gateway.hub.dispatcher import Dispatcher
from gateway.hub.hub import TenantHub
from gateway.hub.journal import FactKind, Journal, JournalLimits
from gateway.hub.permit import hub_rules
from gateway.keys.at_rest import Secret
from gateway.keys.certificates import fingerprint_of_file
from gateway.keys.directory import Directory
from gateway.keys.layout import TenantKeys, read_signer, read_text, read_verifier
from gateway.keys.private import EdgeKeys
from gateway.link.https import server_tls
from gateway.link.in_process import ToEdges, ToHub
from gateway.messages import stamp
from gateway.observe import Telemetry
from gateway.plugin.connector import ConnectorSpec, Context, Health

SYSTEM = "system"
_NOISE_SECONDS = 60.0
_HEALTH_SECONDS = 5.0


def clock() -> datetime:
    """The time, in UTC. The one place that asks."""
    return datetime.now(UTC)


def directory_of(config: Config, tenant: str) -> Directory:
    """The tenant's directory, proven to be signed by the pinned key and not older than the pinned version."""
    file = config.tenants[tenant].file
    root = read_verifier(config.path(file.root_key))
    directory = Directory.parse(read_text(config.path(file.directory)), root, tenant, file.directory_version)
    for name, entry in file.connectors.items():
        if name not in directory.connectors:
            raise Misconfigured((f"the directory of {tenant} has no keys of {name}; run: gateway keys publish",))
        if directory.connectors[name].zone != entry.zone:
            raise Misconfigured((f"the directory of {tenant} says that {name} is in another zone than {entry.zone}",))
    return directory


def open_journal(config: Config, tenant: str) -> Journal:
    """The tenant's store, verified from its last checkpoint on."""
    keys = TenantKeys(config.root, tenant)
    signer = read_signer(keys.log_key, keys.log_vkey, Secret.parse(config.gateway.passphrase, config.root))
    settings = config.gateway.journal
    folder = config.path(settings.directory)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    limits = JournalLimits(
        max_open_records=config.gateway.limits.open_records,
        checkpoint_every_facts=settings.checkpoint_facts,
        wal_bytes=settings.wal_bytes,
    )
    return Journal.open(folder / f"{tenant}.db", tenant=tenant, origin=signer.name, signer=signer, limits=limits)


@dataclass(frozen=True, slots=True)
class Plug:
    """An enabled connector: its loaded plugin and its checked settings, or why it is quarantined."""

    loaded: Loaded | None
    settings: Any
    quarantine: str = ""


def load_plugins(config: Config) -> dict[tuple[str, str], Plug]:
    """Every enabled connector. Raises Misconfigured with all problems of the required ones."""
    problems: list[str] = []
    plugs: dict[tuple[str, str], Plug] = {}
    for code, tenant in config.tenants.items():
        for name, entry in tenant.file.connectors.items():
            try:
                loaded = plugins.load(name)
                plugins.same_as_locked(name, loaded.contract, config.contracts[name])
                where = f"config/tenants/{code}.toml"
                plugs[code, name] = Plug(loaded, plugins.settings_of(name, loaded.spec, entry.settings, where))
            except Misconfigured as wrong:
                plugs[code, name] = Plug(None, None, wrong.problems[0])
                if entry.required:
                    problems.extend(each for each in wrong.problems if each not in problems)
    if problems:
        raise Misconfigured(problems)
    return plugs


@dataclass(slots=True)
class Station:
    """One connector at work: its edge, its HTTP session, its poll task and what is known of its health."""

    edge: Edge
    spec: ConnectorSpec
    settings: Any
    session: aiohttp.ClientSession
    opened: bool = False
    task: asyncio.Task[None] | None = None
    health: Health = field(default_factory=lambda: Health(ok=False, detail="not opened yet"))


class Gateway:
    """One process with hub and edges: made by `running`, ended by leaving it."""

    def __init__(self, config: Config, system: Journal, telemetry: Telemetry) -> None:
        self.config = config
        self.system = system
        self.hubs: dict[str, TenantHub] = {}
        self.ports: dict[str, int] = {}
        self._telemetry = telemetry
        self._to_edges = ToEdges()
        self._stations: dict[tuple[str, str], Station] = {}
        self._quarantined: dict[tuple[str, str], str] = {}
        self._entrances: list[Entrance] = []
        self._runners: list[web.AppRunner] = []
        self._tasks: list[asyncio.Task[None]] = []

    # ---- start -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything, in the order in which it depends; entrances last."""
        plugs = load_plugins(self.config)
        for code in self.config.tenants:
            self._start_hub(code)
        for (code, name), plug in plugs.items():
            if plug.loaded is None:
                self._quarantined[code, name] = plug.quarantine
                self._telemetry.log.error("connector.quarantined", tenant=code, connector=name)
            else:
                self._stations[code, name] = self._station(code, name, plug.loaded, plug.settings)
        await self._fact(
            FactKind.GATEWAY_STARTED, {"config": self.config.digest, "tenants": sorted(self.config.tenants)}
        )
        for hub in self.hubs.values():
            hub.dispatcher.restore()
            self._tasks.append(asyncio.create_task(hub.dispatcher.run()))
        for (code, name), station in self._stations.items():
            self._to_edges.edges[code, name] = station.edge
            station.task = asyncio.create_task(self._run_connector(code, name, station))
        for settings in self.config.gateway.listeners:
            entrance = Entrance(settings, self._edges, self._telemetry)
            self._entrances.append(entrance)
            await self._listen(settings.name, settings, entrance.application())
        admin = self.config.gateway.admin
        operators = {fingerprint_of_file(self.config.path(file)): name for name, file in admin.operators.items()}
        listener = AdminListener(self, operators, self._telemetry, clock)
        await self._listen("admin", admin, listener.application())
        self._tasks.append(asyncio.create_task(self._count_noise()))
        self._tasks.append(asyncio.create_task(self._sign_checkpoints()))

    def _start_hub(self, code: str) -> None:
        directory = directory_of(self.config, code)
        journal = open_journal(self.config, code)
        rules = hub_rules(self.config, code, directory)
        dispatcher = Dispatcher(rules, journal, self._to_edges, self.config.gateway.limits, clock, self._telemetry)
        self.hubs[code] = TenantHub(rules, journal, dispatcher, clock)

    def _station(self, code: str, name: str, loaded: Loaded, settings: Any) -> Station:
        config = self.config
        keys = EdgeKeys.load(
            TenantKeys(config.root, code).connector(name), Secret.parse(config.gateway.passphrase, config.root)
        )
        directory = directory_of(config, code)
        if directory.connectors[name] != keys.public:
            raise Misconfigured((f"keys/{code}/{name}: not the keys that the directory names; run: gateway keys publish",))
        rules = rules_for(config, code, name, directory, loaded.spec.interface)
        hub = self.hubs[code]
        edge = Edge(rules, keys, loaded.spec.factory(), ToHub(lambda: hub, name), clock, self._telemetry.bug)
        return Station(edge, loaded.spec, settings, self._session(loaded.spec, settings))

    def _session(self, spec: ConnectorSpec, settings: Any) -> aiohttp.ClientSession:
        """Mutual TLS towards the connector's system; a connector that opens no connection gets no trust either."""
        files = spec.tls(settings)
        if files is None:
            return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)))
        try:
            context = ssl.create_default_context(cafile=str(self.config.path(files.ca)))
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(self.config.path(files.certificate), self.config.path(files.key), self._password)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured((f"the TLS files of {spec.interface.connector} cannot be used: {error.strerror}",)) from None
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=64))

    def _password(self) -> bytes:
        return Secret.parse(self.config.gateway.passphrase, self.config.root).read()

    async def _listen(self, name: str, settings: Any, application: web.Application) -> None:
        path = self.config.path
        try:
            tls = server_tls(
                str(path(settings.certificate)), str(path(settings.key)), str(path(settings.client_ca)), self._password
            )
            runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=5.0)
            await runner.setup()
            self._runners.append(runner)
            site = web.TCPSite(runner, settings.host, settings.port, ssl_context=tls)
            await site.start()
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured((f"listener {name}: cannot listen: {error.strerror}",)) from None
        self.ports[name] = runner.addresses[0][1]
        self._telemetry.log.info("listening", listener=name, host=settings.host, port=self.ports[name])

    def _edges(self) -> list[Edge]:
        return [station.edge for station in self._stations.values() if station.opened]

    # ---- run ---------------------------------------------------------------------------------------------------------

    async def _run_connector(self, code: str, name: str, station: Station) -> None:
        """Open it, poll it if it polls, ask for its health; whatever it raises is told, and it is tried again."""
        log = self._telemetry.log.bind(tenant=code, connector=name)
        context = Context(code, station.settings, EdgeOutbox(station.edge), station.session, log, clock)
        connector = station.edge.connector
        while True:
            try:
                if not station.opened:
                    await connector.open(context)
                    station.opened = True
                poll = getattr(connector, "poll", None)
                if poll is not None:
                    await poll()
                station.health = await connector.health()
                await asyncio.sleep(station.spec.poll_every if poll is not None else _HEALTH_SECONDS)
            except Deferred as deferred:
                station.health = Health(ok=False, detail=str(deferred))
                await asyncio.sleep(deferred.retry_after or _HEALTH_SECONDS)
            except Exception as error:  # noqa: BLE001  (a plugin's failure stays its own)
                self._telemetry.bug(error, f"connector {name} failed")
                station.health = Health(ok=False, detail=f"failed with {type(error).__name__}")
                await asyncio.sleep(_HEALTH_SECONDS)

    async def _count_noise(self) -> None:
        """Unauthenticated noise becomes one counting fact a minute, so that it cannot fill the disk."""
        while True:
            await asyncio.sleep(_NOISE_SECONDS)
            await self._record_noise()

    async def _record_noise(self) -> None:
        for entrance in self._entrances:
            count, entrance.noise = entrance.noise, 0
            if count:
                await self._fact(FactKind.NOISE_COUNTED, {"listener": entrance.settings.name, "count": count})

    async def _sign_checkpoints(self) -> None:
        while True:
            await asyncio.sleep(self.config.gateway.journal.checkpoint_seconds)
            for journal in (self.system, *(hub.journal for hub in self.hubs.values())):
                with contextlib.suppress(Deferred):  # health says why
                    await journal.checkpoint()

    async def connectors(self) -> list[dict[str, Any]]:
        """Every enabled connector with its state, for operators."""
        rows = []
        for code, tenant in self.config.tenants.items():
            for name, entry in tenant.file.connectors.items():
                station = self._stations.get((code, name))
                detail = station.health.detail if station else self._quarantined.get((code, name), "not loaded")
                state = "quarantined" if station is None else "open" if station.opened else "opening"
                rows.append(
                    {
                        "tenant": code,
                        "connector": name,
                        "zone": entry.zone,
                        "required": entry.required,
                        "state": state,
                        "ok": bool(station and station.opened and station.health.ok),
                        "detail": detail,
                        "interface": self.config.contracts[name].digest()[:16],
                    }
                )
        return rows

    # ---- reload ------------------------------------------------------------------------------------------------------

    async def reload(self, by: str) -> str:
        """Apply what is on disk, or refuse it and run on. Returns the digest. Raises Misconfigured."""
        try:
            fresh = configuration.load(self.config.root)
            self._only_what_a_reload_may_change(fresh)
            prepared = self._prepared(fresh)
        except Misconfigured as wrong:
            await self._fact(FactKind.CONFIG_REFUSED, {"by": by, "problems": len(wrong.problems)})
            self._telemetry.log.error("config.refused", problems=list(wrong.problems))
            raise
        await self._fact(FactKind.CONFIG_APPLIED, {"by": by, "config": fresh.digest, "former": self.config.digest})
        self.config = fresh
        for code, hub in self.hubs.items():
            hub.adopt(hub_rules(fresh, code, prepared[code][0]))
            hub.dispatcher.limits = fresh.gateway.limits
        for code, (_, edges) in prepared.items():
            for name, rules in edges.items():
                self._stations[code, name].edge.rules = rules
        self._telemetry.log.info("config.applied")
        return fresh.digest

    def _prepared(self, fresh: Config) -> dict[str, tuple[Directory, Mapping[str, Any]]]:
        """Everything that can fail, done before anything is applied."""
        prepared: dict[str, tuple[Directory, Mapping[str, Any]]] = {}
        for code in fresh.tenants:
            directory = directory_of(fresh, code)
            if directory.version < self.hubs[code].rules.directory.version:
                raise Misconfigured((f"the directory of {code} is older than the one in use",))
            stations = {name: each for (tenant, name), each in self._stations.items() if tenant == code}
            edges = {
                name: rules_for(fresh, code, name, directory, station.spec.interface)
                for name, station in stations.items()
            }
            prepared[code] = (directory, edges)
        return prepared

    def _only_what_a_reload_may_change(self, fresh: Config) -> None:
        """Routes, legal bases, zones, limits, certificates and directories apply at once; the rest needs a restart."""
        before, after = self.config.gateway, fresh.gateway
        problems = [
            f"config/gateway.toml: {key}: needs a restart to change"
            for key in ("name", "passphrase", "listeners", "admin", "journal")
            if getattr(before, key) != getattr(after, key)
        ]
        if set(fresh.tenants) != set(self.config.tenants):
            problems.append("config/tenants: adding or removing a tenant needs a restart")
        for code in set(fresh.tenants) & set(self.config.tenants):
            old, new = self.config.tenants[code].file.connectors, fresh.tenants[code].file.connectors
            for name in {*old, *new}:
                settings = (old[name].settings, old[name].zone) if name in old else None
                if settings != ((new[name].settings, new[name].zone) if name in new else None):
                    problems.append(f"config/tenants/{code}.toml: connectors.{name}: needs a restart to change")
        for name in {*fresh.contracts, *self.config.contracts}:
            if fresh.contracts.get(name) != self.config.contracts.get(name):
                problems.append(f"config/interfaces/{name}.json: a lock change goes with new code, by a restart")
        if problems:
            raise Misconfigured(problems)

    # ---- stop --------------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Drain: take nothing new, finish what is in flight, sign last checkpoints, close."""
        for runner in self._runners:
            for site in list(runner.sites):
                await site.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.config.gateway.limits.drain_seconds):
                await asyncio.gather(*(hub.dispatcher.drain() for hub in self.hubs.values()))
        tasks = [*self._tasks, *(each.task for each in self._stations.values() if each.task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for runner in self._runners:
            await runner.cleanup()
        for station in self._stations.values():
            with contextlib.suppress(Exception):
                await station.edge.connector.close()
            await station.session.close()
        with contextlib.suppress(Deferred):
            await self._record_noise()
            await self._fact(FactKind.GATEWAY_STOPPED, {})
        for hub in self.hubs.values():
            hub.journal.close()

    async def _fact(self, kind: FactKind, body: dict[str, Any]) -> None:
        await self.system.fact(kind, body, at=stamp(clock()))


@contextlib.asynccontextmanager
async def running(root: Path, telemetry: Telemetry) -> AsyncIterator[Gateway]:
    """A started gateway. Raises Misconfigured, recorded in the system log if that can be opened."""
    config = configuration.load(root)
    system = open_journal(config, SYSTEM)
    try:
        gateway = Gateway(config, system, telemetry)
        try:
            await gateway.start()
        except Misconfigured as wrong:
            body = {"config": config.digest, "problems": list(wrong.problems)}
            await system.fact(FactKind.GATEWAY_REFUSED_TO_START, body, at=stamp(clock()))
            await gateway.stop()
            raise
        try:
            yield gateway
        finally:
            await gateway.stop()
    finally:
        system.close()


async def run(root: Path, telemetry: Telemetry) -> None:
    """Until SIGTERM or SIGINT; SIGHUP reloads."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with running(root, telemetry) as gateway:
        reloads: set[asyncio.Task[None]] = set()

        async def reload() -> None:
            with contextlib.suppress(Misconfigured):  # recorded and told
                await gateway.reload("SIGHUP")

        def hangup() -> None:
            task = loop.create_task(reload())
            reloads.add(task)
            task.add_done_callback(reloads.discard)

        loop.add_signal_handler(signal.SIGHUP, hangup)
        telemetry.log.info("ready", version="1")
        await stopping.wait()
        telemetry.log.info("stopping")
