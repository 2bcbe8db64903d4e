"""The TLS of every HTTPS entrance; apart from the entrances, so that files can be examined without a web server."""

import ssl
from collections.abc import Callable


def server_tls(certificate: str, key: str, client_ca: str, password: Callable[[], bytes]) -> ssl.SSLContext:
    """Mutual TLS, 1.3 only: a client without a certificate from `client_ca` does not get past the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, key, password)
    context.load_verify_locations(client_ca)
    return context
