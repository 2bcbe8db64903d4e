"""The network's own sealing (C073): what one body answers another is opened by the inquirer's 中間サーバー alone.

HPKE single shot, base mode (RFC 9180 §6.1): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. `info` binds an
answer to its permit. It is the network's protocol, not the line's: applied at the destination edge, after release
(decision 0025). Keys are JWKs (RFC 8037), named by their thumbprint (RFC 7638).
"""

import base64
import binascii
import hashlib
from typing import Annotated, ClassVar, Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from pydantic import BaseModel, ConfigDict, StringConstraints

from gateway.plugin import Misconfigured

_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_CONTEXT: Final = b"renkei-nws/v1/answer\n"
_NO_KEY: Final = "inquiry_key: is not a private X25519 key as a JWK (RFC 8037)"
_Octets = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{42}[AEIMQUYcgkosw048]$")]
"""32 bytes in base64url without padding: one way to write them."""


class CannotOpen(Exception):
    """It was not sealed with our key under that permit."""


class PublicKey(BaseModel):
    """A body's X25519 key (RFC 8037 §2)."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    kty: Literal["OKP"]
    crv: Literal["X25519"]
    x: _Octets

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__

    def thumbprint(self) -> str:
        """By which a permit names it."""
        members = f'{{"crv":"{self.crv}","kty":"{self.kty}","x":"{self.x}"}}'
        return _text(hashlib.sha256(members.encode()).digest())

    def seal(self, plaintext: bytes, jti: str) -> str:
        """An answer under the permit (the authorisation) of that id. Raises ValueError if the key is no sound one."""
        key = X25519PublicKey.from_public_bytes(_bytes(self.x))
        return _text(_SUITE.encrypt(plaintext, key, info=_CONTEXT + jti.encode("ascii")))


class _PrivateJwk(PublicKey):
    d: _Octets


class InquiryKey:
    """Our own key pair: it opens the answers to our inquiries and nothing else."""

    def __init__(self, jwk: bytes) -> None:
        """Raises Misconfigured, without echo."""
        try:
            parts = _PrivateJwk.model_validate_json(jwk)
            self._key = X25519PrivateKey.from_private_bytes(_bytes(parts.d))
        except ValueError:  # pydantic's ValidationError is one; the texts of both may quote the key
            raise Misconfigured((_NO_KEY,)) from None
        if _bytes(parts.x) != self._key.public_key().public_bytes_raw():
            raise Misconfigured((_NO_KEY,))
        self.public = PublicKey(kty="OKP", crv="X25519", x=parts.x)

    def open(self, sealed: str, jti: str) -> bytes:
        """What was sealed for us under the permit of that id. Raises CannotOpen."""
        try:
            return _SUITE.decrypt(_bytes(sealed), self._key, info=_CONTEXT + jti.encode("ascii"))
        except (InvalidTag, ValueError):
            raise CannotOpen from None


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise ValueError from None
