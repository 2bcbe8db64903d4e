"""Envelopes that an honest edge never makes, with real keys, a real journal and real connectors of a site on disk.

A forging edge has its own keys and may believe in any rules; the hub and the other edge do not believe the edge.
"""

import asyncio
import dataclasses
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway import config as configuration
from gateway.edge import flow
from gateway.edge.edge import Edge
from gateway.edge.rules import EdgeRules, rules_for
from gateway.edge.seal import refuse
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
from gateway.messages import (
    Arrival,
    Envelope,
    Sealed,
    SignedStatement,
    Tags,
    decode_header,
    decode_statement,
    encode,
    signed_part,
)
from gateway.observe import Telemetry, configure
from gateway_health_management.interface import INTERFACE as HEALTH
from gateway_vaccination_records.connector import VaccinationRecords
from gateway_vaccination_records.interface import INTERFACE as RECORDS
from tests.acceptance.site import DESTINATION, SOURCE
from tests.acceptance.subjects import MUNICIPALITY, record, subject

OPTIONAL = "guardian_name"
SENDS = frozenset(each.name for each in HEALTH.operations if each.direction == "sends")


def clock():
    return datetime.now(UTC)


@dataclass
class Line:
    """The hub with the route as reviewed, without `guardian_name`; the forging edge's rules, `wide`, have it."""

    hub: TenantHub
    link: ToHub
    wide: EdgeRules
    keys: EdgeKeys
    far: Edge

    def arrival(self, *records):
        edge = Edge(self.wide, self.keys, self.far.connector, self.link, clock, self.far.telemetry)
        return edge.arrival("subject.register", tuple(records), entrance="outbox")

    def sealed(self, *records) -> Sealed:
        """What the forging edge honestly makes by its own rules."""
        return flow.prepare(flow.enter(self.arrival(*records), self.wide), self.wide, self.keys, bytes(32))

    def resealed(self, sealed: Sealed, payload=None, signer: EdgeKeys | None = None, **changed) -> Sealed:
        """The same with another header, another payload, or under another's signature."""
        assert sealed.envelope
        assert sealed.tags
        header = dataclasses.replace(decode_header(sealed.envelope.header), **changed)
        plain = payload if payload is not None else self.opened(sealed.envelope)
        written = encode(header)
        recipient = self.wide.directory.recipient(DESTINATION)
        ciphertext = seal_payload(json.dumps(plain, ensure_ascii=False).encode(), written, recipient)
        signature = (signer or self.keys).sign(signed_part(written, ciphertext))
        return Sealed(Envelope(written, ciphertext, signature), sealed.tags, None)

    def opened(self, envelope: Envelope):
        key = self.far.keys.kem_private(decode_header(envelope.header).kem_key)
        return json.loads(open_payload(envelope.ciphertext, envelope.header, key))

    def facts(self):
        counts = self.hub.journal.size_and_root()[0]
        reader = self.hub.journal._connection
        rows = reader.execute("SELECT body FROM fact ORDER BY seq").fetchall()
        assert len(rows) == counts
        return [json.loads(body) for (body,) in rows]

    def refuses(self, sealed: Sealed, code: str):
        """The hub refuses, and all that it writes down is who, why, and the digest of the envelope."""
        before = len(self.facts())
        with pytest.raises(Refused) as refused:
            asyncio.run(self.link.submit(sealed))
        assert refused.value.code == code
        (fact,) = self.facts()[before:]
        assert (fact["kind"], fact["stage"], fact["code"], fact["connector"]) == (
            "message.refused",
            "hub",
            code,
            SOURCE,
        )
        assert fact.get("envelope") == (sealed.envelope.digest() if sealed.envelope else None)
        assert set(fact) <= {"seq", "at", "kind", "stage", "code", "connector", "envelope", "message_id", "operation"}
        assert fact.get("operation") in {None, *SENDS}

    def far_end_refuses(self, sealed: Sealed, code: str, path: str | None = None):
        """Even a hub that let it pass could not make the far edge hand it over: its connector is not even open."""
        assert sealed.envelope
        wanted = frozenset(index for index, _, _ in decode_header(sealed.envelope.header).records)
        handed = asyncio.run(self.far.deliver(sealed.envelope, wanted))
        assert {(each.ending, each.code, each.path) for each in handed.outcomes} == {("refused", code, path)}


@pytest.fixture(scope="module")
def line(tmp_path_factory, starter):
    root = tmp_path_factory.mktemp("forged") / "site"
    shutil.copytree(starter, root)
    file = root / f"config/tenants/{MUNICIPALITY}.toml"
    wide = configuration.load(root)
    file.write_text(file.read_text().replace(f'"{OPTIONAL}", "resident_status"', '"resident_status"'))
    narrow = configuration.load(root)
    keys, secret = TenantKeys(root, MUNICIPALITY), Secret.parse(narrow.gateway.passphrase, root)
    directory = Directory.parse(keys.directory.read_text(), read_verifier(keys.root_vkey), MUNICIPALITY)
    near, far = (EdgeKeys.load(keys.connector(each), secret) for each in (SOURCE, DESTINATION))
    telemetry = Telemetry(configure())
    signer = read_signer(keys.log_key, keys.log_vkey, secret)
    limits = JournalLimits(max_open_records=1000, checkpoint_every_facts=100, wal_bytes=1 << 20)
    journal = Journal.open(root / "log.db", tenant=MUNICIPALITY, origin=signer.name, signer=signer, limits=limits)
    rules = hub_rules(narrow, MUNICIPALITY, directory)
    dispatcher = Dispatcher(rules, journal, ToEdges(), narrow.gateway.limits, clock, telemetry)
    hub = TenantHub(rules, journal, dispatcher, Accounts(journal, Configured()), clock)
    far_rules = rules_for(narrow, MUNICIPALITY, DESTINATION, directory, RECORDS)
    yield Line(
        hub,
        ToHub(hub, SOURCE),
        rules_for(wide, MUNICIPALITY, SOURCE, directory, HEALTH),
        near,
        Edge(far_rules, far, VaccinationRecords(), ToHub(hub, DESTINATION), clock, telemetry),
    )
    journal.close()


@pytest.fixture
def one(ordinal):
    """A record within the reviewed route."""
    return record(subject(ordinal(), guardian_name=""))


def test_the_forger_s_tools_make_what_an_honest_edge_makes(line, one):
    recorded = asyncio.run(line.link.submit(line.resealed(line.sealed(one))))
    assert line.facts()[recorded.seq - 1]["kind"] == "message.recorded"


def test_must_header_names_items_and_the_hub_enforces_them(line, ordinal):
    beyond = line.sealed(record(subject(ordinal())))
    assert OPTIONAL in decode_header(beyond.envelope.header).item_sets[0]
    line.refuses(beyond, "items_beyond_route")
    line.far_end_refuses(beyond, "items_beyond_route")


def test_must_the_far_edge_proves_that_the_payload_holds_exactly_the_named_items(line, one):
    honest = line.sealed(one)
    hidden = line.resealed(honest, [one | {OPTIONAL: "架空　花子"}])
    asyncio.run(line.link.submit(hidden))  # the blind hub cannot see it
    line.far_end_refuses(hidden, "items_differ")
    line.far_end_refuses(line.resealed(honest, [{k: v for k, v in one.items() if k != "name"}]), "items_differ")
    line.far_end_refuses(line.resealed(honest, [one, one]), "items_differ")
    line.far_end_refuses(line.resealed(honest, {"no": "array"}), "items_differ")


def test_must_fields_enforced_at_both_ends(line, one):
    honest = line.sealed(one)
    line.far_end_refuses(line.resealed(honest, [one | {"sex": "7"}]), "not_in_code_list", "sex")
    line.far_end_refuses(line.resealed(honest, [one | {"name": 7}]), "wrong_type", "name")
    hidden = one["individual_number"]
    line.far_end_refuses(line.resealed(honest, [one | {"address": hidden}]), "individual_number_in_text", "address")


def test_a_bad_signature(line, one):
    envelope = line.sealed(one).envelope
    tags = line.sealed(one).tags
    flipped = bytes([envelope.signature[0] ^ 1]) + envelope.signature[1:]
    forged = dataclasses.replace(envelope, signature=flipped)
    line.refuses(Sealed(forged, tags, None), "bad_signature")
    line.far_end_refuses(Sealed(forged, tags, None), "bad_signature")
    line.refuses(line.resealed(line.sealed(one), signer=line.far.keys), "bad_signature")


def test_altered_ciphertext(line, one):
    sealed = line.sealed(one)
    last = sealed.envelope.ciphertext[:-1] + bytes([sealed.envelope.ciphertext[-1] ^ 1])
    line.refuses(Sealed(dataclasses.replace(sealed.envelope, ciphertext=last), sealed.tags, None), "bad_signature")
    signed = line.keys.sign(signed_part(sealed.envelope.header, last))
    line.far_end_refuses(Sealed(Envelope(sealed.envelope.header, last, signed), sealed.tags, None), "cannot_open")


def test_a_payload_under_a_foreign_header(line, one, ordinal):
    mine, other = line.sealed(one), line.sealed(record(subject(ordinal(), guardian_name="")))
    moved = Envelope(other.envelope.header, mine.envelope.ciphertext, other.envelope.signature)
    line.refuses(Sealed(moved, other.tags, None), "bad_signature")
    # Signed anew by its own edge it passes the blind hub; under another header it does not open.
    signed = line.keys.sign(signed_part(moved.header, moved.ciphertext))
    line.far_end_refuses(Sealed(dataclasses.replace(moved, signature=signed), other.tags, None), "cannot_open")


HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "another tenant": ({"tenant": "999989"}, "header_mismatch"),
    "another source": ({"source": DESTINATION}, "unknown_key"),
    "another operation": ({"operation": "subject.lookup"}, "no_route"),
    "another destination": ({"destination": SOURCE}, "no_route"),
    "a route that there is not": ({"route": "R99"}, "no_route"),
    "another route": ({"route": "R25"}, "no_route"),
    "a legal basis of its own choice": ({"legal_basis": ("L3", "A1")}, "header_mismatch"),
    "no assessment": ({"legal_basis": ("L1", "L2")}, "header_mismatch"),
    "an assessment of its own choice": ({"legal_basis": ("L1", "L2", "A9")}, "header_mismatch"),
    "a purpose of its own choice": ({"purpose": "advertising"}, "header_mismatch"),
    "another interface at the source": ({"source_interface": "0" * 64}, "interface_changed"),
    "another interface at the destination": ({"destination_interface": "0" * 64}, "interface_changed"),
    "a key that the directory does not have": ({"kem_key": "0" * 16}, "unknown_key"),
    "a signing key that the directory does not have": ({"signing_key": "0" * 16}, "unknown_key"),
    "expired": ({"expires_at": "2020-01-01T00:00:00.000000Z"}, "expired"),
    "a reply to nothing": ({"correlation_id": "01900000-0000-7000-8000-000000000000"}, "header_mismatch"),
    "records twice": ({"records": ((0, 0, 0), (0, 0, 0))}, "bad_envelope"),
    "no records": ({"records": ()}, "bad_envelope"),
    "an item set that it does not list": ({"records": ((0, 1, 0),)}, "bad_envelope"),
    "other tags": ({"tags_digest": "0" * 64}, "bad_tags"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_forged_header(line, one, case):
    changed, code = HEADERS[case]
    line.refuses(line.resealed(line.sealed(one), **changed), code)


def test_an_item_of_the_header_s_own_invention(line, one):
    sets = decode_header(line.sealed(one).envelope.header).item_sets
    line.refuses(line.resealed(line.sealed(one), item_sets=((*sets[0], "local_tax_info"),)), "items_beyond_route")


def test_a_message_id_that_was_used(line, one):
    first = line.sealed(one)
    asyncio.run(line.link.submit(first))
    line.refuses(line.resealed(first, [one]), "message_id_reused")


def test_tags_are_bound_to_the_header(line, one):
    sealed = line.sealed(one)
    line.refuses(Sealed(sealed.envelope, Tags(sealed.tags.salt, (bytes(16),)), None), "bad_tags")
    line.refuses(Sealed(sealed.envelope, Tags(sealed.tags.salt, ()), None), "bad_tags")
    line.refuses(Sealed(sealed.envelope, None, None), "bad_tags")


def test_bytes_that_are_no_header(line, one):
    sealed = line.sealed(one)
    for written in (
        b"",
        b"{}",
        sealed.envelope.header + b" ",
        sealed.envelope.header.replace(b'"version":1', b'"version":1.0'),
    ):
        signature = line.keys.sign(signed_part(written, b""))
        line.refuses(Sealed(Envelope(written, b"", signature), sealed.tags, None), "bad_envelope")
    line.refuses(Sealed(None, None, None), "bad_envelope")


def statement(line, **changed):
    """The signed refusal of a whole arrival, with something changed in it."""
    arrival: Arrival = line.arrival({})
    signed = refuse(arrival, line.wide, line.keys, "not_json").statement
    assert signed
    said = encode(dataclasses.replace(decode_statement(signed.statement), **changed))
    return Sealed(None, None, SignedStatement(said, line.keys.sign(SignedStatement(said, b"").signed_part())))


def test_a_forged_statement(line):
    assert asyncio.run(line.link.submit(statement(line))).seq == len(line.facts())
    line.refuses(statement(line, connector=DESTINATION), "unknown_key")
    line.refuses(statement(line, tenant="999989"), "header_mismatch")
    line.refuses(statement(line, code="a-code-of-its-own"), "bad_envelope")
    line.refuses(statement(line, code=None), "bad_envelope")
    line.refuses(statement(line, kind="note"), "bad_envelope")
    line.refuses(statement(line, records=((1, "not_json", None), (0, "not_json", None))), "bad_envelope")
    mute = statement(line).statement
    line.refuses(Sealed(None, None, dataclasses.replace(mute, signature=bytes(64))), "bad_signature")


def test_a_statement_names_no_path_that_the_interface_does_not_have(line):
    """The log shows paths in the clear: one that the edge makes up could be a value."""
    line.refuses(statement(line, records=((0, "wrong_type", "yamada.taro"),)), "bad_envelope")


def test_a_header_names_nothing_withheld_that_the_interface_does_not_have(line, one):
    line.refuses(line.resealed(line.sealed(one), withheld=("yamada.taro",)), "bad_envelope")
