"""The session that a connector is given towards its system."""

from aiohttp import web
from pydantic import BaseModel

from gateway.plugin import ConnectorSpec
from gateway.wiring.opening import open_session
from tests.flow.line import System
from tests.flow.toys import OFFICE_INTERFACE, TENANT


async def test_what_a_system_says_to_one_call_is_not_sent_along_with_the_next(site):
    """A cookie would tie one person's call to another's."""
    shown = []

    async def answer(request):
        shown.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "person=0000000001"})

    application = web.Application()
    application.router.add_get("/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0).start()
    spec = ConnectorSpec(interface=OFFICE_INTERFACE, settings=BaseModel, factory=System)
    async with open_session(site.config, TENANT, spec, None) as session:
        for _ in range(2):
            async with session.get(f"http://localhost:{runner.addresses[0][1]}/"):
                pass
    await runner.cleanup()
    assert shown == [None, None]
