"""The process's HTTPS listeners, from bound to closed."""

import ssl
from typing import Protocol

from aiohttp import web

from gateway.link.accept import Accepting, listen
from gateway.link.tls import readable
from gateway.observe import Telemetry


class Entrance(Protocol):
    """What is listened for."""

    def application(self) -> web.Application: ...
    def crowded(self) -> None: ...


class Address(Protocol):
    """Where it is listened for; port 0 takes a free one."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...


class Listening:
    """Each has TLS of its own files."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._runners: list[web.AppRunner] = []
        self._servers: list[Accepting] = []

    async def begin(self, name: str, at: Address, tls: ssl.SSLContext, entrance: Entrance) -> None:
        """Listen. Raises Misconfigured."""
        # No automatic decompression: a small body must not become a large one behind the limit.
        runner = web.AppRunner(
            entrance.application(),
            access_log=None,
            handle_signals=False,
            shutdown_timeout=5.0,
            keepalive_timeout=60.0,
            auto_decompress=False,
        )
        await runner.setup()
        self._runners.append(runner)
        with readable(f"listener {name}: cannot listen"):
            server = await listen(runner, at.host, at.port, tls, entrance.crowded)
        self._servers.append(server)
        self._telemetry.log.info("listening", listener=name, host=at.host, port=server.port)

    async def end(self) -> None:
        """Let go of everybody."""
        for server in self._servers:
            server.close()
        for runner in self._runners:
            await runner.cleanup()
