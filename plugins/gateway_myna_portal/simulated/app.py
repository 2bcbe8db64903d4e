"""The portal's face: provider and front, notices from the gateway, and, for tests, residents to be, counts and faults.

The rule: what it does not understand it refuses whole, with a code and without a value; only the gateway's own
certificate brings notices.
"""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated, Any, ClassVar, Final

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from gateway_myna_portal.simulated.browser import Browser, NotLoggedIn
from gateway_myna_portal.simulated.config import Config, Strikes
from gateway_myna_portal.simulated.faults import Faults
from gateway_myna_portal.simulated.front import Front, given
from gateway_myna_portal.simulated.gateway import Entrance
from gateway_myna_portal.simulated.notices import Delivery, Notices
from gateway_myna_portal.simulated.provider import Provider
from gateway_myna_portal.simulated.residents import Residents
from gateway_myna_portal.simulated.signing import SigningKey

_STRIKES: Final = TypeAdapter(Strikes)
_Id = Annotated[str, StringConstraints(pattern="^[0-9A-Za-z][0-9A-Za-z-]{0,63}$")]


class _NewResident(BaseModel):
    """F45, F46: what the eligibility side tells the portal. `guardian` is the card of the one who may act."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    card: _Id
    pmh_key: _Id | None = None
    guardian: _Id | None = None


class MynaPortal:
    """The HTTP application. `listening` must be told its address before anybody comes."""

    def __init__(self, config: Config, key: SigningKey, tls: ssl.SSLContext) -> None:
        """Raises Invalid."""
        provider = config.provider
        self._config = config
        self._tls = tls  # as a client
        self._residents = Residents()
        if config.residents is not None:
            self._residents.remember(config.residents)
        self._notices = Notices()
        self._provider = Provider(key, self._residents, provider.client_id, provider.seconds, provider.purpose_text)
        self._faults = Faults(config.faults)
        self._front = Front(self._provider, key, self._residents, self._notices, self._faults)
        self._browsers: dict[str, Browser] = {}  # by card
        self._opened = AsyncExitStack()

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.cleanup_ctx.append(self._connections)
        self._provider.add_to(app.router)
        self._front.add_to(app.router)
        app.router.add_post("/v1/notices", self._deliver)
        app.router.add_get("/v1/status", self._status)
        app.router.add_post("/residents", self._arrive)
        app.router.add_post("/residents/{card}/login", self._login)
        app.router.add_post("/residents/{card}/{act:.+}", self._act)
        app.router.add_get("/simulator/counts", self._counts)
        app.router.add_put("/simulator/faults", self._set_faults)
        return app

    def listening(self, url: str) -> None:
        """Where we listen; that is also the issuer's address unless it is configured."""
        self._provider.locate(self._config.provider.issuer or url)

    def counts(self) -> dict[str, Any]:
        """Residents and their keys, notices, what was called since the start, and the faults that struck."""
        calls = {name: self._provider.calls[name] for name in ("logins", "tokens")}
        calls["posts"] = self._front.calls["posts"]
        told = {**self._residents.counts(), "notices": self._notices.kept, **calls}
        return told | {"faults": dict(self._faults.struck)}

    async def _connections(self, _: web.Application) -> AsyncIterator[None]:
        async with self._opened:
            session = await self._opened.enter_async_context(self._session())
            self._front.open(session, Entrance(session, self._config.gateway, self._config.times.patience))
            yield

    def _session(self) -> aiohttp.ClientSession:
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address without a name, too
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._tls), cookie_jar=jar)

    # ---- notices -----------------------------------------------------------------------------------------------------

    async def _deliver(self, request: web.Request) -> web.StreamResponse:
        """An answer per row; a fault strikes as the real portal or the network would."""
        if _certificate(request) != self._config.gateway.certificate:
            return _code(403, "not_the_gateway")
        if self._faults.strikes("maintenance"):
            return web.Response(status=503, headers={"Retry-After": str(self._config.times.retry_after)})
        if self._faults.strikes("hang"):
            await asyncio.Event().wait()
        if self._faults.strikes("slow"):
            await asyncio.sleep(self._config.times.slow)
        try:
            delivery = Delivery.model_validate_json(await request.read())
        except ValidationError:  # its text may quote the body
            return _code(400, "malformed")
        answers = self._kept(delivery)
        if self._faults.strikes("drop") and request.transport is not None:
            request.transport.abort()
        if self._faults.strikes("garbage"):
            return web.Response(body=b'{"rows":[{"index":', content_type="application/json")
        return web.json_response({"rows": answers})

    def _kept(self, delivery: Delivery) -> list[dict[str, Any]]:
        rows = list(delivery.rows)
        busy = [{"index": rows.pop(0).index, "status": "busy"}] if self._faults.strikes("row_busy") else []
        whose = self._residents.of_pseudonym
        answers = [
            self._notices.keep(delivery.message_id, row, known=whose(row.record.pmh_pseudonym_id) is not None)
            for row in rows
        ]
        if answers and self._faults.strikes("duplicate"):
            answers[0] = {"index": answers[0]["index"], "status": "duplicate"}
        return busy + answers

    async def _status(self, _: web.Request) -> web.Response:
        if self._faults.waits("maintenance"):
            return web.Response(status=503, headers={"Retry-After": str(self._config.times.retry_after)})
        return web.json_response({})

    # ---- for tests and demonstrations --------------------------------------------------------------------------------

    async def _arrive(self, request: web.Request) -> web.Response:
        try:
            new = _NewResident.model_validate_json(await request.read())
        except ValidationError:
            return _code(422, "malformed")
        created = self._residents.arrive(new.card, new.pmh_key, new.guardian)
        return web.json_response({}, status=201 if created else 200)

    async def _login(self, request: web.Request) -> web.Response:
        """As the resident: {"agent"?, "consent"?}; a consent that is left out is to the text that is shown."""
        card = request.match_info["card"]
        browser = Browser(await self._opened.enter_async_context(self._session()), self._provider.issuer)
        try:
            told = await browser.login({"card": card, **await given(request)})
        except NotLoggedIn:
            return _code(403, "not_logged_in")
        self._browsers[card] = browser
        return web.json_response(told)

    async def _act(self, request: web.Request) -> web.Response:
        """As the resident who is logged in: whatever the front offers."""
        browser = self._browsers.get(request.match_info["card"])
        if browser is None:
            return _code(409, "not_logged_in")
        status, body = await browser.act(request.match_info["act"], await request.read())
        return web.Response(status=status, body=body, content_type="application/json")

    async def _counts(self, _: web.Request) -> web.Response:
        return web.json_response(self.counts())

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.set(_STRIKES.validate_json(await request.read()))
        except ValidationError:
            return _code(422, "no_such_fault")
        return web.Response(status=204)


def _certificate(request: web.Request) -> str:
    """The sha256 of the client's certificate."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    return hashlib.sha256(der or b"").hexdigest()


def _code(status: int, code: str) -> web.Response:
    return web.json_response({"code": code}, status=status)
