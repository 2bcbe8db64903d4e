"""Every way in which a confirmation can be wrong is the same refusal; what holds is for one clinic and one person."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from gateway.plugin import Claim, Misconfigured, Proven, Refused
from gateway_clinic_app.confirmation import Confirmations
from tests.plugins.clinic_app.tokens import (
    CLINIC,
    ID,
    ISSUER,
    KEY,
    MOMENT,
    NOW,
    OTHER_CLINIC,
    OTHER_PERSON,
    PERSON,
    STRANGE,
    claims,
    jwk,
    jwks,
    part,
    signed,
)

READER = Confirmations(jwks(jwk(KEY)), ISSUER, 3600)
GOOD = signed(claims())
BOUND = {"identity_confirmation": ID, "vaccination_subject_no": PERSON, "clinic_code": CLINIC}
NEITHER_TEXT_NOR_NUMBER = (
    st.none() | st.booleans() | st.lists(st.text()) | st.dictionaries(st.sampled_from(["text", "sub"]), st.text())
)


def refused(proof: str, reader: Confirmations = READER, now: datetime = NOW, clinic: str = CLINIC) -> None:
    with pytest.raises(Refused) as caught:
        reader.proven(proof, clinic, now)
    assert (caught.value.code, caught.value.path) == ("not_attested", None)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


# ---- what holds ------------------------------------------------------------------------------------------------------


def test_rule_4_a_confirmation_with_consent_proves_both_until_its_end_for_that_person_at_that_clinic_only() -> None:
    until = datetime.fromtimestamp(MOMENT + 840, UTC)
    both = (Claim("identity_confirmed", ID.encode(), until), Claim("consent", ID.encode(), until, "2026-04"))
    assert READER.proven(GOOD, CLINIC, NOW) == Proven(both, BOUND)


def test_without_consent_none_is_proven() -> None:
    assert [each.name for each in READER.proven(signed(claims(consent=None)), CLINIC, NOW).claims] == [
        "identity_confirmed"
    ]


def test_a_visit_ends_at_its_longest_however_long_the_confirmation_says_it_lives() -> None:
    proven = READER.proven(signed(claims(exp=MOMENT + 10**6)), CLINIC, NOW)
    assert {each.until for each in proven.claims} == {datetime.fromtimestamp(MOMENT - 60 + 3600, UTC)}


def test_what_an_issuer_adds_proves_nothing_and_hurts_nobody() -> None:
    added = signed(claims(permit="yes", acr="aal3", auth_time=1, name="架空 太郎"))
    assert READER.proven(added, CLINIC, NOW) == READER.proven(GOOD, CLINIC, NOW)


def test_a_former_key_and_a_new_one_are_good_together() -> None:
    both = Confirmations(jwks(jwk(STRANGE, "k0"), jwk(KEY)), ISSUER, 3600)
    former = signed(claims(), key=STRANGE, kid="k0")
    assert both.proven(GOOD, CLINIC, NOW) == both.proven(former, CLINIC, NOW)
    refused(signed(claims(), key=STRANGE, kid="k1"), both)


def test_claims_and_what_they_bind_are_mute() -> None:
    said = repr(READER.proven(GOOD, CLINIC, NOW))
    assert not any(value in said for value in (PERSON, ID))


# ---- what does not ---------------------------------------------------------------------------------------------------


def test_rule_4_no_clinic_uses_the_confirmation_of_another() -> None:
    refused(GOOD, clinic=OTHER_CLINIC)
    refused(signed(claims(aud=OTHER_CLINIC)))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *((name, None) for name in ("iss", "aud", "sub", "jti", "iat", "exp")),
        ("iss", f"{ISSUER}/"),
        ("iss", [ISSUER]),
        ("aud", [CLINIC]),
        ("aud", [CLINIC, OTHER_CLINIC]),
        ("aud", int(CLINIC)),
        ("aud", f"{CLINIC} "),
        ("sub", ""),
        ("sub", "架空"),
        ("sub", PERSON + "\n"),
        ("sub", "A" * 33),
        ("jti", "A" * 15),
        ("jti", "A" * 65),
        ("jti", "A" * 20 + "_"),
        ("jti", 10**20),
        ("exp", MOMENT),
        ("exp", MOMENT - 1),
        ("exp", str(MOMENT + 840)),
        ("exp", MOMENT + 0.5),
        ("exp", True),
        ("exp", 10**30),
        ("iat", MOMENT + 61),
        ("iat", MOMENT - 3600),
        ("iat", -1),
        ("consent", "2026-04"),
        ("consent", True),
        ("consent", {}),
        ("consent", {"text": ""}),
        ("consent", {"text": "a b"}),
        ("consent", {"text": "2026-04", "more": 1}),
    ],
)
def test_a_claim_that_is_missing_or_other_refuses(claim: str, value: object) -> None:
    refused(raw(claims(**{claim: value})))


@given(st.sampled_from(sorted(claims().keys() - {"consent"})), NEITHER_TEXT_NOR_NUMBER)
def test_a_claim_of_another_json_type_refuses(claim: str, value: object) -> None:
    refused(raw({**claims(), claim: value}))


def raw(payload: object, header: object = None, key: Any = KEY) -> str:
    """Signed without any look at what is signed."""
    head = json.dumps(header if header is not None else {"alg": "ES256", "kid": "k1", "typ": "JWT"}).encode()
    text = f"{part(head)}.{part(json.dumps(payload).encode())}"
    signature = ECAlgorithm(ECAlgorithm.SHA256).sign(text.encode(), key)
    return f"{text}.{part(signature)}"


@pytest.mark.parametrize("payload", [None, [], 1, "x", {}])
def test_a_payload_that_is_no_set_of_claims_refuses(payload: object) -> None:
    refused(raw(payload))


@pytest.mark.parametrize(
    "header",
    [
        {},
        [],
        "null",
        {"alg": "ES256"},
        {"alg": "ES256", "kid": "k2"},
        {"alg": "ES256", "kid": ["k1"]},
        {"alg": "ES256", "kid": "k1", "typ": "at+jwt"},
        {"alg": "ES256", "kid": "k1", "crit": ["exp"]},
        {"alg": "ES256", "kid": "k1", "b64": False, "crit": ["b64"]},
        {"alg": "ES384", "kid": "k1"},
        {"alg": "RS256", "kid": "k1"},
        {"alg": "none", "kid": "k1"},
        {"alg": 256, "kid": "k1"},
    ],
)
def test_another_header_refuses_though_the_signature_is_good(header: object) -> None:
    refused(raw(claims(), header))


def test_another_key_refuses_even_if_the_confirmation_brings_it_along() -> None:
    refused(signed(claims(), key=STRANGE))
    refused(signed(claims(), key=STRANGE, jwk=jwk(STRANGE)))
    refused(signed(claims(), key=STRANGE, kid="k9"))
    refused(signed(claims(), key=ec.generate_private_key(ec.SECP384R1()), alg="ES384"))


def test_no_signature_refuses() -> None:
    head, body, signature = GOOD.split(".")
    none = part(json.dumps({"alg": "none", "kid": "k1"}).encode())
    for proof in (f"{none}.{body}.", f"{none}.{body}.{signature}", f"{head}.{body}.", f"{head}.{body}.{'A' * 86}"):
        refused(proof)


@pytest.mark.parametrize("form", [Encoding.PEM, Encoding.DER])
def test_the_public_key_as_a_shared_secret_refuses(form: Encoding) -> None:
    """RFC 8725 §2.1: the classic confusion of algorithms."""
    secret = KEY.public_key().public_bytes(form, PublicFormat.SubjectPublicKeyInfo)
    head = part(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
    text = f"{head}.{part(json.dumps(claims()).encode())}"
    refused(f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}")


def test_the_claims_of_one_confirmation_with_the_signature_of_another_refuse() -> None:
    head, _, signature = GOOD.split(".")
    other = signed(claims(sub=OTHER_PERSON)).split(".")[1]
    refused(f"{head}.{other}.{signature}")


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="ascii"))
def test_a_confirmation_with_one_character_changed_refuses(place: int, character: str) -> None:
    if GOOD[place] != character:
        refused(GOOD[:place] + character + GOOD[place + 1 :])


@given(st.integers(0, len(GOOD)), st.sampled_from(["=", "==", " ", "\n", ".", "~", "%", GOOD, "A", "é", "\0"]))
def test_a_confirmation_with_anything_put_in_refuses(place: int, more: str) -> None:
    refused(GOOD[:place] + more + GOOD[place:])


@given(
    st.text()
    | st.text("abcXYZ019-_.", max_size=200)
    | st.lists(st.binary(max_size=90)).map(lambda b: ".".join(map(part, b)))
)
def test_whatever_is_no_confirmation_refuses(proof: str) -> None:
    refused(proof)


@given(st.timedeltas(min_value=timedelta(seconds=-59), max_value=timedelta(days=3)))
def test_it_is_good_from_its_making_to_its_end_and_not_a_second_longer(passed: timedelta) -> None:
    now = NOW - timedelta(seconds=60) + passed
    if passed < timedelta(seconds=900):
        READER.proven(GOOD, CLINIC, now)
    else:
        refused(GOOD, now=now)


# ---- the pinned keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"a passphrase of more than twenty characters",
        b"{}",
        jwks(),
        json.dumps([jwk(KEY)]).encode(),
        jwks(jwk(KEY, kty="RSA")),
        jwks(jwk(KEY, crv="P-384")),
        jwks(jwk(KEY, alg="HS256")),
        jwks(jwk(KEY, use="enc")),
        jwks(jwk(KEY, x=jwk(KEY)["y"])),
        jwks(jwk(KEY, d="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I")),
        jwks({name: value for name, value in jwk(KEY).items() if name != "kid"}),
        jwks(jwk(KEY), jwk(STRANGE)),
    ],
)
def test_keys_that_are_not_public_es256_keys_with_ids_of_their_own_are_refused_without_echo(wrong: bytes) -> None:
    with pytest.raises(Misconfigured) as caught:
        Confirmations(wrong, ISSUER, 3600)
    assert str(caught.value).startswith("jwks: ")
    assert "c2VjcmV0" not in str(caught.value)
