"""Who signs proofs of persons, for trials and tests: a key pair as a provider of ID tokens has one.

The real ones are made by portal and eligibility side, who hand over public keys only: a connector pins those in their
place. ES256 (RFC 7518 §3.4), published as a JWK Set (RFC 7517).
"""

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm

from gateway.keys.at_rest import write_guarded


def make_issuer(private: Path, public: Path) -> None:
    """Make a private key (PKCS #8) and its JWK Set, with the beginning of its thumbprint (RFC 7638) as its `kid`.

    Raises Misconfigured if either exists.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    thumbprint = hashlib.sha256(json.dumps(jwk, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    told = {**jwk, "kid": thumbprint[:16], "alg": "ES256", "use": "sig"}
    write_guarded(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write_guarded(public, json.dumps({"keys": [told]}, indent=1).encode() + b"\n")
