"""The HTTP API as one application: the addresses of each counterpart, and what all may ask about their own area."""

from collections.abc import Mapping

from aiohttp import web

from gateway_vaccination_records.record_system.city_api import CityApi
from gateway_vaccination_records.record_system.desk import Desk
from gateway_vaccination_records.record_system.http import Desks
from gateway_vaccination_records.record_system.problems import problems
from gateway_vaccination_records.record_system.resident_api import ResidentApi
from gateway_vaccination_records.record_system.sending_api import SendingApi
from gateway_vaccination_records.record_system.visit_api import VisitApi


class Api:
    """The addresses over a set of areas, found by the sha256 fingerprint of the client certificate."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self._desks = Desks(desks)

    def application(self, body_bytes: int) -> web.Application:
        """The aiohttp application; bodies larger than `body_bytes` are refused."""
        app = web.Application(client_max_size=body_bytes, middlewares=[problems])
        for part in (CityApi(self._desks), ResidentApi(self._desks), VisitApi(self._desks), SendingApi(self._desks)):
            app.router.add_routes(part.routes())
        app.router.add_get("/v1/keys", self.key_counts, allow_head=False)
        app.router.add_get("/v1/health", self.health, allow_head=False)
        app.router.add_get("/v1/areas/self", self.counts, allow_head=False)
        return app

    async def counts(self, request: web.Request) -> web.Response:
        """How much the caller's own area holds, in numbers only."""
        desk = self._desks.of(request)
        return web.json_response(dict(await desk.ask(desk.area.counts)))

    async def key_counts(self, request: web.Request) -> web.Response:
        """How many numbers of the caller's own area have a PMH key, want one or are in dispute."""
        desk = self._desks.of(request)
        return web.json_response(dict(await desk.ask(desk.area.key_counts)))

    async def health(self, request: web.Request) -> web.Response:
        """200 while the caller's area can be written; and what waits for people in it, in numbers."""
        desk = self._desks.of(request)
        await desk.ask(desk.area.check)
        return web.json_response({"status": "ok", **await desk.ask(desk.area.waiting)})
