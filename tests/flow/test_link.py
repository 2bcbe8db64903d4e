"""The hub's end of the link: who dials speaks for its own place, after it has said who it is, in the one form."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import msgspec
import pytest

from gateway.config.files import HubAddress, Link
from gateway.errors import Deferred, Refused
from gateway.link import edge_end, guest, hub_end
from gateway.link.calls import Channel
from gateway.link.words import PATH, Ask, Hello, Look, Submit
from gateway.messages import Ending, Envelope, Recorded, RecordOutcome, Settled, Status
from gateway.wiring import reload
from tests.flow.line import BOUNDS, CERTIFICATES, HANGS, running
from tests.flow.toys import OFFICE, REGISTER, TENANT, person
from tests.unit.test_seal_open import sealed_by_office

HELLO = Hello(((TENANT, OFFICE),), (), "0" * 64, {TENANT: 1}, BOUNDS)


ID = "01a2003d-a4fa-75ac-8583-008af9651995"


@pytest.fixture
async def remote_line(site, tmp_path):
    async with running(site, tmp_path, link="https") as line:
        yield line


@pytest.fixture
async def remote(remote_line):
    return remote_line.remote


@asynccontextmanager
async def dialled(site, remote, certificate=CERTIFICATES[OFFICE]):
    """A WebSocket to the hub under a certificate of one's choosing, whose own edge does not take it back."""
    await remote.end(*(name for name, own in CERTIFICATES.items() if own == certificate))
    tls = ssl.create_default_context(cafile=str(site.config.root / "keys/tls/ca.crt"))
    tls.load_cert_chain(*(site.config.root / f"keys/tls/{certificate}.{end}" for end in ("crt", "key")))
    url = f"https://localhost:{remote.accepting.port}{PATH}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session, session.ws_connect(url) as ws:
        yield ws


@asynccontextmanager
async def channel(site, remote, certificate=CERTIFICATES[OFFICE], answer=None):
    """Calls over it, as an edge makes them; and how it answers the hub's."""

    async def nothing(name, body):
        raise AssertionError

    async with dialled(site, remote, certificate) as ws:
        made = Channel(ws, answer or nothing, lambda error, problem: None, unreachable="hub_unreachable", most=1 << 22)
        running_task = asyncio.create_task(made.run())
        yield made
        await made.close()
        await asyncio.gather(running_task, return_exceptions=True)


async def test_a_certificate_that_is_pinned_to_no_edge_gets_no_link(site, remote):
    remote.listener.pinned = {}
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with dialled(site, remote):
            pass
    assert remote.listener.noise == 1


async def test_nobody_comes_in_any_more_once_the_hub_stops(site, remote):
    await remote.end(*remote.links)
    await remote.listener.close()
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        async with dialled(site, remote):
            pass


async def test_nothing_is_answered_before_an_edge_has_said_who_it_is(site, remote):
    async with channel(site, remote) as hub:
        with pytest.raises(Refused, match="bad_envelope"):
            await hub.call("status", Ask((TENANT, OFFICE), "x"), Status | None)


async def test_how_connectors_are_is_taken_from_who_is_let_in_alone(site, remote):
    """One that is turned away dials again and again, and all is well there but that nothing reaches it."""

    async def well(name, body):
        return [{"tenant": TENANT, "connector": OFFICE, "state": "open", "ok": True, "detail": ""}]

    async with channel(site, remote, answer=well) as hub:
        with pytest.raises(Deferred, match="directory_ahead"):
            await hub.call("hello", Hello(HELLO.places, (), HELLO.config, {TENANT: 2}, BOUNDS), None)
        assert (TENANT, OFFICE) not in await remote.listener.conditions()
        await hub.call("hello", HELLO, None)
        assert (await remote.listener.conditions())[TENANT, OFFICE].ok


@pytest.mark.parametrize("place", [(TENANT, REGISTER), ("131016", OFFICE)])
async def test_an_edge_speaks_for_its_own_place_alone(site, remote, place):
    async with channel(site, remote) as hub:
        with pytest.raises(Refused, match="header_mismatch"):
            await hub.call("hello", Hello((place,), (), "0" * 64, {}, BOUNDS), None)
        await hub.call("hello", HELLO, None)
        for name, body, form in (
            ("opened", place, None),
            ("status", Ask(place, "x"), Status | None),
            ("look", Look(place, "x", "0" * 64, "desk-1"), Envelope),
            ("submit", Submit(place, sealed_by_office(site, person())), Recorded),
        ):
            with pytest.raises(Refused, match="header_mismatch"):
                await hub.call(name, body, form)


@pytest.mark.parametrize("body", [b"", b"\xc1", msgspec.msgpack.encode({"place": 1}), msgspec.msgpack.encode("x")])
@pytest.mark.parametrize("name", ["hello", "submit", "status", "look", "opened", "told", "no_such_call"])
async def test_a_body_of_another_form_is_refused(site, remote, name, body):
    async with channel(site, remote) as hub:
        await hub.call("hello", HELLO, None)
        with pytest.raises(Refused, match="bad_envelope"):
            await hub.call(name, msgspec.Raw(body), None)


@pytest.mark.parametrize(
    "fact", [{"kind": "gateway.stopped"}, {"kind": "noise.counted", "listener": "架空", "count": 1}]
)
async def test_only_closed_facts_are_recorded_at_an_edges_word(site, remote, fact):
    async with channel(site, remote) as hub:
        await hub.call("hello", HELLO, None)
        with pytest.raises(Refused, match="bad_envelope"):
            await hub.call("told", fact, None)
    assert not [each for each in remote.hubs.seen if each.startswith("told")]


async def test_no_edge_works_with_a_directory_that_the_hub_does_not_have_yet(site, remote):
    """Neither from its start nor by a reload: the hub would refuse what is sealed to keys that it does not know."""
    async with channel(site, remote) as hub:
        with pytest.raises(Deferred, match="directory_ahead"):
            await hub.call("hello", Hello(HELLO.places, (), HELLO.config, {TENANT: 2}, BOUNDS), None)
        await hub.call("hello", HELLO, None)
        applied: dict[str, object] = {"kind": "config.applied", "by": "SIGHUP", "config": "1" * 64, "former": "0" * 64}
        applied["limits"] = msgspec.to_builtins(BOUNDS)
        with pytest.raises(Deferred, match="directory_ahead"):
            await hub.call("told", applied | {"directories": {TENANT: 2}}, None)
        await hub.call("told", applied | {"directories": {TENANT: 1}}, None)
    assert [each for each in remote.hubs.seen if each.startswith("told")] == [f"told {OFFICE} ConfigApplied"]


@pytest.mark.parametrize(
    "limit", ["records_per_message", "lanes", "message_seconds", "answer_seconds", "delivery_deadline"]
)
async def test_no_edge_works_with_limits_that_the_hub_does_not_allow(site, remote, limit):
    """Neither from its start nor by a reload: the hub would defer all that is beyond its own."""
    greater = msgspec.structs.replace(BOUNDS, **{limit: getattr(BOUNDS, limit) + 1})
    less = msgspec.structs.replace(BOUNDS, **{limit: 1})
    async with channel(site, remote) as hub:
        with pytest.raises(Deferred, match="limits_differ"):
            await hub.call("hello", msgspec.structs.replace(HELLO, limits=greater), None)
        assert f"turned away {OFFICE} limits_differ" in remote.hubs.seen
        await hub.call("hello", HELLO, None)
        assert remote.listener.beyond(less) == dict.fromkeys((OFFICE, REGISTER), (limit,))
        applied = {"kind": "config.applied", "by": "SIGHUP", "config": "1" * 64, "former": "0" * 64, "directories": {}}
        with pytest.raises(Deferred, match="limits_differ"):
            await hub.call("told", applied | {"limits": msgspec.to_builtins(greater)}, None)
        await hub.call("told", applied | {"limits": msgspec.to_builtins(less)}, None)
        assert remote.listener.beyond(less) == {REGISTER: (limit,)}


@pytest.mark.parametrize("by", [1, -1])
async def test_no_edge_is_linked_that_reckons_with_other_frames_than_the_hub(site, remote, by):
    """Either would hang up on the other's largest message, and with it on every connector of the process."""
    other = msgspec.structs.replace(BOUNDS, body_bytes=BOUNDS.body_bytes + by)
    async with channel(site, remote) as hub:
        with pytest.raises(Deferred, match="limits_differ"):
            await hub.call("hello", msgspec.structs.replace(HELLO, limits=other), None)
    assert f"turned away {OFFICE} limits_differ" in remote.hubs.seen


@pytest.mark.parametrize("end", [hub_end, edge_end])
async def test_what_is_too_large_for_one_frame_is_deferred_and_the_link_lives(remote_line, monkeypatch, end):
    """It was recorded before the limit was lowered, at hub and edges."""
    remote, place = remote_line.remote, (TENANT, OFFICE)
    link, former = remote.links[OFFICE], remote.to_edges.edges[place]
    monkeypatch.setattr(end, "largest", lambda body_bytes: 10_000)
    await former.channel.close()
    await remote_line.until(lambda: remote.to_edges.edges.get(place) not in (None, former) and link.linked)
    edge = remote.to_edges.edges[place]
    if end is hub_end:
        large = Settled(TENANT, OFFICE, ID, (RecordOutcome(0, Ending.REFUSED, "x" * 20_000),))
        with pytest.raises(Deferred, match="limits_differ"):
            await edge.settle(large)
    else:
        link._connectors = lambda: [{"detail": "x" * 20_000}]
        with pytest.raises(Deferred, match="limits_differ"):
            await edge.channel.call("connectors", None, list)
    await edge.settle(Settled(TENANT, OFFICE, ID, ()))
    assert remote.to_edges.edges[place] is edge


async def test_an_edge_whose_limits_the_hub_no_longer_allows_has_to_come_anew(site, remote, monkeypatch):
    """It came while the hub's reload, which holds against who is linked, was under way."""
    office = remote.to_edges.edges[TENANT, OFFICE]
    monkeypatch.setattr(type(remote.hubs), "limits", msgspec.structs.replace(BOUNDS, lanes=1))
    await remote.listener.adopt(remote.listener.pinned)
    with pytest.raises(Deferred, match="system_unreachable"):
        await office.channel.call("connectors", None, list)


async def test_a_reload_replaces_the_pinned_certificates(site, remote):
    """Who came by one that is pinned no more is hung up on; who may stay is not disturbed."""
    office, register = (remote.to_edges.edges[TENANT, each] for each in (OFFICE, REGISTER))
    pinned = {name: each for name, each in remote.listener.pinned.items() if each.name != OFFICE}
    await remote.listener.adopt(pinned)
    with pytest.raises(Deferred, match="system_unreachable"):
        await office.channel.call("connectors", None, list)
    assert await register.channel.call("connectors", None, list) == []
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with dialled(site, remote):
            pass


@pytest.mark.parametrize("frame", [b"", b"\xc1", b"x" * 100, msgspec.msgpack.encode([7, 1, "x", b""])])
async def test_who_speaks_something_else_is_hung_up_on(site, remote, frame):
    async with dialled(site, remote) as ws:
        await ws.send_bytes(frame)
        assert (await ws.receive(timeout=HANGS)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_a_connector_that_opens_while_its_process_says_hello_is_reached(remote, monkeypatch):
    """The hello does not name it, and when it opens there is no link yet to say so over."""
    link, place = remote.links[OFFICE], (TENANT, OFFICE)
    greeting, going_on = asyncio.Event(), asyncio.Event()

    async def linked(edge, config):
        greeting.set()
        await going_on.wait()

    monkeypatch.setattr(remote.hubs, "linked", linked, raising=False)
    opens = remote.local[OFFICE].edges.pop(place)
    await remote.to_edges.edges[place].channel.close()
    async with asyncio.timeout(HANGS):
        await greeting.wait()
        remote.local[OFFICE].put(place, opens)
        await link.opened(place)
        going_on.set()
        while place not in remote.to_edges.edges:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_connector_whose_opening_the_hub_puts_off_is_reached_all_the_same(remote, monkeypatch):
    link, place = remote.links[OFFICE], (TENANT, OFFICE)
    former = remote.to_edges.edges.pop(place)
    monkeypatch.setitem(guest._CALLS, "opened", _deferred)
    await link.opened(place)
    async with asyncio.timeout(HANGS):
        while remote.to_edges.edges.get(place) in (None, former):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def _deferred(its, body):
    raise Deferred("queue_full")


async def test_who_comes_anew_takes_the_place_of_its_former_self(site, remote):
    """Its death may not have been missed yet; what was under way with the former one is deferred."""
    former = remote.to_edges.edges[TENANT, OFFICE]
    async with channel(site, remote) as hub:
        await hub.call("hello", Hello(HELLO.places, HELLO.places, HELLO.config, HELLO.directories, BOUNDS), None)
        assert remote.to_edges.edges[TENANT, OFFICE] is not former
        with pytest.raises(Deferred, match="system_unreachable"):
            await former.channel.call("connectors", None, list)


def test_how_large_a_frame_may_be_changes_with_a_restart_alone(site):
    """Connections that are open keep the size that they began with."""
    address = HubAddress.model_construct(url="https://hub.example", certificate="c", key="k", ca="a", connectors=())
    limits = site.config.gateway.limits
    larger = limits.model_copy(update={"body_bytes": limits.body_bytes + 1})
    for link, told in ((Link.model_construct(hub=address), True), (None, False)):
        now, fresh = (
            replace(site.config, gateway=site.config.gateway.model_copy(update={"link": link, "limits": each}))
            for each in (limits, larger)
        )
        assert any("limits.body_bytes" in each for each in reload._of_the_gateway(now, fresh)) == told
