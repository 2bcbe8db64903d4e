"""Runs the stand-in for the clinics' applications until SIGTERM: `python -m gateway_clinic_app.simulator CONFIG`.

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
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway_clinic_app.simulated.app import ClinicApps, Connections
from gateway_clinic_app.simulated.config import Clinic, Config, Invalid, load
from gateway_clinic_app.simulated.faults import FAULTS

_DRAIN_SECONDS: Final = 0.5


def main(path: Path) -> int:
    """Serve as the file says. The exit status: 0 stopped, 2 wrong configuration; problems go to stderr."""
    _quiet_logging()
    try:
        config = load(path)
        _must_serve(config.tls.certificate)
        server = _tls("tls", config.tls.certificate, config.tls.key, config.tls.ca, ssl.Purpose.CLIENT_AUTH)
        apps = ClinicApps(config, {each.code: _connections(each, config) for each in config.clinic})
    except Invalid as invalid:
        sys.stderr.write("\n".join([*invalid.problems, ""]))
        return 2
    try:
        asyncio.run(_serve(config, server, apps))
    except OSError as error:
        sys.stderr.write(f"listen: cannot listen there ({error.strerror or type(error).__name__})\n")
        return 2
    structlog.get_logger().info("stopped", **apps.counts())
    return 0


def _connections(clinic: Clinic, config: Config) -> Connections:
    """Raises Invalid."""
    terminal, gateway = (
        _tls(f"clinic and {name}", clinic.certificate, clinic.key, ca, ssl.Purpose.SERVER_AUTH)
        for name, ca in (("eligibility", config.eligibility.ca), ("gateway", config.gateway.ca))
    )
    return Connections(terminal, gateway)


def _tls(place: str, certificate: Path, key: Path, ca: Path, purpose: ssl.Purpose) -> ssl.SSLContext:
    """Mutual TLS 1.3, as a server or as a client. Raises Invalid."""
    try:
        context = ssl.create_default_context(purpose, cafile=str(ca))
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise Invalid([f"{place}: certificate, key or ca cannot be used ({type(error).__name__})"]) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _must_serve(certificate: Path) -> None:
    """A clinic's own certificate is for a client: every caller would refuse it, and nobody see why. Raises Invalid."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        purposes = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return  # then it is for any
    except (OSError, ValueError) as error:
        raise Invalid([f"tls.certificate: cannot be read ({type(error).__name__})"]) from None
    if ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        raise Invalid(["tls.certificate: cannot serve, it is for a client only; take one that is made for a server"])


async def _serve(config: Config, tls: ssl.SSLContext, apps: ClinicApps) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    runner = web.AppRunner(apps.application(), access_log=None, shutdown_timeout=_DRAIN_SECONDS)
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


_EPILOG: Final = """\
Its first line on stdout names the port. Then, over mutual TLS with any certificate of the configured CA:
  POST /clinics/CODE/visits {"card", "consent"?, "agent"?}   a card is shown at the terminal; "visit" names the visit
  POST /clinics/CODE/visits/VISIT/query                      questionnaire and records of that person (F52, F54)
  POST /clinics/CODE/visits/VISIT/examination {...}          the doctor's part (F55)
  POST /clinics/CODE/visits/VISIT/vaccination {...}          the dose that was given (F55)
  POST /clinics/CODE/visits/VISIT/send/OPERATION [...]       records as they are, with the visit's token
  GET /simulator/counts, PUT /simulator/faults {"other_clinic": 1}

Faults, each with how often it strikes, for [faults] in the file too:
"""


def _main() -> int:
    listed = "\n".join(f"  {name:18}{meaning}" for name, meaning in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m gateway_clinic_app.simulator",
        description="A stand-in for 医療機関用アプリ等: several clinics, each with its application and its terminal.",
        epilog=_EPILOG + listed,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the configuration file (TOML); see the README")
    return main(parser.parse_args().config)


if __name__ == "__main__":
    sys.exit(_main())
