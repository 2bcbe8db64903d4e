"""HPKE (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, single shot, as answers travel.

`info` is the line `renkei-nws/v1/answer` with its line feed (21 bytes), then the jti of the permit (of the
authorisation, for self-information), in ASCII.
The plaintext is JSON in UTF-8: {"doses": [...]}, or {"tax_items": [...]} of the tax dataset, and, with it,
"provision_no" (what the city provides),
"self_request_no" (self-information) or "inquiry" (what the city asked for: `sub` of its permit, which is the process
serial of the inquiry). `enc_ciphertext` is base64url without padding of encapsulated key and ciphertext, in that order,
as `cryptography`'s `Suite.encrypt` returns them. Keys are JWKs (RFC 8037), named by their thumbprint (RFC 7638).
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_CONTEXT: Final = b"renkei-nws/v1/answer\n"


class Key:
    """An inquirer's key pair."""

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def made(cls) -> "Key":
        """A new one."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def of(cls, jwk: Mapping[str, Any]) -> "Key":
        """From a private JWK. Raises ValueError, KeyError."""
        return cls(X25519PrivateKey.from_private_bytes(_bytes(jwk["d"])))

    @property
    def public(self) -> dict[str, str]:
        """As a JWK."""
        return {"kty": "OKP", "crv": "X25519", "x": _text(self._private.public_key().public_bytes_raw())}

    @property
    def private(self) -> dict[str, str]:
        """As a JWK."""
        return {**self.public, "d": _text(self._private.private_bytes_raw())}

    def open(self, jti: str, enc_ciphertext: str) -> dict[str, Any] | None:
        """What was sealed for us under that permit, or None if it was not."""
        try:
            plain = _SUITE.decrypt(_bytes(enc_ciphertext), self._private, _CONTEXT + jti.encode("ascii"))
            found = json.loads(plain)
        except (InvalidTag, ValueError):
            return None
        return found if isinstance(found, dict) else None


def seal(jwk: Mapping[str, Any], jti: str, plain: object) -> str:
    """Text that only the key's owner can open."""
    public = X25519PublicKey.from_public_bytes(_bytes(jwk["x"]))
    text = json.dumps(plain, ensure_ascii=False).encode()
    return _text(_SUITE.encrypt(text, public, _CONTEXT + jti.encode("ascii")))


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638, with SHA-256."""
    told = json.dumps({name: jwk[name] for name in ("crv", "kty", "x")}, separators=(",", ":"))
    return _text(hashlib.sha256(told.encode()).digest())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError from None
