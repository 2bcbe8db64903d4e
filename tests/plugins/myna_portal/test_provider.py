"""The provider keeps to OpenID Connect: whoever is not the client that asked, with its own verifier, gets no token."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest

from tests.plugins.myna_portal.running import AUDIENCE, Simulator, Site, running

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class Client:
    """Another client of the provider, which goes each step by hand."""

    def __init__(self, portal: Simulator, session: aiohttp.ClientSession) -> None:
        self.portal = portal
        self.session = session
        self.back = f"{portal.url}/front/callback"

    async def authorize(self, **changes: str | None) -> tuple[int, dict[str, Any]]:
        """Status, and the page or what the redirect says."""
        query = {
            "response_type": "code",
            "client_id": AUDIENCE,
            "redirect_uri": self.back,
            "scope": "openid",
            "state": "made-up-state",
            "nonce": "made-up-nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        asked = {name: value for name, value in (query | changes).items() if value is not None}
        async with self.session.get(f"{self.portal.url}/authorize", params=asked, allow_redirects=False) as response:
            return response.status, told(response) or await response.json()

    async def show(self, page: str, **card: Any) -> dict[str, str]:
        """What the redirect says after the card was shown."""
        async with self.session.post(self.portal.url + page, json=card, allow_redirects=False) as response:
            return told(response)

    async def code(self, who: str) -> str:
        _, page = await self.authorize()
        back = await self.show(page["page"], card=who, consent="2026-04")
        assert back["state"] == "made-up-state"
        return back["code"]

    async def token(self, code: str, **changes: str) -> tuple[int, dict[str, Any]]:
        form = {
            "grant_type": "authorization_code",
            "client_id": AUDIENCE,
            "redirect_uri": self.back,
            "code": code,
            "code_verifier": VERIFIER,
        }
        async with self.session.post(f"{self.portal.url}/token", data=form | changes) as response:
            return response.status, await response.json()


def told(response: aiohttp.ClientResponse) -> dict[str, str]:
    where = urlsplit(response.headers.get("Location", ""))
    return {name: values[0] for name, values in parse_qs(where.query).items()}


@pytest.fixture
async def client(site: Site, portal: Simulator):
    async with site.session(site.portal) as session:
        yield Client(portal, session)


async def test_a_code_and_its_verifier_become_a_token_that_the_published_keys_verify(
    client: Client, portal: Simulator
) -> None:
    status, granted = await client.token(await client.code(await portal.resident()))
    _, published = await portal.call("GET", "/.well-known/openid-configuration")
    _, keys = await portal.call("GET", "/jwks")
    assert status == 200
    assert (published["issuer"], published["jwks_uri"]) == (portal.url, f"{portal.url}/jwks")
    key = jwt.PyJWKSet.from_dict(keys).keys[0]
    claims = jwt.decode(granted["id_token"], key, algorithms=["ES256"], audience=AUDIENCE, issuer=portal.url)
    assert (claims["nonce"], claims["acr"], claims["consent"]) == ("made-up-nonce", "aal3", {"text": "2026-04"})
    assert claims["auth_time"] <= claims["iat"] < claims["exp"]


async def test_the_published_keys_are_those_that_the_gateway_pins(site: Site, portal: Simulator) -> None:
    _, keys = await portal.call("GET", "/jwks")
    pinned = jwt.PyJWKSet.from_json(site.jwks.decode())
    assert [each["kid"] for each in keys["keys"]] == [each.key_id for each in pinned.keys]
    assert not any("d" in each for each in keys["keys"])


async def test_a_code_is_good_once(client: Client, portal: Simulator) -> None:
    code = await client.code(await portal.resident())
    assert (await client.token(code))[0] == 200
    assert await client.token(code) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": VERIFIER[:-1] + "j"},
        {"code_verifier": ""},
        {"code_verifier": CHALLENGE},  # what "plain" would take
        {"redirect_uri": "https://elsewhere.example/front/callback"},
        {"client_id": "another"},
        {"grant_type": "password"},
    ],
)
async def test_a_code_in_other_hands_is_refused_and_spent(
    client: Client, portal: Simulator, changes: dict[str, str]
) -> None:
    code = await client.code(await portal.resident())
    assert await client.token(code, **changes) == (400, {"error": "invalid_grant"})
    assert (await client.token(code))[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"response_type": "token"},
        {"scope": "profile"},
        {"state": None},
        {"nonce": None},
        {"code_challenge": None},
        {"code_challenge": "short"},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
    ],
)
async def test_a_request_without_pkce_state_or_nonce_goes_back_with_an_error(
    client: Client, changes: dict[str, str | None]
) -> None:
    status, back = await client.authorize(**changes)
    assert (status, back["error"]) == (302, "invalid_request")
    assert "code" not in back


@pytest.mark.parametrize("changes", [{"client_id": "another"}, {"redirect_uri": "https://elsewhere.example/"}])
async def test_to_an_address_that_is_not_the_clients_nobody_is_sent(client: Client, changes: dict[str, str]) -> None:
    assert await client.authorize(**changes) == (400, {"error": "invalid_request"})


async def test_no_card_no_code(client: Client, portal: Simulator) -> None:
    stranger, child = await portal.resident(), await portal.resident(guardian="CARD-PARENT")
    for shown in ({"card": "CARD-NOBODY"}, {"card": child, "agent": stranger}, {"card": 1}, {}):
        _, page = await client.authorize()
        assert await client.show(page["page"], **shown) == {"error": "access_denied", "state": "made-up-state"}


async def test_a_login_page_serves_once(client: Client, portal: Simulator) -> None:
    _, page = await client.authorize()
    who = await portal.resident()
    assert "code" in await client.show(page["page"], card=who)
    assert await client.show(page["page"], card=who) == {}


async def test_the_portal_takes_no_code_with_a_state_that_is_not_its_browsers(
    site: Site, client: Client, portal: Simulator
) -> None:
    """Login CSRF: an attacker's code is of no use in another's browser."""
    code = await client.code(await portal.resident())
    async with site.session(site.portal) as victim:
        async with victim.get(f"{portal.url}/front/login") as page:
            assert page.status == 200
        for state in ("made-up-state", ""):
            query = {"code": code, "state": state}
            async with victim.get(client.back, params=query) as response:
                assert (response.status, await response.json()) == (400, {"code": "state_differs"})
        async with victim.post(f"{portal.url}/front/records") as response:
            assert response.status == 401


async def test_the_portal_takes_no_token_that_was_made_for_another_login(
    site: Site, client: Client, portal: Simulator
) -> None:
    """A code that another login asked for does not fit the browser's verifier, even under its own state."""
    code = await client.code(await portal.resident())
    async with site.session(site.portal) as victim:
        async with victim.get(f"{portal.url}/front/login", allow_redirects=False) as response:
            state = told(response)["state"]
        async with victim.get(client.back, params={"code": code, "state": state}) as response:
            assert (response.status, await response.json()) == (403, {"code": "not_logged_in"})


async def test_a_login_goes_by_the_configured_issuers_name(site: Site, spare_port: int) -> None:
    """A browser's cookie is of one name: whoever began at 127.0.0.1 would come back to localhost as nobody."""
    issuer = f"https://localhost:{spare_port}"
    with running(site, "https://127.0.0.1:1", f"[listen]\nport = {spare_port}\n", issuer) as portal:
        granted = await portal.login(await portal.resident())
    assert jwt.decode(granted["id_token"], options={"verify_signature": False})["iss"] == issuer
