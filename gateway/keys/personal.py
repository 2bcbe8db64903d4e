"""A person's own key, that of the personal certificate, where it signs a statement and not a connection."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class PersonalKey:
    """`certificate` is SHA-256 over the certificate, in hex."""

    certificate: str
    _key: PrivateKeyTypes = field(repr=False)

    @classmethod
    def read(cls, certificate: Path, passphrase: Callable[[Path], str]) -> "PersonalKey":
        """With the key beside the certificate, as `.key`; `passphrase` is asked for it if it needs one. Raises
        Misconfigured, or OSError.
        """
        file = certificate.with_suffix(".key")
        try:
            shown = x509.load_pem_x509_certificate(certificate.read_bytes())
            key = _opened(file, passphrase)
        except (ValueError, TypeError):
            told = "it or its .key is not the PEM text that belongs there, or the passphrase is another"
            raise Misconfigured((f"{certificate}: {told}",)) from None
        if key.public_key() != shown.public_key():
            raise Misconfigured((f"{certificate}: is not of the key {file}",))
        return cls(shown.fingerprint(SHA256()).hex(), key)

    def sign(self, statement: bytes) -> str:
        """In base64: ECDSA or RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519. Raises Misconfigured for other keys."""
        match self._key:
            case EllipticCurvePrivateKey():
                signature = self._key.sign(statement, ECDSA(SHA256()))
            case RSAPrivateKey():
                signature = self._key.sign(statement, PKCS1v15(), SHA256())
            case Ed25519PrivateKey():
                signature = self._key.sign(statement)
            case _:
                raise Misconfigured(("a personal key is of RSA, EC or Ed25519",))
        return base64.b64encode(signature).decode()


def _opened(file: Path, passphrase: Callable[[Path], str]) -> PrivateKeyTypes:
    text = file.read_bytes()
    try:
        return load_pem_private_key(text, None)
    except TypeError:
        return load_pem_private_key(text, passphrase(file).encode())
