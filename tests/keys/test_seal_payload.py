"""Sealing: the library does what the standards say, and a payload opens under its own header only."""

import base64
import hashlib

import pytest
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.edge.seal_payload import open_payload, seal_payload
from gateway.errors import Refused
from gateway.keys.directory import Directory
from gateway.keys.private import KemPrivate
from gateway.keys.signatures import verify_envelope
from gateway.messages import Envelope
from tests.keys.rfc9180 import open_hybrid, open_x25519
from tests.keys.vectors import cases, edge

ENVELOPES = cases("envelope")
CONNECTORS = ("health_management", "vaccination_records")


def key_of(connector: str) -> KemPrivate:
    keys = edge(connector)
    return keys.kem_private(keys.public.kem[0].id)


KEYS = {connector: key_of(connector) for connector in CONNECTORS}

# RFC 9180 appendix A.1.1: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, sequence number 0.
RFC_KEY = "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8"
RFC_INFO = "4f6465206f6e2061204772656369616e2055726e"
RFC_AAD = "436f756e742d30"
RFC_ENC = "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
RFC_CT = "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
RFC_PT = "4265617574792069732074727574682c20747275746820626561757479"


def test_the_library_and_our_second_implementation_open_the_vector_of_rfc_9180() -> None:
    key = X25519PrivateKey.from_private_bytes(bytes.fromhex(RFC_KEY))
    sealed, info, aad = (bytes.fromhex(each) for each in (RFC_ENC + RFC_CT, RFC_INFO, RFC_AAD))
    suite = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_128_GCM)
    # The RFC's vectors have associated data, which single shot through `Suite` leaves empty.
    assert openssl.hpke._decrypt_with_aad(suite, sealed, key, info, aad) == bytes.fromhex(RFC_PT)
    assert open_x25519(sealed, key, info, aead=0x0001, aad=aad) == bytes.fromhex(RFC_PT)


@pytest.mark.parametrize("connector", CONNECTORS)
def test_an_implementation_written_from_the_specification_opens_what_we_seal(connector: str) -> None:
    key = KEYS[connector]
    sealed = seal_payload(b"[{}]", b"{}", key.public())
    info = b"renkei/v1/payload\n" + hashlib.sha256(b"{}").digest()
    if key.mlkem768 is None:
        assert open_x25519(sealed, key.x25519, info) == b"[{}]"
    else:
        assert open_hybrid(sealed, key.mlkem768, key.x25519, info) == b"[{}]"


@given(plaintext=st.binary(max_size=200), header=st.binary(max_size=100), other=st.binary(max_size=100))
def test_a_payload_never_opens_under_another_header(plaintext: bytes, header: bytes, other: bytes) -> None:
    for key in KEYS.values():
        sealed = seal_payload(plaintext, header, key.public())
        assert open_payload(sealed, header, key) == plaintext
        if other != header:
            with pytest.raises(Refused, match="cannot_open"):
                open_payload(sealed, other, key)


def test_a_payload_opens_with_its_own_key_only() -> None:
    sealed = seal_payload(b"[]", b"{}", KEYS["vaccination_records"].public())
    with pytest.raises(Refused, match="cannot_open"):
        open_payload(sealed, b"{}", KEYS["health_management"])


@given(garbage=st.binary(max_size=2000))
def test_garbage_does_not_open(garbage: bytes) -> None:
    for key in KEYS.values():
        with pytest.raises(Refused, match="cannot_open"):
            open_payload(garbage, b"{}", key)


@given(data=st.data(), name=st.sampled_from(["good_hybrid", "good_x25519"]))
def test_a_flipped_bit_anywhere_is_refused(directory: Directory, data: st.DataObject, name: str) -> None:
    envelope = Envelope.unpack(base64.b64decode(ENVELOPES[name]["envelope"]))
    part = data.draw(st.sampled_from(["header", "ciphertext", "signature"]))
    content = bytearray(getattr(envelope, part))
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    parts = {each: getattr(envelope, each) for each in ("header", "ciphertext", "signature")}
    altered = Envelope(**{**parts, part: bytes(content)})
    with pytest.raises(Refused):
        verify_envelope(altered, directory)
    if part != "signature":  # and were the signature not asked, the seal alone would refuse it
        destination = verify_envelope(envelope, directory).destination
        with pytest.raises(Refused, match="cannot_open"):
            open_payload(altered.ciphertext, altered.header, KEYS[destination])
