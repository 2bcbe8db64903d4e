"""A small OpenID provider: discovery, authorization code with PKCE (RFC 7636, S256 only), token, JWK Set.

The rule: a code is good once, for a minute, for the client, address and challenge that it was asked with; `sub` is the
PMH仮名識別子, a pairwise subject (OpenID Connect Core §8.1). The card's login is simulated: who names a card has it.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from gateway_myna_portal.simulated.residents import Resident, Residents
from gateway_myna_portal.simulated.signing import SigningKey

CALLBACK: Final = "/front/callback"
_CODE_SECONDS: Final = 60.0
_LEVEL: Final = "aal3"


class _Query(BaseModel):
    """The authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1)."""

    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True)

    response_type: Annotated[str, StringConstraints(pattern="^code$")]
    scope: Annotated[str, StringConstraints(pattern=r"^(\S+ )*openid( \S+)*$")]
    state: Annotated[str, StringConstraints(pattern="^[ -~]{8,255}$")]
    nonce: Annotated[str, StringConstraints(pattern="^[ -~]{8,255}$")]
    code_challenge: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z_-]{43}$")]
    code_challenge_method: Annotated[str, StringConstraints(pattern="^S256$")]


class _CardShown(BaseModel):
    """What the login page sends: the card, whose card acts if another's does, the purpose text that was agreed to."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    card: str
    agent: str | None = None
    consent: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z._-]{1,32}$")] | None = None


@dataclass(frozen=True, slots=True)
class _Grant:
    """A login whose code has not been used yet. `ends` is a time of the process's clock."""

    challenge: str
    claims: Mapping[str, Any] = field(repr=False)
    ends: float


class Provider:
    """The provider of one client, the portal application. `locate` tells it its own address before anything comes."""

    def __init__(self, key: SigningKey, residents: Residents, client_id: str, seconds: int, purpose_text: str) -> None:
        self._key = key
        self._residents = residents
        self.client_id = client_id
        self._seconds = seconds
        self._purpose_text = purpose_text
        self._asked: dict[str, _Query] = {}  # by the login page's number
        self._grants: dict[str, _Grant] = {}  # by code
        self.issuer = ""
        self.calls: Counter[str] = Counter()

    def locate(self, issuer: str) -> None:
        """Where we are: the issuer of our tokens, and where the client is."""
        self.issuer = issuer

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Its addresses."""
        router.add_get("/.well-known/openid-configuration", self._configuration)
        router.add_get("/jwks", self._jwks)
        router.add_get("/authorize", self._authorize)
        router.add_post("/authorize/{page}", self._card)
        router.add_post("/token", self._token)

    async def _configuration(self, _: web.Request) -> web.Response:
        """OpenID Connect Discovery §3."""
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "acr_values_supported": [_LEVEL],
                "scopes_supported": ["openid"],
            }
        )

    async def _jwks(self, _: web.Request) -> web.Response:
        return web.json_response(self._key.jwks)

    async def _authorize(self, request: web.Request) -> web.Response:
        """The login page, as JSON. To an address that is not the client's nobody is sent (RFC 6749 §4.1.2.1)."""
        query = request.query
        here = f"{self.issuer}{CALLBACK}"
        if (query.get("client_id"), query.get("redirect_uri")) != (self.client_id, here):
            return web.json_response({"error": "invalid_request"}, status=400)
        try:
            asked = _Query.model_validate(dict(query))
        except ValidationError:  # its text may quote the query
            return _to_client(here, {"error": "invalid_request", "state": query.get("state", "")})
        page = secrets.token_urlsafe(16)
        self._asked[page] = asked
        return web.json_response({"page": f"/authorize/{page}", "purpose_text": self._purpose_text})

    async def _card(self, request: web.Request) -> web.Response:
        """The card was shown, or not: back to the client with a code, or with access_denied."""
        asked = self._asked.pop(request.match_info["page"], None)
        if asked is None:
            return web.json_response({"error": "invalid_request"}, status=400)
        here = f"{self.issuer}{CALLBACK}"
        claims = self._logged_in(await request.read())
        if claims is None:
            return _to_client(here, {"error": "access_denied", "state": asked.state})
        self.calls["logins"] += 1
        code = secrets.token_urlsafe(32)
        self._grants[code] = _Grant(
            asked.code_challenge, {**claims, "nonce": asked.nonce}, time.monotonic() + _CODE_SECONDS
        )
        return _to_client(here, {"code": code, "state": asked.state})

    def _logged_in(self, body: bytes) -> dict[str, Any] | None:
        """What a token will say of the person. None if the card is unknown, or another's who may not act here."""
        try:
            shown = _CardShown.model_validate_json(body)
        except ValidationError:
            return None
        resident = self._residents.of_card(shown.card)
        if resident is None or shown.agent not in (None, resident.guardian):
            return None
        claims: dict[str, Any] = {"sub": self._residents.pseudonym(resident), "auth_time": int(time.time())}
        if shown.consent is not None:
            claims["consent"] = {"text": shown.consent}
        if (agent := self._agent(shown.agent)) is not None:
            claims["act"] = {"sub": self._residents.pseudonym(agent)}
        return claims

    def _agent(self, card: str | None) -> Resident | None:
        if card is None:
            return None
        self._residents.arrive(card, None, None)  # who acts for another needs no key
        return self._residents.of_card(card)

    async def _token(self, request: web.Request) -> web.Response:
        """RFC 6749 §4.1.3. Whatever does not fit spends the code all the same."""
        form = await request.post()
        grant = self._grants.pop(str(form.get("code", "")), None)
        shown = form.get("grant_type"), form.get("client_id"), form.get("redirect_uri")
        fits = shown == ("authorization_code", self.client_id, f"{self.issuer}{CALLBACK}")
        verifier = str(form.get("code_verifier", ""))
        if grant is None or not fits or grant.ends < time.monotonic() or not _verified(verifier, grant.challenge):
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.calls["tokens"] += 1
        now = int(time.time())
        token = {
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": now,
            "exp": now + self._seconds,
            "jti": secrets.token_hex(16),
            "acr": _LEVEL,
            **grant.claims,
        }
        answer = {
            "access_token": secrets.token_urlsafe(32),
            "token_type": "Bearer",
            "expires_in": self._seconds,
            "id_token": self._key.sign(token),
        }
        return web.json_response(answer, headers={"Cache-Control": "no-store"})


def challenge(verifier: str) -> str:
    """RFC 7636 §4.2, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _verified(verifier: str, wanted: str) -> bool:
    return verifier.isascii() and 43 <= len(verifier) <= 128 and hmac.compare_digest(challenge(verifier), wanted)


def _to_client(address: str, told: Mapping[str, str]) -> web.Response:
    return web.Response(status=302, headers={"Location": f"{address}?{urlencode(told)}", "Cache-Control": "no-store"})
