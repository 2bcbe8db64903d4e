"""HPKE base mode, opening only, written from the specifications alone: what another implementation would do.

RFC 9180 for the key schedule and DHKEM(X25519); draft-ietf-hpke-pq and draft-irtf-cfrg-concrete-hybrid-kems for
MLKEM768-X25519 (the combiner of X-Wing). It exists to check the library and `docs/envelope.md` against each other.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

_X25519, _HYBRID, _HKDF_SHA256 = 0x0020, 0x647A, 0x0001
_LABEL = bytes.fromhex("5c2e2f2f5e5c")
_KEY_BYTES = {0x0001: 16, 0x0002: 32}


def open_x25519(sealed: bytes, key: X25519PrivateKey, info: bytes, aead: int = 0x0002, aad: bytes = b"") -> bytes:
    """Open what was sealed with DHKEM(X25519, HKDF-SHA256) (RFC 9180 §4.1)."""
    enc, ciphertext = sealed[:32], sealed[32:]
    suite = b"KEM" + _X25519.to_bytes(2, "big")
    shared = key.exchange(X25519PublicKey.from_public_bytes(enc))
    prk = _extract(suite, b"", b"eae_prk", shared)
    secret = _expand(suite, prk, b"shared_secret", enc + key.public_key().public_bytes_raw(), 32)
    return _open(_X25519, secret, ciphertext, info, aead, aad)


def open_hybrid(sealed: bytes, mlkem768: MLKEM768PrivateKey, x25519: X25519PrivateKey, info: bytes) -> bytes:
    """Open what was sealed with MLKEM768-X25519: SHA3-256 over both secrets, the X25519 parts and the label."""
    post_quantum, enc, ciphertext = sealed[:1088], sealed[1088:1120], sealed[1120:]
    secrets = mlkem768.decapsulate(post_quantum) + x25519.exchange(X25519PublicKey.from_public_bytes(enc))
    secret = hashlib.sha3_256(secrets + enc + x25519.public_key().public_bytes_raw() + _LABEL).digest()
    return _open(_HYBRID, secret, ciphertext, info, 0x0002, b"")


def _open(kem: int, secret: bytes, ciphertext: bytes, info: bytes, aead: int, aad: bytes) -> bytes:
    """The key schedule of base mode and the first message (RFC 9180 §5.1, §5.2)."""
    suite = b"HPKE" + b"".join(each.to_bytes(2, "big") for each in (kem, _HKDF_SHA256, aead))
    context = b"\0" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
    prk = _extract(suite, secret, b"secret", b"")
    key = _expand(suite, prk, b"key", context, _KEY_BYTES[aead])
    nonce = _expand(suite, prk, b"base_nonce", context, 12)
    return AESGCM(key).decrypt(nonce, ciphertext, aad)


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(algorithm=SHA256(), length=length, info=labeled).derive(prk)
