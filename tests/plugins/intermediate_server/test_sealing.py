"""The network's sealing: for one key, under one permit, and nothing else opens it."""

import json

import pytest

from gateway.plugin import Misconfigured
from gateway_intermediate_server.sealing import CannotOpen, InquiryKey, PublicKey
from tests.plugins.intermediate_server.exchanges import opened, raw, sealed, thumbprint, written

# RFC 8037 A.6: a public key, and its thumbprint by RFC 7638 worked out by hand in `exchanges`
JWK = {"kty": "OKP", "crv": "X25519", "x": "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}


@pytest.fixture(scope="module")
def pair() -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    private = X25519PrivateKey.generate()
    public = written(private.public_key().public_bytes_raw())
    return {"kty": "OKP", "crv": "X25519", "x": public, "d": written(private.private_bytes_raw())}


def test_what_we_seal_the_key_opens_under_that_permit(pair: dict[str, str]) -> None:
    public = PublicKey(kty="OKP", crv="X25519", x=pair["x"])
    assert opened(pair, "PM-1", public.seal(b'{"doses": []}', "PM-1")) == {"doses": []}


def test_what_others_seal_our_key_opens_under_that_permit_only(pair: dict[str, str]) -> None:
    key = InquiryKey(json.dumps(pair).encode())
    text = sealed(pair, "PM-1", {"doses": []})["enc_ciphertext"]
    assert json.loads(key.open(text, "PM-1")) == {"doses": []}
    with pytest.raises(CannotOpen):
        key.open(text, "PM-2")
    flipped = bytearray(raw(text))
    flipped[-1] ^= 1
    for wrong in (written(bytes(flipped)), "Z2FyYmFnZQ", "", "!", "A" * 43):
        with pytest.raises(CannotOpen):
            key.open(wrong, "PM-1")


def test_a_key_is_named_by_its_thumbprint() -> None:
    assert PublicKey.model_validate(JWK).thumbprint() == thumbprint(JWK)


def test_a_point_of_no_order_seals_nothing() -> None:
    """All would open it."""
    with pytest.raises(ValueError, match=r"."):
        PublicKey(kty="OKP", crv="X25519", x=written(bytes(32))).seal(b"x", "PM-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "EC"},
        {"crv": "Ed25519"},
        {"x": "AA"},
        {"x": "B" * 43},
        {"d": None},
        {"d": "A" * 43, "x": "A" * 43},
        {"y": "A"},
    ],
)
def test_what_is_no_private_key_is_told_without_its_value(pair: dict[str, str], changes: dict[str, str | None]) -> None:
    wrong = {name: value for name, value in (pair | changes).items() if value is not None}
    with pytest.raises(Misconfigured) as told:
        InquiryKey(json.dumps(wrong).encode())
    assert pair["d"] not in str(told.value)
    assert told.value.__cause__ is None


def test_no_key_shows_itself(pair: dict[str, str]) -> None:
    key = InquiryKey(json.dumps(pair).encode())
    assert pair["x"] not in repr(key.public)
    assert pair["d"] not in repr(vars(key))
