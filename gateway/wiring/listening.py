"""The process's HTTPS listeners, from bound to closed."""

from typing import Protocol

from aiohttp import web

from gateway.config import Admin, Config, LinkListener, Listener
from gateway.link.accept import Accepting, listen
from gateway.observe import Telemetry
from gateway.wiring.opening import listener_tls, readable


class Entrance(Protocol):
    """What is listened for."""

    def application(self) -> web.Application: ...
    def crowded(self) -> None: ...


class Listening:
    """Each has mutual TLS of its own files."""

    def __init__(self, config: Config, telemetry: Telemetry) -> None:
        self._config = config
        self._telemetry = telemetry
        self._runners: list[web.AppRunner] = []
        self._servers: list[Accepting] = []

    async def begin(self, name: str, settings: Listener | Admin | LinkListener, entrance: Entrance) -> None:
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
        tls = listener_tls(self._config, name, settings)
        with readable(f"listener {name}: cannot listen"):
            server = await listen(runner, settings.host, settings.port, tls, entrance.crowded)
        self._servers.append(server)
        self._telemetry.log.info("listening", listener=name, host=settings.host, port=server.port)

    async def end(self) -> None:
        """Let go of everybody."""
        for server in self._servers:
            server.close()
        for runner in self._runners:
            await runner.cleanup()
