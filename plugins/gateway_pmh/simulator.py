"""Runs the stand-in for PMH and the eligibility side until SIGTERM: `python -m gateway_pmh.simulator CONFIG`.

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
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web

from gateway_pmh.simulated import signing
from gateway_pmh.simulated.app import PublicMedicalHub
from gateway_pmh.simulated.config import Config, Invalid, Listen, Tls, load, secret
from gateway_pmh.simulated.config import Eligibility as EligibilitySettings
from gateway_pmh.simulated.confirmations import Confirmations
from gateway_pmh.simulated.eligibility import Eligibility
from gateway_pmh.simulated.faults import FAULTS, Faults
from gateway_pmh.simulated.keys import Keys
from gateway_pmh.simulated.signing import SigningKey
from gateway_pmh.simulated.tokens import Credentials, Tokens

_DRAIN_SECONDS: Final = 0.5  # a request that hangs never ends


@dataclass(frozen=True, slots=True)
class _Face:
    """Where one application is to be reached."""

    listen: Listen
    tls: ssl.SSLContext
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


def make_key(folder: Path) -> int:
    """Make the eligibility side's key pair in a folder. The exit status: 0 made, 2 cannot be made; there may be one."""
    try:
        signing.make(folder)
    except OSError as error:
        sys.stderr.write(f"--make-key: cannot be made there ({type(error).__name__}); a key is never overwritten\n")
        return 2
    return 0


def _run(config: Config) -> int:
    """Raises Invalid, sqlite3.Error, OSError."""
    confirmations, faults = Confirmations(), Faults(config.faults)
    tls = _tls("tls", config.tls)
    clients = {each.client_id: Credentials(secret(each), each.certificate) for each in config.client}
    with closing(Keys(config.data)) as keys:
        faces = _eligibility(config.eligibility, keys, confirmations, faults) if config.eligibility is not None else []
        hub = PublicMedicalHub(keys, confirmations, Tokens(clients, config.times.token), faults, config.times)
        asyncio.run(_serve([_Face(config.listen, tls, hub.application()), *faces]))
        structlog.get_logger().info("stopped", keys=keys.count(), faults=dict(faults.struck))
    return 0


def _eligibility(side: EligibilitySettings, keys: Keys, confirmations: Confirmations, faults: Faults) -> list[_Face]:
    """Raises Invalid."""
    app = Eligibility(side, SigningKey.load(side.signing_key), keys, confirmations, faults).application()
    return [_Face(side.listen, _tls("eligibility.tls", side.tls), app)]


def _tls(place: str, files: Tls) -> ssl.SSLContext:
    """A client must show a certificate of our CA; whose it is, the application asks. Raises Invalid."""
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(files.ca))
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:  # ssl.SSLError is one
        raise Invalid([f"{place}: certificate, key or ca cannot be used ({type(error).__name__})"]) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _serve(faces: list[_Face]) -> None:
    """PMH's face first; the eligibility side's port is told beside it."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    async with AsyncExitStack() as opened:
        ports = [await _listening(face, opened) for face in faces]
        told = dict(zip(("port", "eligibility_port"), ports, strict=False))
        structlog.get_logger().info("listening", host=faces[0].listen.host, **told)
        await stop.wait()


async def _listening(face: _Face, opened: AsyncExitStack) -> int:
    """The port. Raises OSError."""
    runner = web.AppRunner(face.app, access_log=None, shutdown_timeout=_DRAIN_SECONDS)
    opened.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.TCPSite(runner, face.listen.host, face.listen.port, ssl_context=face.tls).start()
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
With [eligibility] in the file there is a second listener, オンライン資格確認, where clinics' terminals come in:
  python -m gateway_pmh.simulator --make-key FOLDER    makes signing.pem and jwks.json there; the gateway's connector
                                                       clinic_app pins jwks.json
  POST /cards {"card", "vaccination_subject_no", "guardian"?}
                                                       a card is given out; any certificate of the configured CA
  POST /pmh-keys {"individual_number"}                  its PMHキー, as PMH tells it this side for the portal
  POST /eligibility/confirmations {"card", "consent"?, "agent"?}
                                                       a card is shown at the terminal with this certificate

Faults, for [faults] in the file or PUT /simulator/faults, each with how often it strikes:
"""


def _main() -> int:
    listed = "\n".join(f"  {name:20}{meaning}" for name, meaning in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m gateway_pmh.simulator",
        description="A stand-in for Public Medical Hub, 医療保険者等向け中間サーバー and オンライン資格確認.",
        epilog=_EPILOG + listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("config", type=Path, nargs="?", metavar="CONFIG", help="the configuration file; see the README")
    what.add_argument("--make-key", type=Path, metavar="FOLDER", help="make the key pair of the eligibility side there")
    given = parser.parse_args()
    return main(given.config) if given.config is not None else make_key(given.make_key)


if __name__ == "__main__":
    sys.exit(_main())
