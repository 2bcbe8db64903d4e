"""For connectors that only receive: the plugin's simulator as a process of its own, and the connector that speaks to it
over mutual TLS.
"""

import asyncio
import json
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import aiohttp
from aiohttp import web
from pydantic import BaseModel

from gateway.plugin import Connector, Context, Outbox
from tests.forking import Speaking
from tests.plugins.vaccination_records.certificates import Authority, Identity

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]
C = TypeVar("C", bound=Connector)


class Said:
    """A telemetry logger that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **known: Any) -> None:
        self.lines.append((event, known))

    warning = info


@dataclass(frozen=True)
class Site(Generic[C]):
    """A folder with certificates and the configuration of the plugin's simulator."""

    folder: Path
    authority: Authority
    city: Identity
    stranger: Identity
    connector: Callable[[], C]
    settings: type[BaseModel]
    said: Said = field(default_factory=Said)

    @classmethod
    def make(cls, folder: Path, connector: Callable[[], C], settings: type[BaseModel]) -> "Site[C]":
        authority = Authority(folder)
        return cls(folder, authority, authority.issue("city"), authority.issue("stranger"), connector, settings)

    def configuration(self, more: str = "") -> Path:
        server = self.authority.issue("server")
        file = self.folder / "simulator.toml"
        file.write_text(
            f'clients = ["{self.city.fingerprint}"]\n{more}\n[tls]\ncertificate = "{server.certificate}"\n'
            f'key = "{server.key}"\nca = "{self.authority.ca}"\n'
        )
        return file

    def session(self, identity: Identity) -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        context.load_cert_chain(identity.certificate, identity.key)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))

    @asynccontextmanager
    async def connected(self, url: str, *, identity: Identity | None = None, **changes: Any) -> AsyncIterator[C]:
        who = identity or self.city
        tls = {"certificate": str(who.certificate), "key": str(who.key), "ca": str(self.authority.ca)}
        settings = self.settings.model_validate({"base_url": url, "tls": tls} | changes)
        self.said.lines.clear()
        async with self.session(who) as session:
            connector, outbox = self.connector(), cast(Outbox, None)
            await connector.open(Context("999997", settings, outbox, session, self.said, lambda: datetime.now(UTC)))
            yield connector
            await connector.close()
            await connector.close()

    @asynccontextmanager
    async def serving(self, reply: Reply) -> AsyncIterator[str]:
        """A server of one's own answers, which asks for a certificate of our authority."""
        identity = self.authority.issue("other-server")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.authority.ca))
        context.load_cert_chain(identity.certificate, identity.key)
        context.verify_mode = ssl.CERT_REQUIRED
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", reply)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
        await runner.cleanup()
        await asyncio.sleep(0)


class Simulator:
    """One process; `end` answers with all that it wrote to stdout and stderr."""

    def __init__(self, site: Site[Any], process: Speaking) -> None:
        self._site = site
        self._process = process
        self.url = f"https://127.0.0.1:{json.loads(process.first)['port']}"

    async def call(
        self, method: str, path: str, body: object = None, identity: Identity | None = None
    ) -> tuple[int, Any]:
        async with (
            self._site.session(identity or self._site.city) as session,
            session.request(method, self.url + path, json=body) as response,
        ):
            text = await response.read()
            return response.status, json.loads(text) if text.startswith((b"{", b"[")) else None

    async def faults(self, strikes: Mapping[str, int]) -> int:
        return (await self.call("PUT", "/simulator/faults", dict(strikes)))[0]

    async def counts(self) -> dict[str, Any]:
        return dict((await self.call("GET", "/simulator/counts"))[1])

    def end(self, *, kill: bool = False) -> tuple[int, bytes]:
        """Exit status and everything that it wrote."""
        return self._process.end(signal.SIGKILL if kill else signal.SIGTERM)


@contextmanager
def running(module: str, site: Site[Any], more: str = "") -> Iterator[Simulator]:
    process = Speaking(module, str(site.configuration(more)))
    try:
        yield Simulator(site, process)
    finally:
        process.end()
