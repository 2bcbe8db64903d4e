"""Runs the stand-in for platform, 中間サーバー, network and other bodies until SIGTERM:
`python -m gateway_intermediate_server.simulator CONFIG`.

The rule: it says where it listens and, at its end, what it counted; no line holds a value.
"""

import argparse
import asyncio
import logging
import os
import signal
import sqlite3
import ssl
import sys
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from gateway_intermediate_server.simulated import signing
from gateway_intermediate_server.simulated.config import Config, Invalid, Listen, Tls, load
from gateway_intermediate_server.simulated.elsewhere import Elsewhere
from gateway_intermediate_server.simulated.face import Call, Face
from gateway_intermediate_server.simulated.faults import FAULTS, Faults
from gateway_intermediate_server.simulated.network import OTHERS
from gateway_intermediate_server.simulated.own import OwnCity
from gateway_intermediate_server.simulated.server import Server

_DRAIN_SECONDS: Final = 0.5  # a request that hangs never ends


@dataclass(frozen=True, slots=True)
class _Face:
    """Where one application is to be reached."""

    listen: Listen
    app: web.Application


def main(path: Path) -> int:
    """Serve as the file says. The exit status: 0 stopped, 2 wrong configuration; problems go to stderr."""
    os.umask(0o077)  # before SQLite makes a file
    _quiet_logging()
    try:
        return _run(load(path))
    except Invalid as invalid:
        sys.stderr.write("\n".join([*invalid.problems, ""]))
    except sqlite3.Error as error:
        sys.stderr.write(f"data: cannot be used ({type(error).__name__})\n")
    except OSError as error:
        sys.stderr.write(f"listen: cannot listen there ({error.strerror or type(error).__name__})\n")
    return 2


def make_keys(folder: Path) -> int:
    """Make the network's, the city's and the bodies' keys. The exit status: 0 made, 2 cannot be made."""
    try:
        signing.make(folder, list(OTHERS))
    except OSError as error:
        sys.stderr.write(f"--make-keys: cannot be made there ({type(error).__name__}); a key is never overwritten\n")
        return 2
    return 0


def _run(config: Config) -> int:
    """Raises Invalid, sqlite3.Error, OSError."""
    tls, faults = _tls(config.tls), Faults(config.faults)
    with ExitStack() as opened:
        server = Server(config, faults, opened)

        def face(listen: Listen, calls: dict[str, Call], struck: Faults) -> _Face:
            return _Face(listen, Face(calls, listen.clients, struck, config.times).application())

        own = face(config.listen, OwnCity(server).calls(), faults)
        elsewhere = face(config.control, Elsewhere(server, faults).calls(), Faults({}))
        asyncio.run(_serve(own, elsewhere, tls))
        structlog.get_logger().info("stopped", **server.counts(), faults=dict(faults.struck))
    return 0


def _tls(files: Tls) -> ssl.SSLContext:
    """A client must show a certificate of our CA; whose it is, the application asks. Raises Invalid."""
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(files.ca))
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:  # ssl.SSLError is one
        raise Invalid([f"tls: certificate, key or ca cannot be used ({type(error).__name__})"]) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _serve(own: _Face, elsewhere: _Face, tls: ssl.SSLContext) -> None:
    """The city's own face, and what happens elsewhere beside it."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    async with AsyncExitStack() as opened:
        port, control_port = [await _listening(face, tls, opened) for face in (own, elsewhere)]
        told = {"port": port, "control_port": control_port}
        structlog.get_logger().info("listening", host=own.listen.host, **told)
        await stop.wait()


async def _listening(face: _Face, tls: ssl.SSLContext, opened: AsyncExitStack) -> int:
    """The port. Raises OSError."""
    runner = web.AppRunner(face.app, access_log=None, shutdown_timeout=_DRAIN_SECONDS)
    opened.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.TCPSite(runner, face.listen.host, face.listen.port, ssl_context=tls).start()
    return int(runner.addresses[0][1])


def _report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Asyncio would print the exception's text, which is not ours to show."""
    error = context.get("exception")
    structlog.get_logger().error("failed", error=type(error).__name__ if error else None)


def _quiet_logging() -> None:
    """Our own lines only: what libraries log may hold pieces of a request."""
    logging.getLogger().handlers = [logging.NullHandler()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
    )


_EPILOG: Final = """\
Two listeners: `listen` for the city's own systems (/platform/v1/..., /server/v1/...), `control` for what happens
elsewhere (/control/v1/...): other bodies ask, residents ask, things go wrong. All calls are POST with JSON.

  python -m gateway_intermediate_server.simulator --make-keys FOLDER
      makes network.pem and jwks.json (the gateway's connector pins it), city.jwk (the city's inquiry key) and a key
      for each other body

Faults, for [faults] in the file or POST /control/v1/faults, each with how often it strikes:
"""


def _main() -> int:
    listed = "\n".join(f"  {name:23}{meaning}" for name, meaning in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m gateway_intermediate_server.simulator",
        description="A stand-in for システム連携基盤, 中間サーバー, 情報提供ネットワークシステム and two other bodies.",
        epilog=_EPILOG + listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("config", type=Path, nargs="?", metavar="CONFIG", help="the configuration file; see the README")
    what.add_argument("--make-keys", type=Path, metavar="FOLDER", help="make all keys there")
    given = parser.parse_args()
    return main(given.config) if given.config is not None else make_keys(given.make_keys)


if __name__ == "__main__":
    sys.exit(_main())
