"""OAuth 2.0 client credentials (RFC 6749 §4.4) with tokens bound to the client's certificate (RFC 8705 §3)."""

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client must show: its secret, over a connection with its certificate (sha256 of the DER form, hex)."""

    secret: bytes = field(repr=False)
    certificate: str


class Tokens:
    """Grants tokens that live `seconds`, in memory: a restart ends them all."""

    def __init__(self, clients: Mapping[str, Credentials], seconds: int) -> None:
        self._clients = clients
        self._ends: dict[tuple[str, str], float] = {}  # by token and certificate
        self.seconds = seconds
        self.granted = 0

    def grant(self, authorization: str, certificate: str) -> str | None:
        """A new token, or None if the credentials are not those of the client with this certificate."""
        client_id, secret = _basic(authorization)
        client = self._clients.get(client_id)
        if client is None or not hmac.compare_digest(client.secret, secret) or client.certificate != certificate:
            return None
        now = time.monotonic()
        self._ends = {token: ends for token, ends in self._ends.items() if ends > now}
        token = secrets.token_urlsafe(32)
        self._ends[token, certificate] = now + self.seconds
        self.granted += 1
        return token

    def valid(self, authorization: str, certificate: str) -> bool:
        """Whether the header bears a token that was granted over this certificate and has not ended."""
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and self._ends.get((token, certificate), 0.0) > time.monotonic()

    def revoke(self, authorization: str, certificate: str) -> None:
        """End a token before its time."""
        self._ends.pop((authorization.partition(" ")[2], certificate), None)


def _basic(authorization: str) -> tuple[str, bytes]:
    """Client id and secret of a Basic header, or two empty ones."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).partition(b":")
        return (client_id.decode(), unquote_to_bytes(secret.replace(b"+", b" "))) if scheme == "Basic" else ("", b"")
    except (binascii.Error, UnicodeDecodeError):
        return "", b""
