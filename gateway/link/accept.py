"""Accepts connections for a listener: so many at a time, each with so long for its handshake and its first request.

Whoever holds connections without speaking holds this listener at most, never the whole process.
"""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.link.https import Mute

CONNECTIONS: Final = 512
"""At a listener, a quarter of them from one address."""
HANDSHAKE_SECONDS: Final = 10.0
FIRST_REQUEST_SECONDS: Final = 20.0
_PAUSE: Final = 0.1


class Accepting:
    """Listening sockets at work; made by `listen`. `crowded` is told of each connection that found no room."""

    def __init__(
        self, server: web.Server, sockets: list[socket.socket], tls: ssl.SSLContext, crowded: Callable[[], None]
    ) -> None:
        self.port: int = sockets[0].getsockname()[1]
        self._server = server
        self._sockets = sockets
        self._tls = tls
        self._crowded = crowded
        self._open: set[asyncio.Task[None]] = set()
        self._share: Counter[str] = Counter()
        self._accepting = [asyncio.create_task(self._accept(each)) for each in sockets]

    def close(self) -> None:
        """Accept nobody any more; who is in stays."""
        for task in self._accepting:
            task.cancel()
        for each in self._sockets:
            each.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(listening)
            except OSError:  # no descriptor is left, or the peer has gone
                self._crowded()
                await asyncio.sleep(_PAUSE)
                continue
            host = str(address[0])
            if len(self._open) >= CONNECTIONS or self._share[host] >= CONNECTIONS // 4:
                connection.close()
                self._crowded()
                continue
            self._share[host] += 1
            task = asyncio.create_task(self._serve(connection))
            self._open.add(task)
            task.add_done_callback(partial(self._gone, host))

    def _gone(self, host: str, task: "asyncio.Task[None]") -> None:
        self._open.discard(task)
        self._share[host] -= 1
        if not self._share[host]:
            del self._share[host]

    async def _serve(self, connection: socket.socket) -> None:
        """One connection, until it is lost."""
        handler: RequestHandler = self._server()
        handler.__class__ = Mute
        loop, lost = asyncio.get_running_loop(), asyncio.Event()
        Mute.waiting[handler] = lost
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: handler, connection, ssl=self._tls, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FIRST_REQUEST_SECONDS):
                    await lost.wait()
            if not lost.is_set() and Mute.has_not_spoken(handler):
                transport.abort()
            await lost.wait()
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError: it is nobody whom we know
            connection.close()
        finally:
            Mute.waiting.pop(handler, None)


async def listen(
    runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext, crowded: Callable[[], None]
) -> Accepting:
    """Listen with the runner's server, muted. Raises OSError."""
    server = runner.server
    assert server is not None  # noqa: S101  (the runner is set up)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            try:
                each = socket.socket(family, kind, protocol)
            except OSError:  # a family that this host does not have
                continue
            sockets.append(each)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.settimeout(0)
            each.bind(address)
            each.listen(128)
        if not sockets:
            raise OSError(errno.EADDRNOTAVAIL, "no address to listen on")
    except OSError:
        for each in sockets:
            each.close()
        raise
    return Accepting(server, sockets, tls, crowded)
