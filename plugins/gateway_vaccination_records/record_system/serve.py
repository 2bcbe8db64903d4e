"""Runs an API until SIGTERM: opens the areas, listens with mutual TLS, says where, and drains when told to stop.

The rule: an area that does not open with its key keeps the whole service from starting, with a sentence that says why.
"""

import argparse
import asyncio
import logging
import os
import signal
import sqlite3
import ssl
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, TypeAlias

import structlog
from aiohttp import web

from gateway_vaccination_records.record_system.area import Area
from gateway_vaccination_records.record_system.config import Config, Invalid, load, master_key
from gateway_vaccination_records.record_system.database import WrongKey
from gateway_vaccination_records.record_system.desk import Desk
from gateway_vaccination_records.record_system.seal import TenantKey

Build: TypeAlias = Callable[[Mapping[str, Desk], int], web.Application]
OpenArea: TypeAlias = Callable[[Path, str, TenantKey], Area]
_EPILOGUE: Final = """\
The configuration is TOML; see the README for every key. A tenant's key is 64 hex digits in a file of mode 600:
  (umask 077; openssl rand -hex 32 > area.key)
On stdout comes one JSON object a line; the first one, "listening", names host and port.
Exit status: 0 stopped by SIGTERM or SIGINT, 2 wrong usage or configuration, 130 interrupted while it was starting."""


def arguments(program: str, description: str) -> argparse.ArgumentParser:
    """The command line that the service and its simulator share."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=description,
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE.toml", help="the configuration file")
    return parser


def main(path: Path, build: Build, open_area: OpenArea = Area) -> int:
    """Serve what `build` makes of the areas in the file. The exit status; problems go to stderr."""
    os.umask(0o077)  # before SQLite makes a file
    _quiet_logging()
    try:
        status = _run(path, build, open_area)
    except KeyboardInterrupt:  # before it listens or after; between, SIGINT is a request to drain
        return 130
    if status == 0:
        structlog.get_logger().info("stopped")
    return status


def _run(path: Path, build: Build, open_area: OpenArea) -> int:
    with ExitStack() as stack:
        try:
            config = load(path)
            desks = _open(config, path.resolve().parent, stack, open_area)
            tls = _tls(config)
        except Invalid as invalid:
            sys.stderr.write("\n".join([*invalid.problems, ""]))
            return 2
        try:
            asyncio.run(_serve(config, tls, build(desks, config.limits.body_bytes)))
        except OSError as error:
            sys.stderr.write(f"listen: cannot listen there ({error.strerror or type(error).__name__})\n")
            return 2
    return 0


def _open(config: Config, folder: Path, stack: ExitStack, open_area: OpenArea) -> dict[str, Desk]:
    try:
        config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid([f"data: cannot be made a folder ({type(error).__name__})"]) from None
    desks = {}
    for each in config.area:
        key = TenantKey(master_key(each, folder), each.municipality_code)
        try:
            area = open_area(config.data, each.municipality_code, key)
        except WrongKey:
            raise Invalid([f"area {each.municipality_code}: its database was not sealed with this key"]) from None
        except sqlite3.Error as error:
            why = getattr(error, "sqlite_errorname", type(error).__name__)
            raise Invalid([f"area {each.municipality_code}: its database cannot be used ({why})"]) from None
        desk = Desk(area, config.limits.waiting)
        stack.callback(desk.close)
        desks.update(dict.fromkeys(each.certificates, desk))
    return desks


def _tls(config: Config) -> ssl.SSLContext:
    """A client must show a certificate of our CA; whether it speaks for an area is the API's question."""
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(config.tls.ca))
        context.load_cert_chain(config.tls.certificate, config.tls.key)
    except (OSError, ssl.SSLError) as error:
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
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=config.limits.drain_seconds)
    await runner.setup()
    try:
        await web.TCPSite(runner, config.listen.host, config.listen.port, ssl_context=tls).start()
        host, port = runner.addresses[0][:2]
        structlog.get_logger().info("listening", host=host, port=port, areas=len(config.area))
        await stop.wait()
    finally:
        await runner.cleanup()


def _report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Asyncio would print the exception's text, which is not ours to show."""
    error = context.get("exception")
    structlog.get_logger().error("failed", code="event_loop", error=type(error).__name__ if error else None)


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
