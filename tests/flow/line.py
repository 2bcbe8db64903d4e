"""A whole line in one process: real keys, configuration, journal, dispatcher and link; fakes for clock and systems."""

import asyncio
import contextlib
import io
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import JsonValue

from gateway.config import Limits
from gateway.edge.edge import Edge
from gateway.edge.outbox import EdgeOutbox
from gateway.edge.rules import EdgeRules
from gateway.hub.accounts import Accounts
from gateway.hub.dispatcher import Dispatcher
from gateway.hub.hub import TenantHub
from gateway.hub.journal import Journal
from gateway.hub.people import Configured
from gateway.keys.certificates import fingerprint_of_file
from gateway.keys.private import EdgeKeys
from gateway.link.accept import listen
from gateway.link.edge_end import HubLink, RemoteHub
from gateway.link.ends import HubEnd
from gateway.link.hub_end import LinkListener
from gateway.link.in_process import ToEdges, ToHub
from gateway.link.tls import server_tls
from gateway.link.words import Bounds, Pinned
from gateway.messages import RecordOutcome, Status, stamp
from gateway.observe import Telemetry, configure
from gateway.plugin import Accepted, Answer, Delivery, Health
from tests.flow.site import Site, open_journal
from tests.flow.toys import OFFICE, REGISTER, TENANT

HANGS: Final = 60.0
"""Seconds after which what did not come never will: a busy machine may stand still for many."""
QUICK: dict[str, Any] = {
    "retry_first": 0.01,
    "retry_longest": 0.05,
    "attempts": 1000,
    "delivery_deadline": 2 * HANGS,
    "request_patience": HANGS,
}


@dataclass
class Clock:
    """The real time, moved forward at will."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


TOMORROW = stamp(datetime.now(UTC) + timedelta(days=1))


def just_now() -> str:
    return stamp(datetime.now(UTC))


async def _hear(message_id: str, outcomes: Mapping[int, Any]) -> None: ...


@dataclass
class System:
    """The fake at the plugin seam: answers by `answer`, remembers all that it was told."""

    answer: Callable[[Delivery], Any] = lambda delivery: dict.fromkeys((i for i, _ in delivery.records), Accepted())
    hear: Callable[[str, Mapping[int, Any]], Awaitable[None]] = _hear
    deliveries: list[Delivery] = field(default_factory=list)
    heard: list[tuple[str, dict[int, Any]]] = field(default_factory=list)
    hearing: asyncio.Event = field(default_factory=asyncio.Event)
    listening: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.listening.set()

    async def open(self, context: object) -> None: ...
    async def close(self) -> None: ...

    async def health(self) -> Health:
        return Health(ok=True, detail="")

    async def deliver(self, delivery: Delivery) -> Any:
        self.deliveries.append(delivery)
        answered = self.answer(delivery)
        return await answered if asyncio.iscoroutine(answered) else answered

    async def settled(self, message_id: str, outcomes: Mapping[int, Any]) -> None:
        await self.listening.wait()
        await self.hear(message_id, outcomes)
        self.heard.append((message_id, dict(outcomes)))
        self.hearing.set()

    def records(self) -> list[tuple[int, dict[str, Any]]]:
        """Everything that was handed over, in order, as plain values."""
        return [(i, record.model_dump(exclude_none=True)) for each in self.deliveries for i, record in each.records]


class Patient(EdgeOutbox):
    """Whoever asks awaits the answer, unless the test says for how long."""

    async def ask(
        self, operation: str, records: Sequence[JsonValue], *, key: bytes | None = None, patience: float = HANGS
    ) -> tuple[Answer, ...]:
        return await super().ask(operation, records, key=key, patience=patience)


@dataclass
class Line:
    """An office and a register with the hub between them."""

    site: Site
    journal: Journal
    hub: TenantHub
    office: Edge
    register: Edge
    office_system: System
    register_system: System
    to_edges: ToEdges
    clock: Clock
    printed: io.StringIO
    telemetry: Telemetry
    remote: "Remote | None" = None

    @property
    def outbox(self) -> EdgeOutbox:
        return Patient(self.office)

    def facts(self, message_id: str) -> list[str]:
        """The kinds of this message's facts, in order."""
        return [each["kind"] for each in self.journal.trace(message_id)]

    def status(self, message_id: str) -> Any:
        return self.journal.message(message_id)

    async def settlement(self, message_id: str, times: int = 1) -> dict[int, Any]:
        """Await that the office hears how a message ended."""
        async with asyncio.timeout(HANGS):
            while sum(heard == message_id for heard, _ in self.office_system.heard) < times:
                self.office_system.hearing.clear()
                await self.office_system.hearing.wait()
        return [outcomes for heard, outcomes in self.office_system.heard if heard == message_id][-1]

    async def until(self, true: Callable[[], Any]) -> None:
        """Await that something comes true; fails if it never does."""
        async with asyncio.timeout(HANGS):
            while not true():  # noqa: ASYNC110  (what comes true is another's doing, and sets no event)
                await asyncio.sleep(0.002)

    def told(self, event: str) -> list[dict[str, Any]]:
        """The lines of telemetry about it, in order, without level and time."""
        lines = map(json.loads, self.printed.getvalue().splitlines())
        own = ("event", "level", "timestamp")
        return [{key: each[key] for key in each if key not in own} for each in lines if each["event"] == event]

    def every_fact(self) -> list[dict[str, Any]]:
        """The bodies of all facts, in order."""
        rows = self.journal._connection.execute("SELECT body FROM fact ORDER BY seq").fetchall()
        return [json.loads(body) for (body,) in rows]

    def advance(self, **ahead: float) -> None:
        """Let time pass, and let the dispatcher see it."""
        self.clock.ahead += timedelta(**ahead)
        self.hub.dispatcher._due.set()
        self.hub.dispatcher.overdue.look()


BOUNDS = Bounds(
    body_bytes=1 << 22,
    records_per_message=1000,
    lanes=4096,
    message_seconds=259_200,
    answer_seconds=600,
    delivery_deadline=600,
)
CERTIFICATES = {OFFICE: OFFICE, REGISTER: "stranger"}
"""The certificate of each edge process."""


@dataclass
class Hubs:
    """What the hub's side of a link does for edges, of one tenant."""

    hub: TenantHub
    seen: list[str] = field(default_factory=list)
    facts: list[Any] = field(default_factory=list)

    @property
    def directories(self) -> dict[str, int]:
        return {TENANT: self.hub.rules.directory.version}

    @property
    def limits(self) -> Bounds:
        return BOUNDS

    def turned_away(self, edge: str, code: str) -> None:
        self.seen.append(f"turned away {edge} {code}")

    def of(self, tenant: str) -> TenantHub:
        assert tenant == TENANT
        return self.hub

    async def linked(self, edge: str, config: str) -> None:
        self.seen.append(f"linked {edge}")

    async def unlinked(self, edge: str) -> None:
        self.seen.append(f"unlinked {edge}")

    async def told(self, edge: str, fact: Any) -> None:
        self.seen.append(f"told {edge} {type(fact).__name__}")
        self.facts.append(fact)


@dataclass
class Remote:
    """The link over HTTPS between the test's hub and its two edges: one process each, as it were."""

    site: Site
    hubs: Hubs
    to_edges: ToEdges
    telemetry: Telemetry
    local: dict[str, ToEdges] = field(default_factory=lambda: {OFFICE: ToEdges(), REGISTER: ToEdges()})
    links: dict[str, HubLink] = field(default_factory=dict)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    directory_version: int = 1

    async def listen(self) -> None:
        root = self.site.config.root
        settings, password = self.site.config.gateway.listeners[0], (root / "keys/passphrase").read_bytes().strip
        certificate, key, ca = (str(root / each) for each in (settings.certificate, settings.key, settings.client_ca))
        pinned = {
            fingerprint_of_file(root / f"keys/tls/{file}.crt"): Pinned(name, frozenset({(TENANT, name)}))
            for name, file in CERTIFICATES.items()
        }
        self.listener = LinkListener(pinned, self.hubs, self.to_edges, self.telemetry)
        self.runner = web.AppRunner(self.listener.application(), access_log=None, shutdown_timeout=1.0)
        await self.runner.setup()
        self.accepting = await listen(
            self.runner, "127.0.0.1", 0, server_tls(certificate, key, ca, password), lambda: None
        )
        for name, file in CERTIFICATES.items():
            tls = ssl.create_default_context(cafile=str(root / "keys/tls/ca.crt"))
            tls.load_cert_chain(root / f"keys/tls/{file}.crt", root / f"keys/tls/{file}.key")
            self.links[name] = HubLink(
                f"https://localhost:{self.accepting.port}",
                tls,
                ((TENANT, name),),
                self.local[name],
                self.telemetry,
                config=lambda: "0" * 64,
                directories=lambda: {TENANT: self.directory_version},
                limits=lambda: BOUNDS,
                connectors=list,
            )

    async def link(self) -> None:
        """Both edges, until the hub knows them."""
        self.tasks = {name: asyncio.create_task(each.run()) for name, each in self.links.items()}
        async with asyncio.timeout(HANGS):
            while not (len(self.to_edges.edges) == len(self.links) and all(e.linked for e in self.links.values())):  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def end(self, *names: str) -> None:
        """These edges are gone, and do not come again."""
        tasks = [self.tasks.pop(name) for name in names if name in self.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        await self.end(*self.tasks)
        await self.listener.close()
        self.accepting.close()
        await self.runner.cleanup()


@contextlib.asynccontextmanager
async def running(
    site: Site,
    folder: Path,
    *,
    dispatch: bool = True,
    clock: Clock | None = None,
    link: Literal["in_process", "https"] = "in_process",
    **limits: Any,
) -> AsyncIterator[Line]:
    """A running line over the journal in `folder`; once more over the same folder is a restart."""
    bounds: Limits = site.config.gateway.limits.model_copy(update=QUICK | limits)
    clock, printed, to_edges = clock or Clock(), io.StringIO(), ToEdges()
    telemetry = Telemetry(configure(printed))
    journal = open_journal(site, folder / f"{TENANT}.db")
    rules = replace(site.hub_rules, limits=bounds)
    dispatcher = Dispatcher(rules, journal, to_edges, bounds, clock, telemetry)
    hub = TenantHub(rules, journal, dispatcher, Accounts(journal, Configured()), clock)
    to_edges.appeared = lambda place: dispatcher.appeared(place[1])

    remote = Remote(site, Hubs(hub), to_edges, telemetry) if link == "https" else None
    if remote is not None:
        await remote.listen()

    def edge(edge_rules: EdgeRules, keys: EdgeKeys, system: System) -> Edge:
        mine = replace(edge_rules, limits=bounds)
        end: HubEnd = hub if remote is None else RemoteHub(remote.links[mine.connector], TENANT)
        made = Edge(mine, keys, system, ToHub(end, mine.connector), clock, telemetry)
        (to_edges if remote is None else remote.local[mine.connector]).edges[TENANT, mine.connector] = made
        return made

    office_system, register_system = System(), System()
    office = edge(site.office_rules, site.office, office_system)
    register = edge(site.register_rules, site.register, register_system)
    if remote is not None:
        await remote.link()
    dispatcher.restore()
    task = asyncio.create_task(dispatcher.run()) if dispatch else None
    try:
        ends = (
            site,
            journal,
            hub,
            office,
            register,
            office_system,
            register_system,
            to_edges,
            clock,
            printed,
            telemetry,
        )
        yield Line(*ends, remote)
    finally:
        for system in (office_system, register_system):
            system.listening.set()
        if task is not None:
            async with asyncio.timeout(HANGS):
                await dispatcher.drain()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if remote is not None:
            await remote.close()
        journal.close()


def endings(status: Status | Any) -> dict[int, tuple[str | None, str | None]]:
    """Each record's ending and code."""
    outcomes: tuple[RecordOutcome, ...] = status.outcomes
    return {each.index: (each.ending.value if each.ending else None, each.code) for each in outcomes}
