"""Neither end of a link trusts the other: what it holds, how long it waits and which words it takes are bounded."""

import asyncio
import base64
import struct
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from gateway.errors import Deferred, Refused
from gateway.link import calls, sending
from gateway.link.allowance import FACTS_PER_MINUTE
from gateway.link.tls import server_tls
from gateway.link.words import PATH
from gateway.messages import Ending, Handed, RecordOutcome, Settled
from gateway.plugin import Accepted, RefusedRecord
from tests.flow.calling import tls_of
from tests.flow.line import running
from tests.flow.test_link import HELLO, channel
from tests.flow.toys import OFFICE, REGISTER, TENANT, person

ID = "01a2003d-a4fa-75ac-8583-008af9651995"
CANARY = "CANARY-000012345678"
NUMBERS = ("n000012345678", "n0000_1234_5678", "a" * 65, "abc\n", "")


@pytest.fixture
async def remote_line(site, tmp_path):
    async with running(site, tmp_path, link="https") as line:
        yield line


@pytest.fixture
async def remote(remote_line):
    return remote_line.remote


def frame(*parts):
    """A call, in a WebSocket's frame as a client makes it."""
    body = msgspec.msgpack.encode(parts)
    return b"\x82" + struct.pack(">BH", 0x80 | 126, len(body)) + bytes(4) + body


def upgrade():
    """What asks for a WebSocket (RFC 6455 §4.1)."""
    key = base64.b64encode(bytes(16)).decode()
    asked = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{asked}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()


@asynccontextmanager
async def mute_edge(site, remote):
    """The office's edge process as it is when it reads nothing any more, and the hub's channel to it."""
    former = remote.listener._guests[OFFICE]
    for task in remote.tasks[:1]:
        task.cancel()
    reader, writer = await asyncio.open_connection(
        "localhost", remote.accepting.port, ssl=tls_of(site, OFFICE), limit=1024
    )
    writer.write(upgrade())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(0, 0, "hello", msgspec.msgpack.encode(HELLO)))
    async with asyncio.timeout(5):
        while (guest := remote.listener._guests.get(OFFICE)) in (None, former) or not guest._greeted:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    yield guest.channel
    writer.transport.abort()


def told_too_much(channel):
    """Calls of which none gets through."""
    return [asyncio.create_task(channel.call("settle", b"x" * (8 << 20), None)) for _ in range(3)]


@pytest.mark.parametrize("how", ["close", "adopt", "newcomer"])
async def test_a_peer_that_reads_nothing_is_hung_up_on_all_the_same(site, remote, how):
    """Even if one who was waiting for it has given up: aiohttp has all of them wait on one future."""
    async with mute_edge(site, remote) as stalled:
        one, *others = told_too_much(stalled)
        await asyncio.sleep(0.1)
        one.cancel()
        await asyncio.sleep(0)
        async with asyncio.timeout(calls.HANG_UP_SECONDS + 3):
            if how == "close":
                await remote.listener.close()
            elif how == "adopt":
                await remote.listener.adopt({})
            else:
                async with channel(site, remote) as hub:
                    await hub.call("hello", HELLO, None)
        heard = await asyncio.gather(*others, return_exceptions=True)
        assert [str(each)[:18] for each in heard] == ["system_unreachable"] * 2


async def test_who_does_not_take_a_frame_in_time_is_given_up(site, remote, monkeypatch):
    """A call that is given up meanwhile takes no other with it."""
    monkeypatch.setattr(sending, "DRAIN_SECONDS", 0.3)
    async with mute_edge(site, remote) as stalled:
        one, *others = told_too_much(stalled)
        await asyncio.sleep(0.1)
        one.cancel()
        async with asyncio.timeout(5):
            heard = await asyncio.gather(*others, return_exceptions=True)
        assert [str(each)[:18] for each in heard] == ["system_unreachable"] * 2


@pytest.mark.parametrize(("bound", "value"), [("AT_ONCE", 4), ("HELD_BYTES", 4 * 150)])
async def test_no_more_is_read_than_is_worked_on(site, remote, monkeypatch, bound, value):
    monkeypatch.setattr(calls, bound, value)
    going_on, begun = asyncio.Event(), []

    async def told(edge, fact):
        begun.append(fact)
        await going_on.wait()

    monkeypatch.setattr(remote.hubs, "told", told, raising=False)
    remote.tasks[0].cancel()  # it would come back and take its place
    fact = {"kind": "config.refused", "by": "a" * 64, "problems": 1}
    async with channel(site, remote) as hub:
        await hub.call("hello", HELLO, None)
        told_of = [asyncio.create_task(hub.call("told", fact, None)) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert 1 <= len(begun) < 10
        going_on.set()
        await asyncio.gather(*told_of)
        assert len(begun) == 20


@pytest.mark.parametrize(
    "nonsense",
    [msgspec.msgpack.encode([0, 1, "X", b""]).replace(b"X", b"\xff"), b"\x94\x00\x01\xa1x\xc0" + b"\x91" * 100_000],
    ids=["not UTF-8", "too deep"],
)
async def test_an_edge_that_hears_nonsense_hangs_up_and_links_again(remote, nonsense):
    former = remote.listener._guests[OFFICE]
    await former.channel._socket.send_bytes(nonsense)
    async with asyncio.timeout(5):
        while (TENANT, OFFICE) not in remote.to_edges.edges or remote.listener._guests.get(OFFICE) is former:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert not remote.tasks[0].done()


async def _refuses(body):
    raise Refused("bad_envelope")


async def _garbles(body):
    return {"outcomes": "x"}


async def _never(body):
    return Handed((RecordOutcome(0, None, "system_busy"),), float("nan"))


async def _free_text(body):
    raise Deferred(CANARY, 0.01, CANARY)


@pytest.mark.parametrize("answer", [_refuses, _garbles, _never, _free_text])
async def test_an_edge_that_answers_a_delivery_out_of_its_mind_ends_no_record_by_it(remote_line, answer):
    link = remote_line.remote.links[REGISTER]
    sound, link._answers = link._answers, {**link._answers, "deliver": answer}
    recorded = await remote_line.outbox.send("person.put", [person()], key=b"k")
    await remote_line.until(lambda: "delivery.concluded" in remote_line.facts(recorded.message_id))
    link._answers = sound
    assert await remote_line.settlement(recorded.message_id) == {0: Accepted()}
    facts = remote_line.every_fact()
    assert "connector_bug" in str(facts)
    assert CANARY not in str(facts) + remote_line.printed.getvalue()


async def test_no_free_text_of_a_connector_that_will_not_hear_gets_out(line):
    async def will_not(message_id, outcomes):
        raise Deferred(CANARY, 0.01, CANARY)

    line.office_system.hear = will_not
    await line.outbox.send("person.put", [person()], key=b"k")
    await line.until(lambda: "settlement.deferred" in line.printed.getvalue())
    assert CANARY not in line.printed.getvalue()
    assert "connector_bug" in line.printed.getvalue()


@pytest.mark.parametrize(
    ("code", "path", "heard"),
    [
        ("=cmd|' /C calc'!A0", "\n", RefusedRecord("refused_by_system")),
        ("register_full", "name", RefusedRecord("register_full", "name")),
        ("unknown_field", "unknown:3:2", RefusedRecord("unknown_field", "unknown:3:2")),
    ],
)
async def test_a_connector_hears_of_its_records_in_closed_words_alone(remote_line, code, path, heard):
    hub = remote_line.remote.to_edges.edges[TENANT, OFFICE]
    await hub.settle(Settled(TENANT, OFFICE, ID, (RecordOutcome(0, Ending.REFUSED, code, path),)))
    assert remote_line.office_system.heard == [(ID, {0: heard})]


async def test_a_connector_hears_of_messages_by_ids_of_the_one_form(remote_line):
    hub = remote_line.remote.to_edges.edges[TENANT, OFFICE]
    with pytest.raises(Deferred, match="connector_bug"):
        await hub.settle(Settled(TENANT, OFFICE, "../../x\nevil", ()))
    assert remote_line.office_system.heard == []


async def test_a_connector_that_never_ends_hearing_is_left(site, tmp_path):
    async with running(site, tmp_path, delivery_deadline=0.1) as line:
        line.office_system.listening.clear()
        with pytest.raises(Deferred, match="deadline"):
            await line.office.settle(Settled(TENANT, OFFICE, ID, ()))


async def test_an_edge_says_hello_once(site, remote):
    async with channel(site, remote) as hub:
        await hub.call("hello", HELLO, None)
        with pytest.raises(Refused, match="bad_envelope"):
            await hub.call("hello", HELLO, None)
    assert remote.hubs.seen.count(f"linked {OFFICE}") == 2


async def test_so_many_facts_a_minute_are_recorded_at_an_edges_word(site, remote):
    """Whichever of its connections it comes by."""
    remote.tasks[0].cancel()
    fact, heard = {"kind": "config.refused", "by": "SIGHUP", "problems": 1}, []
    for _ in range(2):
        async with channel(site, remote) as hub:
            await hub.call("hello", HELLO, None)
            told = [hub.call("told", fact, None) for _ in range(FACTS_PER_MINUTE * 2 // 3)]
            heard += await asyncio.gather(*told, return_exceptions=True)
    recorded = heard.count(None)
    assert FACTS_PER_MINUTE * 2 // 3 < recorded <= FACTS_PER_MINUTE
    assert {str(each)[:10] for each in heard if each is not None} == {"queue_full"}


@pytest.mark.parametrize(
    "fact",
    [
        *({"kind": "config.refused", "by": each, "problems": 1} for each in NUMBERS),
        *({"kind": "noise.counted", "listener": each, "count": 1} for each in NUMBERS),
        {"kind": "noise.counted", "listener": "clinic", "count": 100_000_000_000},
    ],
)
async def test_nothing_that_could_be_a_number_is_recorded_at_an_edges_word(site, remote, fact):
    async with channel(site, remote) as hub:
        await hub.call("hello", HELLO, None)
        with pytest.raises(Refused, match="bad_envelope"):
            await hub.call("told", fact, None)
    assert not remote.hubs.facts


async def test_a_directory_of_a_tenant_that_the_hub_does_not_know_is_not_recorded(site, remote):
    async with channel(site, remote) as hub:
        await hub.call("hello", HELLO, None)
        fact = {"kind": "config.applied", "by": "SIGHUP", "config": "1" * 64, "former": "0" * 64}
        await hub.call("told", fact | {"directories": {TENANT: 1, "131016": 12345678}}, None)
    (fact,) = remote.hubs.facts
    assert fact.directories == {TENANT: 1}


@pytest.fixture
async def elsewhere(site):
    """Where an edge should not go: a hub without TLS, and one with TLS that sends it there. Their addresses, and what
    the first heard.
    """
    heard: list[object] = []

    async def plain(request):
        heard.append("came")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        heard.append((await socket.receive()).data)
        return socket

    async def sends_on(request):
        raise web.HTTPFound(f"http://localhost:{ports[0]}{PATH}")

    root, settings = site.config.root, site.config.gateway.listeners[0]
    certificate, key, ca = (str(root / each) for each in (settings.certificate, settings.key, settings.client_ca))
    tls = server_tls(certificate, key, ca, (root / "keys/passphrase").read_bytes().strip)
    runners: list[web.AppRunner] = []
    ports: list[int] = []
    for answer, context in ((plain, None), (sends_on, tls)):
        application = web.Application()
        application.router.add_get(PATH, answer)
        runners.append(web.AppRunner(application, access_log=None, shutdown_timeout=0.1))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0, ssl_context=context).start()
        ports.append(runners[-1].addresses[0][1])
    yield [f"http://localhost:{ports[0]}", f"https://localhost:{ports[1]}"], heard
    for each in runners:
        await each.cleanup()


@pytest.mark.parametrize(("by", "reached"), [(0, True), (1, False)], ids=["no TLS", "a redirect"])
async def test_an_edge_tells_nobody_but_its_hub_who_it_is(remote_line, elsewhere, by, reached):
    remote, (urls, seen) = remote_line.remote, elsewhere
    link = remote.links[OFFICE]
    link._url = urls[by] + PATH
    await remote.listener.close()
    await remote_line.until(lambda: remote_line.printed.getvalue().count("hub.unreachable") > 1)
    assert not link.linked
    assert not [each for each in seen if isinstance(each, bytes)]
    assert ("came" in seen) == reached
