"""The whole line in one process: hub, journal, dispatcher, both edges and the connector as they are; only the city's
own system and the sockets are not there. `crash` drops all that is in memory.
"""

import asyncio
import io
import json
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import aiohttp

from gateway import config as configuration
from gateway.cli.init import make
from gateway.config import Config
from gateway.edge.edge import Edge
from gateway.edge.outbox import EdgeOutbox
from gateway.edge.rules import rules_for
from gateway.hub.accounts import Accounts
from gateway.hub.dispatcher import Dispatcher
from gateway.hub.hub import TenantHub
from gateway.hub.journal import Journal, JournalLimits
from gateway.hub.people import Configured, Person, Role
from gateway.hub.rules import hub_rules
from gateway.keys.directory import Directory
from gateway.keys.layout import TenantKeys, read_directory
from gateway.keys.private import EdgeKeys
from gateway.link.in_process import ToEdges, ToHub
from gateway.observe import Telemetry, configure
from gateway.plugin import Act, Connector, Context, Delivery, Outbox, Receipt, Refused
from gateway.tlog.note import Signer
from gateway.wiring.opening import load_plugins, log_signer, open_keys
from tests.flow.line import QUICK, System
from tests.plugins.intermediate_server.unsocketed import Unsocketed
from tests.plugins.vaccination_records.subjects import CITY

ADMINISTRATOR: Final = Person("staff-0100", "a" * 64, frozenset({Role.ADMINISTRATOR}))
OURS: Final = "intermediate_server"
THEIRS: Final = "health_management"
PROVISION: Final = "provision.answer"
_T = TypeVar("_T")
_DUE: Final = "SELECT count(*) FROM message WHERE (open > 0 AND held = 0) OR (open = 0 AND settle_asked > settle_told)"


@dataclass(frozen=True)
class Made:
    """What lies on disk, read once: nothing here changes."""

    config: Config
    directory: Directory
    keys: Mapping[str, EdgeKeys]
    signer: Signer
    plugs: Mapping[tuple[str, str], Any]

    @classmethod
    def at(cls, root: Path, settings: Mapping[str, str]) -> "Made":
        """As `gateway init` makes it, with these values in the connector's settings."""
        list(make(root, CITY, "renkei.example"))
        file = root / f"config/tenants/{CITY}.toml"
        text = file.read_text(encoding="utf-8")
        for name, value in settings.items():
            text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
            if not count:
                head = f"[connectors.{OURS}.settings]\n"
                text = text.replace(head, f"{head}{name} = {value}\n")
        file.write_text(text, encoding="utf-8")
        config = configuration.load(root)
        directory = read_directory(TenantKeys(root, CITY))
        keys = {name: open_keys(config, CITY, name, directory) for name in (OURS, THEIRS)}
        return cls(config, directory, keys, log_signer(config, CITY), load_plugins(config))


@dataclass
class Heard:
    """The connector's way into the line. By request: `sent` has the message, `refused` why, once that is a fact."""

    inner: EdgeOutbox
    sent: dict[str, str]
    refused: dict[str, list[str]]
    facts: Callable[[], list[dict[str, Any]]]

    async def send(self, operation: str, records: Sequence[Any], **said: Any) -> Receipt:
        number = str(records[0].get("provision_no"))
        try:
            receipt = await self.inner.send(operation, records, **said)
        except Refused as refused:
            self._told("message.refused", number, refused.code)
            raise
        self.sent[number] = receipt.message_id
        return receipt

    async def ask(self, *_: Any, **__: Any) -> Any:
        raise AssertionError

    async def note(self, act: Act, *, reference: bytes, counts: Mapping[str, int], code: str | None = None) -> None:
        await self.inner.note(act, reference=reference, counts=counts, code=code)
        if act is Act.PROVISION_REFUSED:
            self._told("connector.noted", reference.decode(), str(code))

    def _told(self, kind: str, number: str, code: str) -> None:
        last = next(each for each in reversed(self.facts()) if each["kind"] == kind)
        said = last.get("statement", last)
        if said.get("code") == code:
            self.refused.setdefault(number, []).append(code)


@dataclass
class Watched:
    """The connector; `made` has, by request, the message that was last handed to it for the network, and `said` what
    that tells. What happens `meanwhile` happens before the next one is handed over.
    """

    inner: Connector
    made: dict[str, str]
    said: dict[str, list[dict[str, Any]]]
    meanwhile: list[Callable[[], None]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def deliver(self, delivery: Delivery) -> Any:
        for _, record in delivery.records:
            number = getattr(record, "provision_no", None) or getattr(record, "inquiry_no", None)
            if number is not None:
                self.made[number] = delivery.message_id
                doses = getattr(record, "doses", None) or ()
                self.said[number] = [dose.model_dump(exclude_none=True) for dose in doses]
        while self.meanwhile and delivery.operation == PROVISION:
            self.meanwhile.pop()()
        return await self.inner.deliver(delivery)


@dataclass
class CityLine:
    """`told` is what reached the city's own system; `refused` and `made` outlive a crash, as a witness does."""

    made_of: Made
    folder: Path
    network: Unsocketed
    told: System = field(default_factory=System)
    refused: dict[str, list[str]] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    said: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    holds: bool = False

    async def open(self) -> None:
        """A start, over what the journal holds."""
        site, clock = self.made_of, self.network.clock
        bounds = site.config.gateway.limits.model_copy(update=QUICK)
        telemetry = Telemetry(configure(io.StringIO()))
        limits = JournalLimits(max_open_records=10_000, checkpoint_every_facts=1000, wal_bytes=1 << 24)
        path, name = self.folder / f"{CITY}.db", site.signer.name
        self.journal = Journal.open(path, tenant=CITY, origin=name, signer=site.signer, limits=limits)
        rules = replace(hub_rules(site.config, CITY, site.directory), limits=bounds)
        to_edges = ToEdges()
        dispatcher = Dispatcher(rules, self.journal, to_edges, bounds, clock, telemetry)
        self.hub = TenantHub(
            rules,
            self.journal,
            dispatcher,
            Accounts(self.journal, Configured({}, {ADMINISTRATOR.id: ADMINISTRATOR.certificate})),
            clock,
        )
        plug = site.plugs[CITY, OURS]
        self.connector = Watched(plug.loaded.spec.factory(), self.made, self.said, self.meanwhile)
        connectors = {OURS: self.connector, THEIRS: self.told}
        self.edges = {}
        for each, connector in connectors.items():
            interface = site.plugs[CITY, each].loaded.spec.interface
            edge_rules = replace(rules_for(site.config, CITY, each, site.directory, interface), limits=bounds)
            end = ToHub(self.hub, each)
            self.edges[each] = Edge(edge_rules, site.keys[each], cast(Connector, connector), end, clock, telemetry)
            to_edges.edges[CITY, each] = self.edges[each]
        self.hold_all(on=self.holds)
        heard = Heard(EdgeOutbox(self.edges[OURS], plug.loaded.spec.attests), self.sent, self.refused, self.facts)
        session, secret = cast(aiohttp.ClientSession, self.network), self._secret
        context = Context(CITY, plug.settings, cast(Outbox, heard), session, telemetry.log, clock, secret)
        await self.connector.open(context)
        dispatcher.restore()
        self._running = asyncio.create_task(dispatcher.run())

    async def crash(self) -> None:
        """All that is in memory is gone; what was committed is there."""
        mine = asyncio.current_task()
        others = [each for each in asyncio.all_tasks() if each is not mine]
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.journal.close()
        self.network.kill = None
        self.network.killed.clear()

    async def alive(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """Do it, and what follows; if a call kills the gateway meanwhile, it starts again."""
        task = asyncio.ensure_future(work)
        dead = asyncio.ensure_future(self.network.killed.wait())
        await asyncio.wait((task, dead), return_when=asyncio.FIRST_COMPLETED)
        if not self.network.killed.is_set():
            await self._rest()
        dead.cancel()
        if self.network.killed.is_set():
            await self.crash()
            await self.open()
            return None
        return await task

    async def _rest(self) -> None:
        """Until nothing is due, or nothing moves: what waits for a list, say."""
        for _ in range(300):
            if self.network.killed.is_set() or not (self.due() or self.hub.dispatcher._tasks):
                return
            await asyncio.sleep(0.001)

    def due(self) -> int:
        """How many messages have not ended, or their source has not heard; those that wait for people do not count."""
        return int(self.journal._connection.execute(_DUE).fetchone()[0])

    def facts(self) -> list[dict[str, Any]]:
        """Every fact, in order."""
        rows = self.journal._connection.execute("SELECT body FROM fact ORDER BY seq").fetchall()
        return [json.loads(body) for (body,) in rows]

    def hold_all(self, *, on: bool) -> None:
        """From now on R20 holds everything, or what is marked."""
        self.holds = on
        for edge in self.edges.values():
            edge.rules = _holding(edge.rules, on=on)
        self.hub.adopt(_holding(self.hub.rules, on=on), self.hub.dispatcher.limits)

    async def send(self, operation: str, record: Mapping[str, Any], key: str) -> Receipt:
        """As the city's own system."""
        return await EdgeOutbox(self.edges[THEIRS]).send(operation, [dict(record)], key=key.encode())

    def _secret(self, reference: str) -> bytes:
        return (self.made_of.config.root / reference.removeprefix("file:")).read_bytes()


def _holding(rules: Any, *, on: bool) -> Any:
    file = rules.tenant.file
    routes = tuple(each.model_copy(update={"hold": on}) if each.id == "R20" else each for each in file.routes)
    return replace(rules, tenant=replace(rules.tenant, file=file.model_copy(update={"routes": routes})))
