"""Neither end of a link trusts the other: what it holds, how long it waits and which words it takes are bounded."""

import asyncio
import base64
import contextlib
import socket
import struct
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace

import msgspec
import pytest
from aiohttp import WSMsgType, web

from gateway.errors import LONGEST_PATIENCE, Deferred, Refused
from gateway.link import allowance, calls, edge_end, guest, hub_end, sending
from gateway.link.allowance import FACTS_PER_MINUTE
from gateway.link.tls import server_tls
from gateway.link.words import PATH, Ask, Submit
from gateway.messages import Ending, Envelope, Handed, Recorded, RecordOutcome, Sealed, Settled
from gateway.plugin import Accepted, RefusedRecord
from tests.flow.calling import tls_of
from tests.flow.line import HANGS, running
from tests.flow.line import _hear as line_hear
from tests.flow.test_link import HELLO, channel, dialled
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


@pytest.fixture
def nobody_is_missed(monkeypatch):
    """No end pings the other: who is let go is so for what the test is about."""
    for module in (hub_end, edge_end):
        monkeypatch.setattr(module, "HEARTBEAT", 3600.0)


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
    """The office's edge process when it reads nothing any more: the hub's channel to it, and its own to the hub."""
    former = remote.listener._guests[OFFICE]
    await remote.end(OFFICE)
    reader, writer = await asyncio.open_connection(
        "localhost", remote.accepting.port, ssl=tls_of(site, OFFICE), limit=1024
    )
    writer.write(upgrade())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(0, 0, "hello", msgspec.msgpack.encode(HELLO)))
    async with asyncio.timeout(HANGS):
        while (its := remote.listener._guests.get(OFFICE)) in (None, former) or not its._greeted:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    try:
        yield its.channel, writer
    finally:
        writer.transport.abort()


def told_too_much(channel):
    """Calls of which none gets through."""
    return [asyncio.create_task(channel.call("settle", b"x" * (8 << 20), None)) for _ in range(3)]


@pytest.mark.parametrize("how", ["close", "adopt", "newcomer"])
async def test_a_peer_that_reads_nothing_is_hung_up_on_all_the_same(site, nobody_is_missed, remote, monkeypatch, how):
    """Even if one who was waiting for it has given up: aiohttp has all of them wait on one future."""
    monkeypatch.setattr(calls, "HANG_UP_SECONDS", 0.2)
    async with mute_edge(site, remote) as (stalled, _):
        one, *others = told_too_much(stalled)
        await asyncio.sleep(0.1)
        one.cancel()
        await asyncio.sleep(0)
        async with asyncio.timeout(HANGS):
            if how == "close":
                await remote.listener.close()
            elif how == "adopt":
                await remote.listener.adopt({})
            else:
                async with channel(site, remote) as hub:
                    await hub.call("hello", HELLO, None)
        heard = await asyncio.gather(*others, return_exceptions=True)
        assert [str(each)[:18] for each in heard] == ["system_unreachable"] * 2


async def test_who_does_not_take_a_frame_in_time_is_given_up(site, nobody_is_missed, remote, monkeypatch):
    """A call that is given up meanwhile takes no other with it."""
    monkeypatch.setattr(sending, "DRAIN_SECONDS", 0.1)
    monkeypatch.setattr(sending, "LEAST_BYTES_A_SECOND", 64 << 20)
    async with mute_edge(site, remote) as (stalled, _):
        one, *others = told_too_much(stalled)
        await asyncio.sleep(0.1)
        one.cancel()
        async with asyncio.timeout(HANGS):
            heard = await asyncio.gather(*others, return_exceptions=True)
        assert [str(each)[:18] for each in heard] == ["system_unreachable"] * 2


async def test_little_waits_in_memory_for_a_peer_that_reads_nothing(site, remote):
    """However many have something to say: each holds what is its own."""
    body = b"x" * (1 << 18)
    async with mute_edge(site, remote) as (stalled, _):
        saying = [asyncio.create_task(stalled.call("settle", body, None)) for _ in range(100)]
        await asyncio.sleep(0.3)
        async with asyncio.timeout(HANGS):
            while stalled._sending._unsent <= sending.UNSENT_BYTES:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert stalled._sending._unsent < sending.UNSENT_BYTES + len(body) + 1000
        assert sum(map(len, stalled._sending._frames)) <= stalled._sending._unsent
        for each in saying:
            each.cancel()
        await asyncio.gather(*saying, return_exceptions=True)


async def test_few_answers_are_made_for_a_peer_that_reads_none(site, remote, monkeypatch):
    """Each may be as large as a reply: they are not fetched before the others have gone."""
    fetched: list[str] = []

    async def status(peer, message_id, certificate, *, proven):
        fetched.append(message_id)
        await asyncio.sleep(0)
        return "x" * (2 * sending.UNSENT_BYTES)

    async with mute_edge(site, remote) as (_, writer):
        monkeypatch.setattr(remote.hubs, "of", lambda tenant: SimpleNamespace(status=status), raising=False)
        ask = msgspec.msgpack.encode(Ask((TENANT, OFFICE), ID))
        writer.write(b"".join(frame(0, number, "status", ask) for number in range(1, 201)))
        async with asyncio.timeout(HANGS):
            while len(fetched) < guest._ASKING:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.3)
        assert len(fetched) == guest._ASKING


@pytest.mark.parametrize(("bound", "value"), [("AT_ONCE", 4), ("HELD_BYTES", 4 * 150)])
async def test_what_is_more_than_is_worked_on_at_once_is_deferred(site, remote, monkeypatch, bound, value):
    monkeypatch.setattr(calls, bound, value)
    going_on, begun = asyncio.Event(), []

    async def told(edge, fact):
        begun.append(fact)
        await going_on.wait()

    monkeypatch.setattr(remote.hubs, "told", told, raising=False)
    fact = {"kind": "config.refused", "by": "a" * 64, "problems": 1}
    async with channel(site, remote) as hub:
        await hub.call("hello", HELLO, None)
        told_of = [asyncio.create_task(hub.call("told", fact, None)) for _ in range(20)]
        async with asyncio.timeout(HANGS):
            while len(begun) + sum(each.done() for each in told_of) < 20:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert 1 <= len(begun) < 10
        going_on.set()
        heard = await asyncio.gather(*told_of, return_exceptions=True)
        assert heard.count(None) == len(begun)
        assert {str(each).split(":")[0] for each in heard if each is not None} == {"queue_full"}
        await hub.call("told", fact, None)


async def test_an_end_with_all_the_calls_that_it_works_on_still_hears_answers_to_its_own(remote_line, monkeypatch):
    """A connector that says something to the hub on each settlement, and more settlements than are worked on."""
    monkeypatch.setattr(calls, "AT_ONCE", 4)

    async def hear(message_id, outcomes):
        await remote_line.outbox.send("person.put", [person()], key=message_id.encode())

    remote_line.office_system.hear = hear
    hub = remote_line.remote.to_edges.edges[TENANT, OFFICE]
    async with asyncio.timeout(HANGS):
        settling = [hub.settle(Settled(TENANT, OFFICE, f"{ID[:-2]}{number}", ())) for number in range(10, 20)]
        heard = await asyncio.gather(*settling, return_exceptions=True)
    remote_line.office_system.hear = line_hear
    assert heard.count(None) >= 4
    assert {str(each).split(":")[0] for each in heard if each is not None} <= {"queue_full"}


@asynccontextmanager
async def slow_line(port, bytes_a_second):
    """A way to the hub that carries so much each way and holds little; its own port."""

    async def carry(reader, writer):
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(8192):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(len(part) / bytes_a_second)

    async def accept(reader, writer):
        there = socket.socket()
        for plain in (there, writer.get_extra_info("socket")):
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        there.setblocking(False)
        await asyncio.get_running_loop().sock_connect(there, ("127.0.0.1", port))
        hub_reader, hub_writer = await asyncio.open_connection(sock=there, limit=8192)
        ends.extend((writer, hub_writer))
        carrying.extend(map(asyncio.create_task, (carry(reader, hub_writer), carry(hub_reader, writer))))

    ends: list[asyncio.StreamWriter] = []
    carrying: list[asyncio.Task[None]] = []
    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=8192)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in carrying:
            each.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)
        for end in ends:
            end.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.parametrize("way", ["to the edge", "to the hub"])
async def test_a_slow_line_carries_a_large_message_and_the_link_lives(remote_line, monkeypatch, way):
    """For longer than an end may be silent, and than a small frame may take."""
    for module in (hub_end, edge_end):
        monkeypatch.setattr(module, "HEARTBEAT", 0.6)
    monkeypatch.setattr(sending, "DRAIN_SECONDS", 0.6)
    monkeypatch.setattr(sending, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(sending, "LEAST_BYTES_A_SECOND", 200_000)
    remote = remote_line.remote
    former, link = remote.listener._guests[OFFICE], remote.links[OFFICE]
    async with slow_line(remote.accepting.port, 800_000) as port:
        link._url = f"https://localhost:{port}{PATH}"
        await former.channel.close()
        await remote_line.until(lambda: remote.listener._guests.get(OFFICE, former) is not former)
        await remote_line.until(lambda: link.linked and (TENANT, OFFICE) in remote.to_edges.edges)
        seen, large = len(remote.hubs.seen), "x" * 2_000_000
        if way == "to the edge":
            outcomes = (RecordOutcome(0, Ending.REFUSED, large),)
            await remote.to_edges.edges[TENANT, OFFICE].settle(Settled(TENANT, OFFICE, ID, outcomes))
            assert remote_line.office_system.heard == [(ID, {0: RefusedRecord("refused_by_system")})]
        else:
            assert await link.status((TENANT, OFFICE), large, None) is None
        await asyncio.sleep(1.5)
        assert remote.hubs.seen[seen:] == []


@pytest.mark.parametrize(
    "nonsense",
    [msgspec.msgpack.encode([0, 1, "X", b""]).replace(b"X", b"\xff"), b"\x94\x00\x01\xa1x\xc0" + b"\x91" * 100_000],
    ids=["not UTF-8", "too deep"],
)
async def test_an_edge_that_hears_nonsense_hangs_up_and_links_again(remote, nonsense):
    former = remote.listener._guests[OFFICE]
    await former.channel._socket.send_bytes(nonsense)
    async with asyncio.timeout(HANGS):
        while (TENANT, OFFICE) not in remote.to_edges.edges or remote.listener._guests.get(OFFICE) is former:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert not remote.tasks[OFFICE].done()


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


@pytest.fixture
def no_time_passes(remote, monkeypatch):
    """For allowances; the one of the office is whole again."""
    now = time.monotonic() + 1
    monkeypatch.setattr(allowance, "time", SimpleNamespace(monotonic=lambda: now))


async def test_an_edge_says_hello_once(site, remote):
    async with channel(site, remote) as hub:
        await hub.call("hello", HELLO, None)
        with pytest.raises(Refused, match="bad_envelope"):
            await hub.call("hello", HELLO, None)
    assert remote.hubs.seen.count(f"linked {OFFICE}") == 2


async def test_so_many_facts_a_minute_are_recorded_at_an_edges_word(site, remote, no_time_passes):
    """Whichever of its connections it comes by, each of which is a fact, too."""
    fact, heard = {"kind": "config.refused", "by": "SIGHUP", "problems": 1}, []
    for _ in range(2):
        async with channel(site, remote) as hub:
            await hub.call("hello", HELLO, None)
            told = [hub.call("told", fact, None) for _ in range(FACTS_PER_MINUTE * 2 // 3)]
            heard += await asyncio.gather(*told, return_exceptions=True)
    assert heard.count(None) == FACTS_PER_MINUTE - 2
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
        fact: dict[str, object] = {"kind": "config.applied", "by": "SIGHUP", "config": "1" * 64, "former": "0" * 64}
        fact["limits"] = msgspec.to_builtins(HELLO.limits)
        await hub.call("told", fact | {"directories": {TENANT: 1, "131016": 12345678}}, None)
    (told,) = remote.hubs.facts
    assert told.directories == {TENANT: 1}


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
    await remote.end(REGISTER)  # which goes on dialling the hub
    await remote.listener.close()
    await remote_line.until(lambda: remote_line.printed.getvalue().count("hub.unreachable") > 1)
    assert not link.linked
    assert not [each for each in seen if isinstance(each, bytes)]
    assert ("came" in seen) == reached


ROW = {"tenant": TENANT, "connector": OFFICE, "state": "open", "ok": True, "detail": "the office answers"}


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ([ROW | {"zone": "internet", "required": False}], {(TENANT, OFFICE): "the office answers"}),
        ([ROW | {"connector": REGISTER}, ROW | {"tenant": "131016"}], {}),
        ([ROW | {"detail": each} for each in ("x" * 501,)], {(TENANT, OFFICE): guest._UNFIT}),
        ([ROW | {"detail": "about 0000-1234-5674"}], {(TENANT, OFFICE): guest._UNFIT}),
        ([ROW | {"detail": "\x1b[2Jall is well"}], {(TENANT, OFFICE): guest._UNFIT}),
        ([{}], {}),
        ([{"tenant": [1], "connector": {}}], {}),
        ([ROW | {"state": "x"}], {}),
        (None, {}),
        (7, {}),
    ],
)
async def test_an_edge_is_believed_about_its_own_connectors_in_closed_words_alone(remote, monkeypatch, said, believed):
    monkeypatch.setattr(guest, "_CONDITION_SECONDS", HANGS)
    remote.links[OFFICE]._connectors = lambda: said
    remote.links[REGISTER]._connectors = lambda: [ROW | {"connector": REGISTER}]
    conditions = await remote.listener.conditions()
    told = {place: each.detail for place, each in conditions.items()}
    assert told == believed | {(TENANT, REGISTER): "the office answers"}


async def test_who_does_not_say_how_its_connectors_are_keeps_nobody_waiting(remote, monkeypatch):
    monkeypatch.setattr(guest, "_CONDITION_SECONDS", 0.1)

    async def never(body):
        await asyncio.Event().wait()

    office = remote.links[OFFICE]
    office._answers = {**office._answers, "connectors": never}
    remote.links[REGISTER]._connectors = lambda: [ROW | {"connector": REGISTER}]
    async with asyncio.timeout(HANGS):
        while not (said := [*await remote.listener.conditions()]):  # the other may be slow to say it, too
            pass
    assert said == [(TENANT, REGISTER)]


async def test_so_many_refusals_a_minute_are_recorded_of_what_nobody_has_signed(site, remote_line, no_time_passes):
    """Beyond, it is neither taken nor refused, and counted as noise; what is signed passes all the same."""
    remote = remote_line.remote
    sound, garbage = remote_line.outbox, Submit((TENANT, OFFICE), Sealed(Envelope(b"{}", b"x", b"y"), None, None))
    heard = []
    for _ in range(2):
        calls_of = [remote.links[OFFICE]._call("submit", garbage, Recorded) for _ in range(FACTS_PER_MINUTE)]
        heard += [str(each).split(":")[0] for each in await asyncio.gather(*calls_of, return_exceptions=True)]
    refused = [each for each in remote_line.every_fact() if each["kind"] == "message.refused"]
    assert len(refused) == heard.count("bad_envelope") == FACTS_PER_MINUTE
    assert heard.count("queue_full") == remote.listener.noise == len(heard) - len(refused)
    await sound.send("person.put", [person()], key=b"k")


async def test_a_connector_that_is_open_opens_once(remote):
    """Each time would be reason to try at once what waits for it."""
    appeared: list[object] = []
    remote.to_edges.appeared = appeared.append
    for _ in range(5):
        await remote.links[OFFICE].opened((TENANT, OFFICE))
    await remote.links[OFFICE]._call("leave", None, None)
    await remote.links[OFFICE].opened((TENANT, OFFICE))
    assert appeared == []


async def test_who_is_pinned_no_more_when_its_socket_is_ready_gets_no_link(site, remote, monkeypatch):
    prepare = web.WebSocketResponse.prepare

    async def reloaded_meanwhile(self, request):
        begun = not self.prepared  # aiohttp prepares what a handler has returned once more
        prepared = await prepare(self, request)
        if begun:
            await remote.listener.adopt({})
        return prepared

    monkeypatch.setattr(web.WebSocketResponse, "prepare", reloaded_meanwhile)
    async with dialled(site, remote) as hub:
        assert (await hub.receive(timeout=HANGS)).type is WSMsgType.CLOSE


async def test_a_hub_asks_for_patience_in_bounded_words(remote_line):
    async def submit(peer, sealed):
        raise Deferred("queue_full", 1e300, said.pop())

    remote_line.remote.hubs.of = lambda tenant: SimpleNamespace(submit=submit)
    said = ["The disk is full.", "x" * 10_000, "ask 0000-1234-5674"]
    heard = []
    for _ in range(3):
        with pytest.raises(Deferred) as caught:
            await remote_line.outbox.send("person.put", [person()], key=b"k")
        heard.append((caught.value.retry_after, caught.value.cause))
    assert heard == [(LONGEST_PATIENCE, None), (LONGEST_PATIENCE, None), (LONGEST_PATIENCE, "The disk is full.")]
