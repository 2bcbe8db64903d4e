"""Stands between a connector and its system, and can be told to misbehave as systems and networks do.

The rule: what the connector said is kept in memory only, and so is what it was answered.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import aiohttp
from aiohttp import web

from gateway.plugin.connector import TlsFiles
from gateway.plugin.testing.place import Place

_HOP: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding", "te", "upgrade"})
_PATIENCE: Final = aiohttp.ClientTimeout(total=30)
_DRAIN: Final = 0.1  # a request that hangs never ends
_LARGEST: Final = 2**26
_LATELY: Final = 8


@dataclass(frozen=True, slots=True)
class Honest:
    """What the system itself answered."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    def response(self, body: bytes | None = None) -> web.Response:
        """The same, or with another body."""
        return web.Response(status=self.status, headers=self.headers, body=self.body if body is None else body)


Ask: TypeAlias = Callable[[], Awaitable[Honest]]
"""Asks the system itself what the connector asked."""
Conduct: TypeAlias = Callable[[web.Request, Ask], Awaitable[web.StreamResponse]]


async def passes(_: web.Request, ask: Ask) -> web.StreamResponse:
    """As if nobody stood between."""
    return (await ask()).response()


class Between:
    """A reverse proxy over mutual TLS. `requests` counts what came in, `asked` has its addresses; `conduct` says what
    becomes of it.
    """

    def __init__(self, place: Place, system: str) -> None:
        self.conduct: Conduct = passes
        self.requests = 0
        self.asked: list[str] = []
        self.answered: list[Honest] = []
        self.came = asyncio.Event()
        self._came = deque[ssl.SSLObject](maxlen=_LATELY)
        self._system = system.rstrip("/")
        self._server = _tls(place.system, ssl.PROTOCOL_TLS_SERVER)
        self._server.sni_callback = lambda met, *_: self._came.append(met)
        self._client = _tls(place.connector, ssl.PROTOCOL_TLS_CLIENT)
        self._held = _bound(0)  # so that nobody else gets the port while this is down
        self._port: int = self._held.getsockname()[1]
        self._site: web.SockSite | None = None

    @property
    def address(self) -> str:
        """Where the connector believes its system to be."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def stranger(self) -> bool:
        """Whether somebody came lately without the line's certificate, or did not trust the system's."""
        return not all(map(_known, self._came))

    @asynccontextmanager
    async def standing(self) -> AsyncIterator["Between"]:
        """Up, until the end of the block."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_DRAIN, handler_cancellation=True)
        await self._runner.setup()
        connector = aiohttp.TCPConnector(ssl=self._client)
        try:
            async with aiohttp.ClientSession(connector=connector, auto_decompress=False, timeout=_PATIENCE) as session:
                self._session = session
                await self.up()
                yield self
        finally:
            await self._runner.cleanup()
            self._held.close()

    async def up(self) -> None:
        """Take connections, again."""
        if self._site is None:
            self._site = web.SockSite(self._runner, _bound(self._port), ssl_context=self._server)
            await self._site.start()

    async def down(self) -> None:
        """Refuse connections, and break those that there are."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        for each in self._runner.server.connections if self._runner.server is not None else ():
            each.force_close()

    @asynccontextmanager
    async def impostor(self, shown: TlsFiles) -> AsyncIterator[None]:
        """Until the end of the block somebody else is at its address, who shows these and takes whoever comes."""
        honest, self._server = self._server, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(shown.certificate, shown.key)
        await self.down()
        await self.up()
        try:
            yield
        finally:
            self._server = honest
            await self.down()
            await self.up()

    @asynccontextmanager
    async def behaving(self, conduct: Conduct) -> AsyncIterator[None]:
        """Until the end of the block whoever asks meets with that."""
        self.conduct = conduct
        try:
            yield
        finally:
            self.conduct = passes

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.asked.append(request.raw_path)
        self.came.set()
        body = await request.read()

        async def ask() -> Honest:
            url = self._system + request.raw_path
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
            answer = self._session.request(request.method, url, data=body, headers=headers, allow_redirects=False)
            async with answer as response:
                told = {name: value for name, value in response.headers.items() if name.lower() not in _HOP}
                honest = Honest(response.status, told, await response.read())
            self.answered.append(honest)
            return honest

        return await self.conduct(request, ask)


def _known(met: ssl.SSLObject) -> bool:
    try:
        return bool(met.getpeercert())
    except ValueError:  # the handshake came to no end
        return False


def _bound(port: int) -> socket.socket:
    """A port of this machine's that is bound, not yet listened to: who connects is refused."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


def _tls(files: TlsFiles, protocol: int) -> ssl.SSLContext:
    """Mutual: each end shows a certificate of this run's authority."""
    context = ssl.SSLContext(protocol)
    context.load_cert_chain(files.certificate, files.key)
    context.load_verify_locations(files.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context
