"""Runs the stand-in for 履歴照会回答システム until SIGTERM: `python -m gateway_history_lookup.simulator CONFIG`.

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

from gateway_history_lookup.simulated.app import HistoryLookup
from gateway_history_lookup.simulated.config import Config, Invalid, load
from gateway_history_lookup.simulated.faults import FAULTS
from gateway_history_lookup.simulated.insured import Insured

_DRAIN_SECONDS: Final = 0.5  # a request that hangs never ends


def main(path: Path) -> int:
    """Serve as the file says. The exit status: 0 stopped, 2 wrong configuration; problems go to stderr."""
    _quiet_logging()
    try:
        config = load(path)
        tls = _tls(config)
    except Invalid as invalid:
        sys.stderr.write("\n".join([*invalid.problems, ""]))
        return 2
    try:
        system = HistoryLookup(config, Insured.of(config.data))
    except OSError as error:
        sys.stderr.write(f"data: cannot be used ({type(error).__name__})\n")
        return 2
    try:
        asyncio.run(_serve(config, tls, system.application()))
    except OSError as error:
        sys.stderr.write(f"listen: cannot listen there ({error.strerror or type(error).__name__})\n")
        return 2
    structlog.get_logger().info("stopped", **system.counts())
    return 0


def _tls(config: Config) -> ssl.SSLContext:
    """A client must show a certificate of our CA; whose it is, the application asks."""
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(config.tls.ca))
        context.load_cert_chain(config.tls.certificate, config.tls.key)
    except OSError as error:  # ssl.SSLError is one
        raise Invalid([f"tls: certificate, key or ca cannot be used ({type(error).__name__})"]) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _serve(config: Config, tls: ssl.SSLContext, app: web.Application) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_DRAIN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, config.listen.host, config.listen.port, ssl_context=tls).start()
        host, port = runner.addresses[0][:2]
        structlog.get_logger().info("listening", host=host, port=port)
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


if __name__ == "__main__":
    listed = "\n".join(f"  {name:16}{meaning}" for name, meaning in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m gateway_history_lookup.simulator",
        description="A stand-in for 履歴照会回答システム.",
        epilog=f"Faults, for [faults] in the file or PUT /simulator/faults, each with how often it strikes:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the configuration file (TOML); see the README")
    sys.exit(main(parser.parse_args().config))
