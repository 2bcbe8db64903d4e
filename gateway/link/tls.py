"""The TLS of every HTTPS entrance; apart from the entrances, so that files can be examined without a web server."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gateway.errors import Misconfigured


def server_tls(certificate: str, key: str, client_ca: str | None, password: Callable[[], bytes]) -> ssl.SSLContext:
    """TLS 1.3 only, and mutual: a client without a certificate from `client_ca` does not get past the handshake.

    Where that is None, anybody does: what is answered there must need no proof of who asks.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key, password)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


def present(path: Path) -> str:
    """The path, proven to be a readable file: OpenSSL's own errors do not say which one is missing."""
    path.open("rb").close()
    return str(path)


_REASONS: Final = {
    "KEY_VALUES_MISMATCH": "the certificate and the key do not belong together",
    "NO_CERTIFICATE_OR_CRL_FOUND": "the authority's file holds no certificate",
    None: "one of them is not the PEM text that belongs there, or the key does not open with the passphrase",
}
"""OpenSSL's reasons that an operator meets, in our words. For a broken PEM file it gives none."""


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turns what the system says about files and TLS into Misconfigured, naming `what`."""
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        file = f"{error.filename}: " if error.filename else ""
        reason = _REASONS.get(getattr(error, "reason", ""), error.strerror or type(error).__name__)
        raise Misconfigured((f"{what}: {file}{reason}",)) from None
    except ValueError:
        raise Misconfigured((f"{what}: is not the PEM text that belongs there",)) from None
