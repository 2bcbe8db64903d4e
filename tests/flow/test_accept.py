"""Who holds connections without speaking holds one listener at most, and not for long."""

import asyncio
import contextlib

import pytest
from aiohttp import web

from gateway.link import accept
from gateway.link.accept import Accepting, listen
from gateway.link.tls import server_tls
from tests.flow.calling import calling, tls_of
from tests.flow.line import HANGS
from tests.flow.toys import OFFICE


@pytest.fixture
async def listener(site):
    """A listener of one page, and who found no room there."""

    async def page(request):
        return web.json_response({})

    application = web.Application()
    application.router.add_get("/", page)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    root, settings = site.config.root, site.config.gateway.listeners[0]
    certificate, key, ca = (str(root / each) for each in (settings.certificate, settings.key, settings.client_ca))
    tls = server_tls(certificate, key, ca, (root / "keys/passphrase").read_bytes().strip)
    crowd: list[None] = []
    accepting = await listen(runner, "127.0.0.1", 0, tls, lambda: crowd.append(None))
    yield accepting, crowd
    accepting.close()
    await runner.cleanup()


async def got(site, port):
    async with calling(site, f"https://localhost:{port}", OFFICE) as session, session.get("/") as response:
        return response.status


async def closed(reader):
    """Whether the other side hangs up; an error of the connection is an end as good as any."""
    async with asyncio.timeout(HANGS):
        with contextlib.suppress(ConnectionError):
            return await reader.read() == b""
    return True


async def until(true):
    async with asyncio.timeout(HANGS):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_strangers_without_a_handshake_are_let_go(site, listener, monkeypatch):
    port, serve, served = listener[0].port, Accepting._serve, []

    def serving(accepting, connection):
        served.append(connection)
        return serve(accepting, connection)

    with monkeypatch.context() as short:  # for them alone: who comes to be served may be slow
        short.setattr(accept, "HANDSHAKE_SECONDS", 0.3)
        short.setattr(Accepting, "_serve", serving)
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        await until(lambda: len(served) == 5)
        await asyncio.sleep(0)  # the last of them has begun
    assert await got(site, port) == 200
    assert all([await closed(reader) for reader, _ in held])
    for _, writer in held:
        writer.close()


async def test_a_peer_that_makes_no_request_is_let_go(site, listener, monkeypatch):
    monkeypatch.setattr(accept, "FIRST_REQUEST_SECONDS", 0.3)
    port = listener[0].port
    reader, writer = await asyncio.open_connection("localhost", port, ssl=tls_of(site, OFFICE))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nHalf")
    assert await closed(reader)
    writer.close()


async def test_beyond_a_quarter_of_the_connections_an_address_gets_in_when_one_has_gone(site, listener, monkeypatch):
    monkeypatch.setattr(accept, "CONNECTIONS", 12)
    monkeypatch.setattr(accept, "HANDSHAKE_SECONDS", 2 * HANGS)  # nobody is let go before the fourth has come
    accepting, crowd = listener
    held = [await asyncio.open_connection("127.0.0.1", accepting.port) for _ in range(3)]
    reader, writer = await asyncio.open_connection("127.0.0.1", accepting.port)
    assert await closed(reader)
    writer.close()
    assert len(crowd) == 1
    for _, each in held:
        each.close()
    await until(lambda: not accepting._open)
    assert await got(site, accepting.port) == 200
