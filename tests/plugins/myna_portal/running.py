"""The simulator as a process of its own, connectors that speak to it, and a listener in the gateway's place, all over
mutual TLS.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, cast

import aiohttp
from aiohttp import web

from gateway.plugin import Context, Delivery, Outbox
from gateway_myna_portal.connector import MynaPortal
from gateway_myna_portal.interface import Notice
from gateway_myna_portal.settings import Settings
from gateway_myna_portal.simulated import signing
from tests.forking import Speaking
from tests.plugins.vaccination_records.certificates import Authority, Identity
from tests.plugins.vaccination_records.subjects import message_id

CITY = "999997"
AUDIENCE = "renkei-999997"
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]
_fresh = count(1)


def card() -> str:
    """A card that no other test has shown."""
    return f"CARD-{next(_fresh):04d}"


def key() -> str:
    return f"PMHKEYMADEUP-{next(_fresh):04d}"


def notice(pseudonym: str, **changes: Any) -> Notice:
    plain = {
        "pmh_pseudonym_id": pseudonym,
        "notice_id": f"N-{next(_fresh)}",
        "notice_title": "架空の通知件名",
        "notice_text": "架空の通知文言その一",
        "updated_at": "2026-04-01T09:00:00+09:00",
        "update_seq": 1,
    }
    return Notice.model_validate(plain | changes)


def brings(*notices: Notice, deadline: float = 60.0) -> Delivery:
    """A delivery of its own message."""
    return Delivery(message_id(next(_fresh)), "notice.deliver", tuple(enumerate(notices)), deadline)


class Said:
    """A telemetry logger that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **known: Any) -> None:
        self.lines.append((event, known))

    warning = info


@dataclass(frozen=True)
class Site:
    """A folder with certificates, the provider's key and the simulator's configuration."""

    folder: Path
    authority: Authority
    city: Identity
    portal: Identity
    said: Said = field(default_factory=Said)

    @classmethod
    def make(cls, folder: Path) -> "Site":
        authority = Authority(folder)
        signing.make(folder / "provider")
        return cls(folder, authority, authority.issue("city"), authority.issue("portal"))

    @property
    def jwks(self) -> bytes:
        return (self.folder / "provider/jwks.json").read_bytes()

    def configuration(self, gateway: str, more: str = "", issuer: str = "") -> Path:
        server, ca = self.authority.issue("server"), self.authority.ca
        file = self.folder / "portal.toml"
        own = f'issuer = "{issuer}"\n' if issuer else ""
        file.write_text(
            f'{more}\n[tls]\ncertificate = "{server.certificate}"\nkey = "{server.key}"\nca = "{ca}"\n'
            f'[provider]\n{own}client_id = "{AUDIENCE}"\nsigning_key = "provider/signing.pem"\n'
            f'[gateway]\nurl = "{gateway}"\ntenant = "{CITY}"\ncertificate = "{self.city.fingerprint}"\n'
            f'[gateway.tls]\ncertificate = "{self.portal.certificate}"\nkey = "{self.portal.key}"\nca = "{ca}"\n'
        )
        return file

    def session(self, identity: Identity) -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        context.load_cert_chain(identity.certificate, identity.key)
        jar = aiohttp.CookieJar(unsafe=True)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), cookie_jar=jar)

    @asynccontextmanager
    async def connected(
        self, url: str, *, identity: Identity | None = None, **changes: Any
    ) -> AsyncIterator[MynaPortal]:
        who = identity or self.city
        tls = {"certificate": str(who.certificate), "key": str(who.key), "ca": str(self.authority.ca)}
        given = {"base_url": url, "tls": tls, "issuer": url, "audience": AUDIENCE, "jwks": "file:jwks.json"}
        settings = Settings.model_validate(given | changes)
        self.said.lines.clear()
        async with self.session(who) as session:
            connector, outbox = MynaPortal(), cast(Outbox, None)
            await connector.open(
                Context(CITY, settings, outbox, session, self.said, lambda: datetime.now(UTC), lambda _: self.jwks)
            )
            yield connector
            await connector.close()
            await connector.close()

    @asynccontextmanager
    async def serving(self, reply: Reply, port: int = 0) -> AsyncIterator[str]:
        """A server of one's own answers, which asks for a certificate of our authority."""
        identity = self.authority.issue("other-server")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.authority.ca))
        context.load_cert_chain(identity.certificate, identity.key)
        context.verify_mode = ssl.CERT_REQUIRED
        connections: set[asyncio.BaseTransport] = set()

        async def answer(request: web.Request) -> web.StreamResponse:
            connections.update(filter(None, [request.transport]))
            return await reply(request)

        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
        for each in connections:  # those that the simulator keeps would outlast the loop
            cast(asyncio.WriteTransport, each).abort()
        await runner.cleanup()
        await asyncio.sleep(0)


class Simulator:
    """One process; `output` is what it wrote to stdout and stderr, complete after `end`."""

    def __init__(self, site: Site, process: Speaking) -> None:
        self._site = site
        self._process = process
        self.url = f"https://127.0.0.1:{json.loads(process.first)['port']}"

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with (
            self._site.session(self._site.portal) as session,
            session.request(method, self.url + path, json=body) as response,
        ):
            text = await response.read()
            return response.status, json.loads(text) if text.startswith((b"{", b"[")) else None

    async def faults(self, strikes: Mapping[str, int]) -> int:
        return (await self.call("PUT", "/simulator/faults", dict(strikes)))[0]

    async def counts(self) -> dict[str, Any]:
        return dict((await self.call("GET", "/simulator/counts"))[1])

    async def resident(self, **more: Any) -> str:
        """A new resident's card."""
        new = {"card": card(), **more}
        assert (await self.call("POST", "/residents", new))[0] == 201
        return str(new["card"])

    async def login(self, who: str, **shown: Any) -> dict[str, Any]:
        status, told = await self.call("POST", f"/residents/{who}/login", shown)
        assert status == 200
        return dict(told)

    async def act(self, who: str, path: str, body: object = None) -> Any:
        status, answer = await self.call("POST", f"/residents/{who}/{path}", body)
        return answer if status == 200 else status

    def end(self) -> tuple[int, bytes]:
        """Exit status and everything that it wrote."""
        return self._process.end()


@contextmanager
def running(site: Site, gateway: str, more: str = "", issuer: str = "") -> Iterator[Simulator]:
    process = Speaking("gateway_myna_portal.simulator", str(site.configuration(gateway, more, issuer)))
    try:
        yield Simulator(site, process)
    finally:
        process.end()
