"""Tokens made by hand, right and wrong: the keys, the JWK Set, the compact form; no code of any simulator's."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
MOMENT = int(NOW.timestamp())
KEY = ec.generate_private_key(ec.SECP256R1())
STRANGE = ec.generate_private_key(ec.SECP256R1())


def jwk(key: ec.EllipticCurvePrivateKey, kid: str = "k1", **changes: Any) -> dict[str, Any]:
    return ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "alg": "ES256", "use": "sig"} | changes


def jwks(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def signed(payload: dict[str, Any], *, key: Any = KEY, alg: str = "ES256", **headers: Any) -> str:
    return jwt.encode(payload, key, algorithm=alg, headers={"kid": "k1"} | headers)


def raw(payload: object, header: object = None, key: Any = KEY) -> str:
    """Signed without any look at what is signed."""
    head = json.dumps(header if header is not None else {"alg": "ES256", "kid": "k1", "typ": "JWT"})
    return written(json.dumps(payload), head, key)


def written(payload: str, header: str, key: Any = KEY) -> str:
    """These very texts, signed."""
    text = f"{part(header.encode())}.{part(payload.encode())}"
    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(text.encode(), key)
    return f"{text}.{part(signature)}"


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
