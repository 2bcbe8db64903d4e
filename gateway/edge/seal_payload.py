"""HPKE, and nothing else: records become a payload that one connector's edge alone can open, under one header alone.

Single shot, base mode (RFC 9180 §6.1; hybrid KEM of draft-ietf-hpke-pq). `info` carries the digest of the header's
bytes, so that a payload cannot be moved under another header. No other module may name HPKE.
"""

import hashlib
from types import MappingProxyType
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from gateway.errors import Refused
from gateway.keys.directory import KemPublic, Suite
from gateway.keys.private import KemPrivate

_CONTEXT: Final = b"renkei/v1/payload\n"
_SUITES: Final = MappingProxyType(
    {
        Suite.HYBRID: hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
        Suite.X25519: hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
    }
)


def seal_payload(plaintext: bytes, header: bytes, to: KemPublic) -> bytes:
    """The encapsulated key and the ciphertext. `header` must be the very bytes that travel with it."""
    return _SUITES[to.suite].encrypt(plaintext, _public(to), _info(header))


def open_payload(ciphertext: bytes, header: bytes, key: KemPrivate) -> bytes:
    """The plaintext. Raises Refused("cannot_open") whatever the cause: another key, another header, altered bytes."""
    try:
        return _SUITES[key.suite].decrypt(ciphertext, _private(key), _info(header))
    except InvalidTag:
        raise Refused("cannot_open") from None


def _info(header: bytes) -> bytes:
    return _CONTEXT + hashlib.sha256(header).digest()


def _public(key: KemPublic) -> X25519PublicKey | hpke.MLKEM768X25519PublicKey:
    return key.x25519 if key.mlkem768 is None else hpke.MLKEM768X25519PublicKey(key.mlkem768, key.x25519)


def _private(key: KemPrivate) -> X25519PrivateKey | hpke.MLKEM768X25519PrivateKey:
    return key.x25519 if key.mlkem768 is None else hpke.MLKEM768X25519PrivateKey(key.mlkem768, key.x25519)
