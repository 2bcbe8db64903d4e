"""The eligibility side's signing key (ES256, RFC 7518 §3.4).

The rule: the private key is in one file that only its owner can read; the public one goes out as a JWK Set (RFC 7517).
"""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

from gateway_pmh.simulated.config import Invalid


class SigningKey:
    """One P-256 key. Its id is the beginning of its thumbprint (RFC 7638)."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        public = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
        told = json.dumps(dict(sorted(public.items())), separators=(",", ":"))
        self._kid = hashlib.sha256(told.encode()).hexdigest()[:16]
        self._public = {**public, "kid": self._kid, "alg": "ES256", "use": "sig"}

    @classmethod
    def load(cls, path: Path) -> "SigningKey":
        """From a PEM file that only its owner can read. Raises Invalid."""
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise Invalid(["eligibility.signing_key: others than its owner can read the file; chmod 600"])
            private = load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise Invalid([f"eligibility.signing_key: cannot be read ({type(error).__name__})"]) from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise Invalid(["eligibility.signing_key: is not a P-256 key; make one with --make-key"])
        return cls(private)

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key as a JWK Set."""
        return {"keys": [self._public]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWS of the claims."""
        return jwt.encode(dict(claims), self._private, algorithm="ES256", headers={"kid": self._kid})


def make(folder: Path) -> None:
    """Make `signing.pem` and `jwks.json` in the folder. Raises FileExistsError: a key is never overwritten."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(folder / "signing.pem", pem)
    _write(folder / "jwks.json", json.dumps(SigningKey(private).jwks, indent=1).encode())


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
