"""Hub and edges as separate processes over mutual TLS: the same line, and a hub with nothing to open with.

That any of them may die at any moment is in `crash/`.
"""

import contextlib
import json
import re
import shutil
import signal
import socket
import ssl
import time
import tomllib
from datetime import UTC, datetime
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from msgspec import msgpack

from gateway.edge.seal_payload import open_payload
from gateway.errors import Misconfigured, Refused
from gateway.keys.at_rest import Secret, read_ed25519
from gateway.keys.certificates import Authority, Issued
from gateway.keys.directory import Suite
from gateway.keys.layout import TenantKeys
from gateway.keys.private import EdgeKeys, KemPrivate
from gateway.messages import Envelope, decode_header
from gateway_demo_city.people import internal_no
from tests.acceptance.peer import Peer
from tests.acceptance.programs import GATEWAY, Ended, Program, command, until
from tests.acceptance.split import EXAMPLES, SplitSite
from tests.acceptance.subjects import MUNICIPALITY, city_file, subject, values
from tests.flow.test_link_bounds import frame, upgrade

LIMITS = {
    "body_bytes": 4194304,
    "records_per_message": 1000,
    "lanes": 4096,
    "message_seconds": 259_200,
    "answer_seconds": 120,
    "delivery_deadline": 30,
}
RECORDED = "SELECT body FROM fact WHERE kind = 'message.recorded'"


@pytest.fixture
def split(tmp_path):
    sites: list[SplitSite] = []

    def make(example: str) -> SplitSite:
        sites.append(SplitSite(tmp_path / example, example))
        return sites[-1]

    yield make
    for each in sites:
        each.close()


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_carries_messages_files_and_look_ups(split, ordinal, example):
    site = split(example).start()
    one, *others = [ordinal() for _ in range(4)]
    message_id = site.register(subject(one))
    assert [each["outcome"] for each in site.outcomes(message_id)] == ["accepted"]
    (found,) = site.look_up(internal_no(one))
    assert found["record"]["internal_no"] == internal_no(one)
    site.drop("city.csv", city_file([subject(each) for each in others]))
    assert [line.ending for line in site.status("city.csv")] == ["accepted"] * 3
    assert {each["kind"] for each in site.facts("system")} >= {"gateway.started", "edge.linked"}
    assert site.cli("log", "verify").status == 0
    for program in (*site.edges.values(), site.gateway):
        assert program.stop() == 0


def test_must_the_hub_has_nothing_to_open_with(split, ordinal):
    """It is started without any key that opens; after traffic, what it stores cannot be opened by what it has."""
    site = split("edge_per_zone").start()
    people = [subject(ordinal()) for _ in range(5)]
    site.outcomes(site.register(*people))
    held = {path.relative_to(site.root).as_posix() for path in (site.root / "keys").rglob("*") if path.is_file()}
    assert not {each for each in held if "kem" in each or "secret" in each}
    for connector in ("health_management", "vaccination_records"):
        with pytest.raises(Misconfigured):
            EdgeKeys.load(
                TenantKeys(site.root, MUNICIPALITY).connector(connector),
                Secret.parse("file:keys/passphrase", site.root),
            )
    ((packed,),) = site.query("SELECT packed FROM envelope")
    envelope = Envelope.unpack(packed)
    secret = Secret.parse("file:keys/passphrase", site.root)
    had = [read_ed25519(site.root / each, secret).private_bytes_raw() for each in held if each.endswith("/log.pem")]
    assert len(had) == 2
    for raw in had:  # whatever secret bytes it has, taken for a key of that suite
        forced = KemPrivate(
            Suite.HYBRID, X25519PrivateKey.from_private_bytes(raw), MLKEM768PrivateKey.from_seed_bytes(raw * 2)
        )
        with pytest.raises(Refused, match="cannot_open"):
            open_payload(envelope.ciphertext, envelope.header, forced)
    theirs = TenantKeys(site.folder / "lgwan", MUNICIPALITY).connector("vaccination_records")
    keys = EdgeKeys.load(theirs, Secret.parse("file:keys/passphrase", site.folder / "lgwan"))
    key = keys.kem_private(decode_header(envelope.header).kem_key)
    assert b"internal_no" in open_payload(envelope.ciphertext, envelope.header, key)
    assert site.leaks(values(*people)) == ()


def test_hub_and_edges_that_are_told_to_stop_at_once_all_end_well(split):
    site = split("hub_and_edges").start()
    programs = (site.gateway, *site.edges.values())
    for each in programs:
        each.signal(signal.SIGTERM)
    assert [each.ended() for each in programs] == [0] * len(programs)


def test_an_edge_whose_hub_goes_while_it_takes_its_leave_ends_well(split):
    site = split("hub_and_edges").start()
    site.gateway.signal(signal.SIGSTOP)
    for edge in site.edges.values():
        edge.signal(signal.SIGTERM)
    until(lambda: all('"stopping"' in edge.output.read_text() for edge in site.edges.values()))
    time.sleep(0.3)  # nothing tells that they wait for the hub's answer
    site.gateway.kill()
    assert [edge.ended() for edge in site.edges.values()] == [0, 0]
    assert "Unclosed" not in "".join(edge.output.read_text() for edge in site.edges.values())


def test_while_the_hub_is_away_nothing_passes_and_the_sender_is_told(split, ordinal):
    site = split("hub_and_edges").start()
    site.gateway.kill()
    answer = until(lambda: (a := site.send("subject.register", [])).status == 503 and a)
    assert answer.refusal == (503, "hub_unreachable")
    assert int(answer.headers["Retry-After"]) >= 1
    told = command(*GATEWAY, "connectors", "--root", str(site.folder / "edges"))
    assert (told.status, told.out.count("The hub cannot be reached, so nothing passes")) == (1, 6)
    health = Peer(site.admins["edges"], site.tls / "ca.crt", site.tls / "operator.crt").get("/healthz")
    assert (health.status, health.json) == (
        503,
        {"ok": False, "link": "The hub cannot be reached, so nothing passes."},
    )
    site.start()
    site.outcomes(site.register(subject(ordinal())))


def test_a_hub_stops_cleanly_beside_an_edge_that_reads_nothing(split, ordinal):
    """It asks for a large reply again and again; what the hub would tell it fills every buffer between them."""
    site = split("hub_and_edges").start()
    people = [subject(ordinal()) for _ in range(100)]
    site.outcomes(site.register(*people))
    assert len(site.look_up(*[each["internal_no"] for each in people])) == 100
    asked = [json.loads(body)["header"] for (body,) in site.query(RECORDED)]
    source, message_id = next(
        (each["source"], each["message_id"]) for each in reversed(asked) if each["kind"] == "request"
    )
    site.edges["edges"].stop()
    hub = tomllib.loads((site.folder / "edges/config/gateway.toml").read_text())["link"]["hub"]
    with mute_edge(site.folder / "edges", hub) as edge:
        places = {"places": [[MUNICIPALITY, source]], "open": [], "config": "0" * 64, "directories": {}}
        places |= {"limits": LIMITS}
        edge.sendall(frame(0, 0, "hello", msgpack.encode(places)))
        assert edge.recv(2)
        ask = msgpack.encode({"place": [MUNICIPALITY, source], "message_id": message_id})
        edge.sendall(b"".join(frame(0, number, "status", ask) for number in range(1, 1500)))
        until(lambda: sum(each["kind"] == "reply.fetched" for each in site.facts(MUNICIPALITY)) > 10)
        assert site.gateway.stop() == 0
    assert [each["kind"] for each in site.facts("system")][-1] == "gateway.stopped"


@contextlib.contextmanager
def mute_edge(root, hub):
    """The edge process of that folder, as it is when it takes nothing from its socket."""
    tls = ssl.create_default_context(cafile=str(root / hub["ca"]))
    password = (root / "keys/passphrase").read_bytes().strip()
    tls.load_cert_chain(root / hub["certificate"], root / hub["key"], lambda: password)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        plain.connect(("127.0.0.1", int(hub["url"].rpartition(":")[2])))
        with tls.wrap_socket(plain, server_hostname="localhost") as edge:
            edge.sendall(upgrade())
            edge.recv(4096)
            yield edge


def test_an_edge_speaks_for_nobody_but_whom_the_hub_has_pinned_it_to(split, ordinal):
    site = split("edge_per_zone")
    file = site.root / "config/gateway.toml"
    swapped = {"health_management": "vaccination_records", "vaccination_records": "health_management"}
    # In one pass: each of the two names becomes the other.
    text = re.sub("|".join(swapped), lambda name: swapped[name[0]], file.read_text())
    file.write_text(text)
    for program in (site.gateway, *site.edges.values()):
        program.start()

    def told(name, what):
        return site.edges[name].output.read_text().count(f'"{what}"')

    astray, own = ("individual_number_zone", "lgwan"), ("closed_network", "internet")
    until(lambda: all(told(each, "header_mismatch") > 1 for each in astray))
    until(lambda: all(told(each, "hub.linked") for each in own))
    assert not any(told(each, "hub.linked") for each in astray)
    assert {each["edge"] for each in site.facts("system") if each["kind"] == "edge.linked"} == set(own)
    assert site.gateway.running


def test_limits_are_raised_at_the_hub_first_and_lowered_at_the_edges_first(split, ordinal):
    """In the other order nothing passes, and both say why; nothing is refused for good."""
    site = split("hub_and_edges")
    edge, hub = site.edges["edges"], site.gateway

    def lanes(process: str, count: int) -> None:
        file = site.folder / process / "config/gateway.toml"
        kept = [each for each in file.read_text().splitlines() if not each.startswith("lanes")]
        file.write_text("\n".join([*kept, f"lanes = {count}", ""]))

    def told(process: str) -> Ended:
        return command(*GATEWAY, "reload", "--root", str(site.folder / process))

    lanes("hub", 1024)
    for program in (site.records, hub, edge):
        program.start()
    until(lambda: edge.output.read_text().count("limits_differ") > 1)
    assert hub.output.read_text().count("edge.turned_away") == 1
    absent = site.cli("connectors")
    assert (absent.status, "not linked (limits_differ): The edge's limits exceed the hub's" in absent.out) == (1, True)
    health = Peer(site.admins["edges"], site.tls / "ca.crt", site.tls / "operator.crt").get("/healthz")
    assert (health.status, "limits exceed the hub's" in health.json["link"]) == (503, True)

    lanes("hub", 4096)
    assert told("hub").status == 0
    site.start()
    assert [each["outcome"] for each in site.outcomes(site.register(subject(ordinal())))] == ["accepted"]

    lanes("edges", 8192)
    refused = told("edges")
    assert (refused.status, "limits_differ" in refused.err) == (1, True)
    lanes("hub", 2048)
    refused = told("hub")
    assert (refused.status, "of a linked edge process; lower it there first: edges" in refused.err) == (2, True)
    for each in ("edges", "internet", "hub"):
        lanes(each, 2048)
        assert told(each).status == 0
    assert [each["outcome"] for each in site.outcomes(site.register(subject(ordinal())))] == ["accepted"]
    applied = [each for each in site.facts("system") if each["kind"] == "config.applied"]
    assert applied[-1]["limits"] == LIMITS | {"lanes": 2048}


def test_the_certificate_of_an_edge_process_is_renewed_by_reloads(split, ordinal):
    """New files at the edge, reload; the new one at the hub, reload: it comes in anew, and the former is out."""
    site = split("edge_per_zone").start()
    edge, file = site.edges["lgwan"], "keys/tls/lgwan.crt"
    secret = Secret.parse("file:keys/passphrase", site.folder / "offline")
    issuer = x509.load_pem_x509_certificate((site.tls / "ca.crt").read_bytes())
    key = load_pem_private_key((site.tls / "ca.key").read_bytes(), secret.read())
    assert isinstance(key, EllipticCurvePrivateKey)
    renewed = Authority(Issued(issuer, key)).client("lgwan", datetime.now(UTC))
    for path in (site.folder / "lgwan" / file, (site.folder / "lgwan" / file).with_suffix(".key")):
        path.unlink()
    renewed.write(site.folder / "lgwan/keys/tls", "lgwan")
    former = (site.root / file).read_bytes()

    def told(what):
        return edge.output.read_text().count(f'"{what}"')

    def applied(program: Program) -> bool:
        return "config.applied" in program.output.read_text()

    linked = told("hub.linked")
    shutil.copy(site.folder / "lgwan" / file, site.root / file)
    for program in (edge, site.gateway):
        program.signal(signal.SIGHUP)
        until(partial(applied, program))
    until(lambda: told("hub.linked") > linked)
    assert [each["outcome"] for each in site.outcomes(site.register(subject(ordinal())))] == ["accepted"]
    (site.root / file).write_bytes(former)
    unreachable = told("hub.unreachable")  # before the hub listened, for one
    site.gateway.signal(signal.SIGHUP)
    until(lambda: told("hub.unreachable") > unreachable)


def test_c159_an_edge_with_a_listener_on_the_internet_side_holds_no_key_for_individual_numbers(split):
    site = split("edge_per_zone")
    root = site.folder / "individual_number_zone"
    site._replace(root / "config/gateway.toml", 'zone = "individual_number_zone"', 'zone = "internet"')
    told = command(*GATEWAY, "edge", "--root", str(root))
    assert told.status == 2
    assert "C159" in told.err
    assert "individual_number_zone" in told.err


@pytest.mark.parametrize(("process", "wrong"), [("hub", "run"), ("hub", "edge"), ("lgwan", "hub")])
def test_a_configuration_is_for_one_command(split, process, wrong):
    site = split("edge_per_zone")
    told = command(*GATEWAY, wrong, "--root", str(site.folder / process))
    assert (told.status, "start it with: gateway" in told.err) == (2, True)
