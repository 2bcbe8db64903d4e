"""What connector and network exchange, by hand: tokens are read and answers sealed without the simulator's code."""

import base64
import hashlib
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from tests.plugins.intermediate_server.running import ISSUER, MUNICIPALITY, Resident, Site
from tests.plugins.vaccination_records.subjects import CITY, UPDATED_AT

ROW, PROCEDURE, DATASET = "25", "JT00000000002501", "TM00000000000101"
TAX = "TM00000000000201"
DOSE = {"vaccinated_on": "2024-06-01", "vaccine_generic_name": "架空ワクチン", "dose_no": 1, "lot_no": "MADEUP01"}
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def claims(site: Site, token: str, audience: str = CITY) -> dict[str, Any]:
    """Of a token that the pinned key signed."""
    key = jwt.PyJWKSet.from_json(site.jwks.decode())[jwt.get_unverified_header(token)["kid"]]
    return dict(jwt.decode(token, key, ["ES256"], audience=audience, issuer=ISSUER))


def public(key: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in key.items() if name != "d"}


def thumbprint(key: dict[str, str]) -> str:
    text = f'{{"crv":"{key["crv"]}","kty":"{key["kty"]}","x":"{key["x"]}"}}'
    return written(hashlib.sha256(text.encode()).digest())


def opened(key: dict[str, str], jti: str, enc_ciphertext: str) -> dict[str, Any]:
    private = X25519PrivateKey.from_private_bytes(raw(key["d"]))
    return dict(json.loads(_SUITE.decrypt(raw(enc_ciphertext), private, b"renkei-nws/v1/answer\n" + jti.encode())))


def sealed(key: dict[str, str], jti: str, plain: object) -> dict[str, str]:
    to = X25519PublicKey.from_public_bytes(raw(key["x"]))
    text = json.dumps(plain).encode()
    return {"enc_ciphertext": written(_SUITE.encrypt(text, to, b"renkei-nws/v1/answer\n" + jti.encode()))}


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def written(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def replica(resident: Resident, record_no: str, seq: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "internal_no": resident.internal_no,
        "dataset_code": DATASET,
        "dataset_record_no": record_no,
        "dataset_version": 1,
        "no_auto_response_flag": False,
        "updated_at": UPDATED_AT,
        "update_seq": seq,
        **DOSE,
    } | changes


def permit_wanted(site: Site, resident: Resident, request_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "internal_no": resident.internal_no,
        "row": ROW,
        "procedure_code": PROCEDURE,
        "dataset_code": DATASET,
        "provider_code": MUNICIPALITY,
        "undisclosed_flag": False,
        "inquirer_encryption_key": public(site.city_key),
    } | changes


def recorded(permit_no: str, **changes: Any) -> dict[str, Any]:
    """情報提供等記録 of what is provided to a body."""
    return {
        "permit_no": permit_no,
        "inquirer_code": MUNICIPALITY,
        "provider_code": CITY,
        "requested_at": "2026-04-01T09:00:00+09:00",
        "provided_at": "2026-04-01T09:00:01+09:00",
        "row": ROW,
        "items": ["lot_no"],
        "undisclosed_flag": False,
    } | changes


def inquire(resident: Resident, **changes: Any) -> dict[str, Any]:
    return {
        "body": MUNICIPALITY,
        "individual_number": resident.individual_number,
        "row": ROW,
        "procedure_code": PROCEDURE,
        "dataset_code": DATASET,
    } | changes
