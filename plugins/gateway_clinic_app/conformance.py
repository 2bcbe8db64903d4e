"""How the conformance suite meets this connector: no system stands, clinics come to it, with confirmations of an issuer
that signs here.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from gateway.plugin import JsonValue, Shown
from gateway.plugin.testing import MadeUp, Place, Subject
from gateway_clinic_app.interface import INTERFACE

_ISSUER: Final = "https://eligibility.invalid"
_CERTIFICATE: Final = "clinic.crt"
_CLINIC: Final = "1319999999"
_KID: Final = "made-up"
_A_VISIT: Final = timedelta(hours=1)
_MADE_UP: Final = MadeUp(INTERFACE)


class ClinicApp(Subject):
    """One clinic, where each person has shown a card and consented."""

    _fingerprint: str

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[None]:
        """Only the issuer's public key lies there."""
        self._fingerprint = place.fingerprint
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        keys = {"keys": [public | {"kid": _KID, "alg": "ES256", "use": "sig"}]}
        (place.folder / "jwks.json").write_text(json.dumps(keys), encoding="utf-8")
        yield

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        """As a tenant's."""
        jwks = f"file:{place.folder / 'jwks.json'}"
        return {"issuer": _ISSUER, "jwks": jwks, "clinics": {_CERTIFICATE: _CLINIC}}

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        """What the clinic posts of that person's visit."""
        return _MADE_UP.record(direction, operation, person, clinic_code=_CLINIC)

    async def shown(self, address: str | None, operation: str, person: int) -> Shown:
        """The confirmation of that person's visit."""
        now = datetime.now(UTC)
        visit = self.record("sends", "visit.query", person)
        told = {
            "iss": _ISSUER,
            "aud": _CLINIC,
            "sub": visit["vaccination_subject_no"],
            "jti": visit["identity_confirmation"],
            "iat": int(now.timestamp()),
            "exp": int((now + _A_VISIT).timestamp()),
            "consent": {"text": "2026-04"},
        }
        token = jwt.encode(told, self._key, algorithm="ES256", headers={"kid": _KID})
        return Shown(operation, token, self._fingerprint, now, _CERTIFICATE)
