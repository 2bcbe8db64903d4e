"""A line for each test, on a journal of its own."""

import pytest
from aiohttp import web

from gateway.edge.listener import Entrance
from gateway.link.tls import server_tls
from tests.flow.calling import calling
from tests.flow.line import running
from tests.flow.toys import OFFICE


@pytest.fixture(params=["in_process", "https"])
async def line(request, site, tmp_path):
    """The same line over both links: whatever is proven with it is proven of both."""
    async with running(site, tmp_path, link=request.param) as made:
        yield made


@pytest.fixture
async def listening(site, line):
    """A listener in the municipal zone, and what runs it."""
    settings = site.config.gateway.listeners[0]
    made = Entrance(settings, lambda: [line.office], line.hub.dispatcher._telemetry)
    root = site.config.root
    password = (root / "keys/passphrase").read_bytes().strip
    certificate, key, client_ca = (
        str(root / each) for each in (settings.certificate, settings.key, settings.client_ca)
    )
    tls = server_tls(certificate, key, client_ca, password)
    runner = web.AppRunner(made.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    yield made, runner
    await runner.cleanup()


@pytest.fixture
def entrance(listening):
    """A listener in the municipal zone, and where it is."""
    made, runner = listening
    return made, f"https://localhost:{runner.addresses[0][1]}"


@pytest.fixture
async def office(site, entrance):
    async with calling(site, entrance[1], OFFICE) as session:
        yield session
