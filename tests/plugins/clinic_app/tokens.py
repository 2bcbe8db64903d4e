"""Confirmations made by hand, right and wrong; no code of the simulator's."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ISSUER = "https://eligibility.example"
CLINIC, OTHER_CLINIC = "1319999999", "1319999981"
NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
MOMENT = int(NOW.timestamp())
PERSON, OTHER_PERSON = "MADEUPSUBJECT1", "MADEUPSUBJECT2"
ID = "ICMADEUPCONFIRMATIONAAAAAAAAAAAAAA"
KEY = ec.generate_private_key(ec.SECP256R1())
STRANGE = ec.generate_private_key(ec.SECP256R1())


def jwk(key: ec.EllipticCurvePrivateKey, kid: str = "k1", **changes: Any) -> dict[str, Any]:
    return ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "alg": "ES256", "use": "sig"} | changes


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a person who showed a card a minute ago and consented; what changes to None is left out."""
    good = {
        "iss": ISSUER,
        "aud": CLINIC,
        "sub": PERSON,
        "jti": ID,
        "iat": MOMENT - 60,
        "exp": MOMENT + 840,
        "consent": {"text": "2026-04"},
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(payload: dict[str, Any], *, key: Any = KEY, alg: str = "ES256", **headers: Any) -> str:
    return jwt.encode(payload, key, algorithm=alg, headers={"kid": "k1"} | headers)


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
