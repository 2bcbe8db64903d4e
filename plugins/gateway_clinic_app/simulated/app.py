"""Several clinics at work: cards are shown, and for each visit is asked and entered what the caller says.

The rule: it knows only what its terminals and the gateway told it; what it does not understand it refuses with a code.
"""

import ssl
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from gateway_clinic_app.simulated.clinic import Clinic, NotConfirmed, Visit
from gateway_clinic_app.simulated.config import Config, Strikes
from gateway_clinic_app.simulated.entrance import Entrance
from gateway_clinic_app.simulated.faults import FAULTS, Faults
from gateway_clinic_app.simulated.wrong import NoSuchVisit, Post, fits, wrong

_STRIKES: Final = TypeAdapter(Strikes)


@dataclass(frozen=True, slots=True)
class Connections:
    """One clinic's certificate, towards the eligibility side and towards the gateway."""

    terminal: ssl.SSLContext
    gateway: ssl.SSLContext


class ClinicApps:
    """The HTTP application. `connections` are by clinic code."""

    def __init__(self, config: Config, connections: Mapping[str, Connections]) -> None:
        self._config = config
        self._connections = connections
        self._clinics: dict[str, Clinic] = {}
        self._faults = Faults(config.faults)
        self._calls: Counter[str] = Counter()

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.cleanup_ctx.append(self._open)
        app.router.add_post("/clinics/{clinic}/visits", self._receive)
        app.router.add_post("/clinics/{clinic}/visits/{visit}/query", self._query)
        app.router.add_post("/clinics/{clinic}/visits/{visit}/examination", self._examination)
        app.router.add_post("/clinics/{clinic}/visits/{visit}/vaccination", self._vaccination)
        app.router.add_post("/clinics/{clinic}/visits/{visit}/send/{operation}", self._send)
        app.router.add_get("/simulator/counts", self._counts)
        app.router.add_put("/simulator/faults", self._set_faults)
        return app

    def counts(self) -> dict[str, Any]:
        """Visits, what was sent to the gateway since the start, and the faults that struck."""
        visits = sum(len(each.visits) for each in self._clinics.values())
        return {"visits": visits, "posts": self._calls["posts"], "faults": dict(self._faults.struck)}

    async def _open(self, _: web.Application) -> AsyncIterator[None]:
        config = self._config
        async with AsyncExitStack() as opened:
            for code, tls in self._connections.items():
                terminal, gateway = [
                    await opened.enter_async_context(
                        aiohttp.ClientSession(
                            connector=aiohttp.TCPConnector(ssl=each), cookie_jar=aiohttp.DummyCookieJar()
                        )
                    )
                    for each in (tls.terminal, tls.gateway)
                ]
                entrance = Entrance(gateway, config.gateway, config.times.patience)
                self._clinics[code] = Clinic(terminal, config.eligibility.url, entrance)
            yield

    # ---- at the desk -------------------------------------------------------------------------------------------------

    async def _receive(self, request: web.Request) -> web.Response:
        """A card is shown: {"card", "consent"?, "agent"?}."""
        clinic = self._clinic(request)
        try:
            number = await clinic.receive(await _given(request))
        except NotConfirmed as refused:
            return web.json_response({"code": "not_confirmed", "status": refused.status}, status=403)
        visit = clinic.visits[number]
        told = {"visit": number, **visit.bound, "valid_until": visit.valid_until, "token": visit.token}
        return web.json_response(told, status=201)

    async def _query(self, request: web.Request) -> web.Response:
        _, visit = self._who(request)
        return await self._post(request, "visit.query", [{**visit.bound, **await _given(request)}])

    async def _examination(self, request: web.Request) -> web.Response:
        clinic, visit = self._who(request)
        return await self._post(request, "examination.enter", [clinic.examination(visit, await _given(request))])

    async def _vaccination(self, request: web.Request) -> web.Response:
        clinic, visit = self._who(request)
        return await self._post(request, "vaccination.enter", [clinic.vaccination(visit, await _given(request))])

    async def _send(self, request: web.Request) -> web.Response:
        """Records as they are, to see what the gateway says to a clinic that sends what it should not."""
        return await self._post(request, request.match_info["operation"], await _given(request))

    async def _post(self, request: web.Request, operation: str, records: Any) -> web.Response:
        """To the gateway, with the visit's token, or wrongly if so told."""
        clinic, visit = self._who(request)
        post = Post(operation, records, visit.token)
        fault = next((each for each in FAULTS if fits(each, operation) and self._faults.strikes(each)), None)
        if fault is not None:
            known = [each for any_clinic in self._clinics.values() for each in any_clinic.visits.values()]
            try:
                post = wrong(fault, post, visit, known)
            except NoSuchVisit:
                return _problem(409, "no_such_visit")
        self._calls["posts"] += 1
        said = await clinic.entrance.post(post.operation, post.records, post.token)
        if operation == "visit.query":
            visit.look(said.body)
        return web.json_response({"status": said.status, "answer": dict(said.body)})

    def _clinic(self, request: web.Request) -> Clinic:
        clinic = self._clinics.get(request.match_info["clinic"])
        if clinic is None:
            raise web.HTTPNotFound
        return clinic

    def _who(self, request: web.Request) -> tuple[Clinic, Visit]:
        clinic = self._clinic(request)
        visit = clinic.visits.get(request.match_info["visit"])
        if visit is None:
            raise web.HTTPNotFound
        return clinic, visit

    # ---- for tests and demonstrations --------------------------------------------------------------------------------

    async def _counts(self, _: web.Request) -> web.Response:
        return web.json_response(self.counts())

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.set(_STRIKES.validate_json(await request.read()))
        except ValidationError:
            return _problem(422, "no_such_fault")
        return web.Response(status=204)


async def _given(request: web.Request) -> Any:
    """The JSON of the body; without one, an object without members. Raises HTTPBadRequest."""
    try:
        return await request.json() if request.can_read_body else {}
    except ValueError:
        raise web.HTTPBadRequest from None


def _problem(status: int, code: str) -> web.Response:
    return web.json_response({"code": code}, status=status)
