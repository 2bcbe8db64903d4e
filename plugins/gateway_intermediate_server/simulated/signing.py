"""The network's signing key (ES256, RFC 7518 §3.4), and the files that `--make-keys` makes.

The rule: a private key is in a file that only its owner can read; what the network signs is pinned by its JWK Set.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

from gateway_intermediate_server.simulated.config import Invalid
from gateway_intermediate_server.simulated.sealing import Key

NETWORK: Final = "network.pem"
JWKS: Final = "jwks.json"
CITY: Final = "city.jwk"


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
            private = load_pem_private_key(_guarded("signing_key", path), None)
        except (OSError, ValueError, TypeError) as error:
            raise Invalid([f"signing_key: cannot be read ({type(error).__name__})"]) from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise Invalid(["signing_key: is not a P-256 key; make one with --make-keys"])
        return cls(private)

    @property
    def jwks(self) -> dict[str, Any]:
        """The public key as a JWK Set (RFC 7517)."""
        return {"keys": [self._public]}

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWS of the claims."""
        return jwt.encode(dict(claims), self._private, algorithm="ES256", headers={"kid": self._kid})

    def read(self, token: str, issuer: str, audience: str) -> dict[str, Any] | None:
        """The claims of a token of ours that is still good, or None."""
        try:
            return jwt.decode(token, self._private.public_key(), ["ES256"], audience=audience, issuer=issuer)
        except jwt.PyJWTError:
            return None

    def forged(self, token: str) -> str:
        """The same claims under our key's id, signed by somebody else."""
        other = ec.generate_private_key(ec.SECP256R1())
        return jwt.encode(_claims(token), other, algorithm="ES256", headers={"kid": self._kid})

    def unsigned(self, token: str) -> str:
        """The same claims with `alg` "none"."""
        return jwt.encode(_claims(token), "", algorithm="none", headers={"kid": self._kid})


def load_keys(files: Mapping[str, Path], bodies: Iterable[str]) -> dict[str, Key]:
    """The inquiry key of each body. Raises Invalid."""
    if {*files} != {*bodies}:
        raise Invalid([f"inquiry_keys: the bodies are {', '.join(bodies)}"])
    return {body: _key(f"inquiry_keys.{body}", path) for body, path in files.items()}


def _key(name: str, path: Path) -> Key:
    try:
        return Key.of(json.loads(_guarded(name, path)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Invalid([f"{name}: cannot be read ({type(error).__name__})"]) from None


def make(folder: Path, bodies: list[str]) -> None:
    """Make the network's signing key, its JWK Set, the city's and each body's inquiry key in the folder.

    Raises FileExistsError: a key is never overwritten.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write(folder / NETWORK, pem)
    _write(folder / JWKS, json.dumps(SigningKey(private).jwks, indent=1).encode())
    for name in (CITY, *(f"{body}.jwk" for body in bodies)):
        _write(folder / name, json.dumps(Key.made().private, indent=1).encode())


def _claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def _guarded(name: str, path: Path) -> bytes:
    """Raises OSError; Invalid if others can read the file."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Invalid([f"{name}: others than its owner can read the file; chmod 600"])
    return path.read_bytes()


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
