"""Bytes into an envelope and back: the hybrid HPKE suite, single shot, under one Ed25519 signature."""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

_SUITE: Final = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The id is bound into the seal, and the signature covers both."""

    message_id: bytes
    ciphertext: bytes
    signature: bytes


class Sealing:
    """Fresh keys of both ends, for one run."""

    def __init__(self) -> None:
        mlkem, x25519 = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
        self._private = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)
        self._public = hpke.MLKEM768X25519PublicKey(mlkem.public_key(), x25519.public_key())
        self._signing = Ed25519PrivateKey.generate()
        self._verifying = self._signing.public_key()

    def seal(self, message_id: bytes, body: bytes) -> Envelope:
        """Seal and sign."""
        ciphertext = _SUITE.encrypt(body, self._public, message_id)
        return Envelope(message_id, ciphertext, self._signing.sign(message_id + ciphertext))

    def verify(self, envelope: Envelope) -> None:
        """Raises InvalidSignature."""
        self._verifying.verify(envelope.signature, envelope.message_id + envelope.ciphertext)

    def open(self, envelope: Envelope) -> bytes:
        """Raises InvalidTag."""
        return _SUITE.decrypt(envelope.ciphertext, self._private, envelope.message_id)
