"""Turns a tenant's master key into what its area needs: sealed values for the disk, and blind indexes to find them by.

The rule: nothing but the output of `seal` and `blind` may be written for a personal value. Each tenant has a key of
its own (C158); what was sealed for one row or one area opens in no other.
"""

import os
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
INDEX_BYTES: Final = 16
_NONCE_BYTES: Final = 12


class TenantKey:
    """AES-256-GCM and HMAC-SHA256 under two keys derived (HKDF, RFC 5869) from one master key and the area's code.

    Nonces are random, 96 bits: good for 2^32 sealings under one key (NIST SP 800-38D §8.3), which a municipality of
    1.5 million does not reach in a lifetime of changes.
    """

    def __init__(self, master: bytes, area: str) -> None:
        if len(master) != KEY_BYTES:
            raise ValueError("a tenant key has 32 bytes")
        self._aead = AESGCM(_derive(master, "seal", area))
        self._index = HMAC(_derive(master, "blind index", area), SHA256())
        self._area = area.encode()

    def seal(self, plain: bytes, row: bytes) -> bytes:
        """Encrypt; `row` names the row that the value belongs to and must be given again to open it."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, self._area + b"|" + row)

    def open(self, sealed: bytes, row: bytes) -> bytes:
        """Decrypt. Raises InvalidTag if the bytes were changed, or moved here from another row or area."""
        return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._area + b"|" + row)

    def blind(self, field: str, value: str) -> bytes:
        """16 bytes that are equal for equal values of one field in one area, and tell nothing without the key."""
        mac = self._index.copy()
        mac.update(f"{field}\0{value}".encode())
        return mac.finalize()[:INDEX_BYTES]

    def __repr__(self) -> str:
        return "<TenantKey>"


def _derive(master: bytes, purpose: str, area: str) -> bytes:
    info = f"renkei record system v1|{purpose}|{area}".encode()
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(master)
