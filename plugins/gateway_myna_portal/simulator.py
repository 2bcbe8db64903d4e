"""Runs the stand-in for マイナポータル until SIGTERM: `python -m gateway_myna_portal.simulator CONFIG`.

The rule: it says where it listens and, at its end, what it counted; no line holds a value.
"""

import argparse
import asyncio
import logging
import signal
import ssl
import sys
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from gateway_myna_portal.simulated import signing
from gateway_myna_portal.simulated.app import MynaPortal
from gateway_myna_portal.simulated.config import Config, Invalid, Tls, load
from gateway_myna_portal.simulated.faults import NOTICE_FAULTS, TOKEN_FAULTS
from gateway_myna_portal.simulated.signing import SigningKey

_DRAIN_SECONDS: Final = 0.5  # a request that hangs never ends


def main(path: Path) -> int:
    """Serve as the file says. The exit status: 0 stopped, 2 wrong configuration; problems go to stderr."""
    _quiet_logging()
    try:
        config = load(path)
        server = _tls("tls", config.tls, ssl.Purpose.CLIENT_AUTH)
        client = _tls("gateway.tls", config.gateway.tls, ssl.Purpose.SERVER_AUTH)
        portal = MynaPortal(config, SigningKey.load(config.provider.signing_key), client)
    except Invalid as invalid:
        sys.stderr.write("\n".join([*invalid.problems, ""]))
        return 2
    try:
        asyncio.run(_serve(config, server, portal))
    except OSError as error:
        sys.stderr.write(f"listen: cannot listen there ({error.strerror or type(error).__name__})\n")
        return 2
    structlog.get_logger().info("stopped", **portal.counts())
    return 0


def make_key(folder: Path) -> int:
    """Make the provider's key pair in a folder. The exit status: 0 made, 2 cannot be made; there may be one."""
    try:
        signing.make(folder)
    except OSError as error:
        sys.stderr.write(f"--make-key: cannot be made there ({type(error).__name__}); a key is never overwritten\n")
        return 2
    return 0


def _tls(place: str, files: Tls, purpose: ssl.Purpose) -> ssl.SSLContext:
    """Mutual TLS 1.3, as a server or as a client. Raises Invalid."""
    try:
        context = ssl.create_default_context(purpose, cafile=str(files.ca))
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:  # ssl.SSLError is one
        raise Invalid([f"{place}: certificate, key or ca cannot be used ({type(error).__name__})"]) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _serve(config: Config, tls: ssl.SSLContext, portal: MynaPortal) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    runner = web.AppRunner(portal.application(), access_log=None, shutdown_timeout=_DRAIN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, config.listen.host, config.listen.port, ssl_context=tls).start()
        port = runner.addresses[0][1]
        portal.listening(f"https://{config.listen.host}:{port}")
        structlog.get_logger().info("listening", host=config.listen.host, port=port)
        await stop.wait()
    finally:
        await runner.cleanup()


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
A first run:
  python -m gateway_myna_portal.simulator --make-key FOLDER   makes signing.pem and jwks.json there; the gateway's
                                                              connector pins jwks.json
  python -m gateway_myna_portal.simulator CONFIG              serves; its first line on stdout names the port

Then, over mutual TLS with any certificate of the configured CA:
  POST /residents {"card", "pmh_key"?, "guardian"?}     the eligibility side tells of a resident (F46)
  POST /residents/CARD/login {"agent"?, "consent"?}     the resident, or the guardian, logs in with a card
  POST /residents/CARD/first-use                        hand-over (F47); then the key is deleted, and that is told
  POST /residents/CARD/template, questionnaire, records, notices    what residents do; see the README
  POST /residents/CARD/send/OPERATION [...]             records as they are, with the resident's token
  GET /simulator/counts, PUT /simulator/faults {"expired": 1}

Faults, each with how often it strikes, for [faults] in the file too:
"""


def _main() -> int:
    listed = "\n".join(f"  {name:16}{meaning}" for name, meaning in (NOTICE_FAULTS | TOKEN_FAULTS).items())
    parser = argparse.ArgumentParser(
        prog="python -m gateway_myna_portal.simulator",
        description="A stand-in for マイナポータル: an OpenID provider, and the portal application that uses it.",
        epilog=_EPILOG + listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("config", type=Path, nargs="?", metavar="CONFIG", help="the configuration file (TOML)")
    what.add_argument("--make-key", type=Path, metavar="FOLDER", help="make the provider's key pair there, and end")
    given = parser.parse_args()
    return main(given.config) if given.config is not None else make_key(given.make_key)


if __name__ == "__main__":
    sys.exit(_main())
