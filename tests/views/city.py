"""The example municipality's eight connectors on a line: real configuration, keys, edges and hub, fake systems.

The rule: what goes a way is made by the real steps, and what an honest edge never makes is sealed and signed with the
sending edge's own keys.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from gateway.cli.init import make
from gateway.config import Config, Route, load
from gateway.edge import flow
from gateway.edge.edge import Edge
from gateway.edge.rules import EdgeRules, rules_for
from gateway.edge.seal_payload import open_payload, seal_payload
from gateway.errors import Refused
from gateway.hub.accounts import Accounts
from gateway.hub.dispatcher import Dispatcher
from gateway.hub.hub import TenantHub
from gateway.hub.journal import Journal, JournalLimits
from gateway.hub.people import Configured
from gateway.hub.rules import hub_rules
from gateway.keys.at_rest import Secret
from gateway.keys.directory import Directory
from gateway.keys.layout import TenantKeys, read_signer, read_verifier
from gateway.keys.private import EdgeKeys
from gateway.link.in_process import ToEdges, ToHub
from gateway.messages import Envelope, Header, Sealed, decode_header, decode_statement, encode, signed_part
from gateway.observe import Telemetry, configure
from gateway.plugin import Accepted, Claim, Proven, Shown
from gateway.plugin.interface import Interface
from gateway_clinic_app.interface import INTERFACE as CLINIC_APP
from gateway_health_management.interface import INTERFACE as HEALTH_MANAGEMENT
from gateway_history_lookup.interface import INTERFACE as HISTORY_LOOKUP
from gateway_intermediate_server.interface import INTERFACE as INTERMEDIATE_SERVER
from gateway_myna_portal.interface import INTERFACE as MYNA_PORTAL
from gateway_pmh.interface import INTERFACE as PMH
from gateway_vaccination_db.interface import INTERFACE as VACCINATION_DB
from gateway_vaccination_records.interface import INTERFACE as VACCINATION_RECORDS
from tests.flow.line import System
from tests.views.ways import CODE, Way, ways

INTERFACES = {
    each.connector: each
    for each in (
        CLINIC_APP,
        HEALTH_MANAGEMENT,
        HISTORY_LOOKUP,
        INTERMEDIATE_SERVER,
        MYNA_PORTAL,
        PMH,
        VACCINATION_DB,
        VACCINATION_RECORDS,
    )
}
GOVERNOR = "990001"
"""A made-up prefecture: whom a permit names."""


def clock() -> datetime:
    return datetime.now(UTC)


def claims_of(route: Route, now: datetime) -> tuple[Claim, ...]:
    """All that a route wants attested, for longer than a file of tests takes: questions are made once."""
    until, texts = now + timedelta(days=1), {"consent": (*route.consent_texts, None)[0]}
    return tuple(
        Claim(each, b"proof", until, party=GOVERNOR, asked=now)
        if each == "permit"
        else Claim(each, b"proof", until, texts.get(each))
        for each in route.attest
    )


class Prover(System):
    """A fake system whose peers prove whatever their operation's route wants."""

    routes: tuple[Route, ...] = ()

    def attest(self, shown: Shown) -> Proven:
        (route,) = (each for each in self.routes if each.operation == shown.operation)
        return Proven(claims_of(route, shown.now))


@dataclass
class City:
    """All edges, and the hub between them. Nobody dispatches: what goes where, the tests say."""

    config: Config
    hub: TenantHub
    journal: Journal
    edges: Mapping[str, Edge]
    systems: Mapping[str, Prover]

    @classmethod
    def made(cls, root: Path) -> "City":
        for _ in make(root, CODE, "renkei.example"):
            pass
        config = load(root)
        keys, secret = TenantKeys(root, CODE), Secret.parse(config.gateway.passphrase, root)
        directory = Directory.parse(keys.directory.read_text(), read_verifier(keys.root_vkey), CODE)
        signer = read_signer(keys.log_key, keys.log_vkey, secret)
        limits = JournalLimits(max_open_records=1000, checkpoint_every_facts=1000, wal_bytes=1 << 26)
        journal = Journal.open(root / "log.db", tenant=CODE, origin=signer.name, signer=signer, limits=limits)
        telemetry, to_edges = Telemetry(configure()), ToEdges()
        rules = hub_rules(config, CODE, directory)
        dispatcher = Dispatcher(rules, journal, to_edges, config.gateway.limits, clock, telemetry)
        hub = TenantHub(rules, journal, dispatcher, Accounts(journal, Configured()), clock)
        systems = {name: Prover() for name in INTERFACES}
        for name, system in systems.items():
            system.routes = tuple(each for each in config.tenants[CODE].file.routes if each.source == name)

        def edge(name: str, interface: Interface) -> Edge:
            mine = EdgeKeys.load(keys.connector(name), secret)
            narrow = rules_for(config, CODE, name, directory, interface)
            return Edge(narrow, mine, systems[name], ToHub(hub, name), clock, telemetry)

        edges = {name: edge(name, interface) for name, interface in INTERFACES.items()}
        for name, each in edges.items():
            to_edges.put((CODE, name), each)
        return cls(config, hub, journal, edges, systems)

    # ---- what goes a way ---------------------------------------------------------------------------------------------

    async def sealed(self, way: Way, record: dict[str, Any], rules: EdgeRules | None = None) -> Sealed | str:
        """What the sending edge makes of one record, or the code by which it refuses it; under `rules`, if given."""
        edge = self.edges[way.sender]
        edge = dataclasses.replace(edge, rules=rules or edge.rules)
        return await self._answered(way, record, edge) if way.reply else self._sent(way, record, edge)

    async def honest(self, way: Way) -> Sealed:
        """What the sending edge makes of the whole record."""
        sealed = await self.sealed(way, way.whole)
        assert isinstance(sealed, Sealed), sealed
        return sealed

    def _sent(self, way: Way, record: dict[str, Any], edge: Edge) -> Sealed | str:
        arrival = edge.arrival(way.route.operation, (record,), entrance="outbox", **_attested(way.route, edge.now()))
        sealed = flow.prepare(flow.enter(arrival, edge.rules, edge._prove), edge.rules, edge.keys, bytes(32))
        if sealed.statement is None:
            return sealed
        ((_, code, _),) = decode_statement(sealed.statement.statement).records
        return code

    async def _answered(self, way: Way, record: dict[str, Any], edge: Edge) -> Sealed | str:
        question = self.questions[way.route.id]
        system = System(lambda delivery: {index: Accepted(record) for index, _ in delivery.records})
        handed = await dataclasses.replace(edge, connector=system).deliver(question, frozenset({0}))
        (outcome,) = handed.outcomes
        return handed.reply or str(outcome.code)

    @cached_property
    def questions(self) -> dict[str, Envelope]:
        """One honest question for each route that has a reply."""
        asking = (each for each in ways(self.config) if not each.reply and each.route.reply_fields)
        sealed = {each.route.id: self._sent(each, each.whole, self.edges[each.sender]) for each in asking}
        return {name: each.envelope for name, each in sealed.items() if isinstance(each, Sealed) and each.envelope}

    def opened(self, way: Way, sealed: Sealed) -> dict[str, Any]:
        """What is inside, with the receiver's key."""
        assert sealed.envelope
        key = self.edges[way.receiver].keys.kem_private(header_of(sealed).kem_key)
        (record,) = json.loads(open_payload(sealed.envelope.ciphertext, sealed.envelope.header, key))
        return dict(record)

    def forged(self, way: Way, honest: Sealed, record: dict[str, Any], *more: str, **header: Any) -> Sealed:
        """The same with another record inside, more items named, another header; sealed and signed as the sender's."""
        sender, old = self.edges[way.sender], header_of(honest)
        header = {"item_sets": (tuple(sorted({*old.item_sets[0], *more})),)} | header
        written = encode(dataclasses.replace(old, **header))
        recipient = sender.rules.directory.recipient(way.receiver)
        ciphertext = seal_payload(json.dumps([record], ensure_ascii=False).encode(), written, recipient)
        signature = sender.keys.sign(signed_part(written, ciphertext))
        return Sealed(Envelope(written, ciphertext, signature), honest.tags, None)

    # ---- what the other two say --------------------------------------------------------------------------------------

    async def hub_says(self, way: Way, sealed: Sealed) -> str:
        """The code by which the hub refuses it; "" if it does not."""
        try:
            await ToHub(self.hub, way.sender).submit(sealed)
        except Refused as refusal:
            return refusal.code
        return ""

    async def receiver_says(
        self, way: Way, sealed: Sealed, rules: EdgeRules | None = None
    ) -> tuple[str | None, list[dict[str, Any]]]:
        """The code by which the receiving edge ends it, had the hub let it pass, and what its system was handed."""
        edge, system = self.edges[way.receiver], System()
        edge = dataclasses.replace(edge, rules=rules or edge.rules, connector=system)
        assert sealed.envelope
        handed = await edge.deliver(sealed.envelope, frozenset({0}))
        (outcome,) = handed.outcomes
        return outcome.code, [record for _, record in system.records()]


def _attested(route: Route, now: datetime) -> dict[str, Any]:
    """What a peer shows; or, where a claim is not of a person but of the network, what its connector says with it."""
    if not {"permit", "self_requested"} & {*route.attest}:
        return {"proof": "shown" if route.attest else None}
    return {"claims": claims_of(route, now)}


def header_of(sealed: Sealed) -> Header:
    assert sealed.envelope
    return decode_header(sealed.envelope.header)
