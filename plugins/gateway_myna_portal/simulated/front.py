"""The portal application: logs residents in as a client of the provider, and sends for them what they ask.

The rule: a session is its cookie's; what is sent is about the `sub` of its token and shows that token. At first use
(F47) the key goes to the gateway once, then from our store, and that is told.
"""

import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import jwt
from aiohttp import web

from gateway_myna_portal.simulated.faults import TOKEN_FAULTS, Faults
from gateway_myna_portal.simulated.gateway import Entrance, Said
from gateway_myna_portal.simulated.notices import Notices
from gateway_myna_portal.simulated.provider import CALLBACK, Provider, challenge
from gateway_myna_portal.simulated.residents import Resident, Residents
from gateway_myna_portal.simulated.signing import SigningKey

_COOKIE: Final = "portal"


@dataclass(slots=True)
class _Visit:
    """A browser that is logging in, and later is logged in."""

    state: str
    nonce: str
    verifier: str = field(repr=False)
    token: str = field(default="", repr=False)
    pseudonym: str = field(default="", repr=False)


class Front:
    """What a resident's browser speaks to. `open` gives it its connections before anything comes."""

    def __init__(
        self, provider: Provider, key: SigningKey, residents: Residents, notices: Notices, faults: Faults
    ) -> None:
        self._provider = provider
        self._key = key
        self._residents = residents
        self._notices = notices
        self._visits: dict[str, _Visit] = {}  # by cookie
        self._faults = faults
        self.calls: Counter[str] = Counter()

    def open(self, session: aiohttp.ClientSession, entrance: Entrance) -> None:
        """Over which connections the token endpoint and the gateway are reached."""
        self._session = session
        self._entrance = entrance

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Its addresses."""
        router.add_get("/front/login", self._login)
        router.add_get(CALLBACK, self._callback)
        router.add_post("/front/first-use", self._first_use)
        router.add_post("/front/template", self._template)
        router.add_post("/front/questionnaire", self._questionnaire)
        router.add_post("/front/records", self._records)
        router.add_post("/front/notices", self._own_notices)
        router.add_post("/front/send/{operation}", self._send)

    # ---- logging in --------------------------------------------------------------------------------------------------

    async def _login(self, _: web.Request) -> web.Response:
        """Off to the provider, with a state, a nonce and a verifier of this browser's own."""
        cookie, visit = secrets.token_urlsafe(32), _Visit(*(secrets.token_urlsafe(32) for _ in range(3)))
        self._visits[cookie] = visit
        query = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": f"{self._provider.issuer}{CALLBACK}",
            "scope": "openid",
            "state": visit.state,
            "nonce": visit.nonce,
            "code_challenge": challenge(visit.verifier),
            "code_challenge_method": "S256",
            "acr_values": "aal3",
        }
        response = web.Response(status=302, headers={"Location": f"/authorize?{urlencode(query)}"})
        response.set_cookie(_COOKIE, cookie, secure=True, httponly=True, samesite="Lax")
        return response

    async def _callback(self, request: web.Request) -> web.Response:
        """Back from the provider: the state must be this browser's, the token must be good and hold its nonce."""
        visit = self._visits.get(request.cookies.get(_COOKIE, ""))
        query = request.query
        if visit is None or visit.token or not secrets.compare_digest(query.get("state", ""), visit.state):
            return _problem(400, "state_differs")
        if "error" in query or "code" not in query:
            return _problem(403, "not_logged_in")
        form = {
            "grant_type": "authorization_code",
            "client_id": self._provider.client_id,
            "redirect_uri": f"{self._provider.issuer}{CALLBACK}",
            "code": query["code"],
            "code_verifier": visit.verifier,
        }
        async with self._session.post(f"{self._provider.issuer}/token", data=form) as response:
            granted = await response.json()
        try:
            claims = self._key.read(granted.get("id_token", ""), self._provider.issuer, self._provider.client_id)
        except jwt.PyJWTError:
            return _problem(403, "not_logged_in")
        if not secrets.compare_digest(claims.get("nonce", ""), visit.nonce):
            return _problem(403, "nonce_differs")
        visit.token, visit.pseudonym = granted["id_token"], claims["sub"]
        return web.json_response({"pmh_pseudonym_id": visit.pseudonym, "id_token": visit.token})

    # ---- what a resident does ----------------------------------------------------------------------------------------

    async def _first_use(self, request: web.Request) -> web.Response:
        """Hand over once; then the key is gone, and the gateway is told so, again until it has heard (C140)."""
        visit, resident = self._who(request)
        said = Said(200)
        if not resident.linked:
            if resident.pmh_key is None:
                return _problem(409, "no_key")
            resident.attempt = resident.attempt or secrets.token_hex(16)
            pair = {"pmh_pseudonym_id": visit.pseudonym, "pmh_key": resident.pmh_key}
            said = await self._post("pseudonym.hand_over", [pair], visit, resident.attempt)
            if said.final:
                resident.attempt = None  # another try is another message
            if said.record == {"pmh_pseudonym_id": visit.pseudonym}:
                self._residents.handed_over(resident)
        if resident.linked and not resident.told:
            gone = [{"pmh_pseudonym_id": visit.pseudonym}]
            resident.told = (await self._entrance.post("pseudonym.key_deleted", gone, "")).status == 202
        return _answer(said)

    async def _template(self, request: web.Request) -> web.Response:
        return await self._about_self("template.query", request)

    async def _questionnaire(self, request: web.Request) -> web.Response:
        """`answered_at` is now unless it is given."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return await self._about_self("questionnaire.enter", request, answered_at=now)

    async def _records(self, request: web.Request) -> web.Response:
        return await self._about_self("record.query", request)

    async def _own_notices(self, request: web.Request) -> web.Response:
        visit, _ = self._who(request)
        return web.json_response({"notices": self._notices.of(visit.pseudonym)})

    async def _send(self, request: web.Request) -> web.Response:
        """Records as they are, to see what the gateway says to a portal that sends what it should not."""
        visit, _ = self._who(request)
        return _answer(await self._post(request.match_info["operation"], await given(request), visit))

    async def _about_self(self, operation: str, request: web.Request, **more: str) -> web.Response:
        visit, _ = self._who(request)
        record = {"pmh_pseudonym_id": visit.pseudonym, **more, **await given(request)}
        return _answer(await self._post(operation, [record], visit))

    async def _post(self, operation: str, records: object, visit: _Visit, key: str = "") -> Said:
        """To the gateway, with the session's token, or a wrong one if so told."""
        fault = next((name for name in TOKEN_FAULTS if self._faults.strikes(name)), None)
        token = visit.token if fault is None else self._key.wrong(fault, visit.token)
        self.calls["posts"] += 1
        return await self._entrance.post(operation, records, token, key)

    def _who(self, request: web.Request) -> tuple[_Visit, Resident]:
        visit = self._visits.get(request.cookies.get(_COOKIE, ""))
        resident = self._residents.of_pseudonym(visit.pseudonym) if visit is not None else None
        if visit is None or resident is None:
            raise web.HTTPUnauthorized
        return visit, resident


async def given(request: web.Request) -> Any:
    """The JSON of the body; without one, an object without members. Raises HTTPBadRequest."""
    try:
        return await request.json() if request.can_read_body else {}
    except ValueError:
        raise web.HTTPBadRequest from None


def _problem(status: int, code: str) -> web.Response:
    return web.json_response({"code": code}, status=status)


def _answer(said: Said) -> web.Response:
    body: dict[str, Any] = {"status": said.status, "answer": dict(said.body)}
    return web.json_response(body)
