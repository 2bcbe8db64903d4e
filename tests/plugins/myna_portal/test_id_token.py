"""Every way in which a token can be wrong is the same refusal; what holds is told, and about its subject only."""

import base64
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
from gateway_myna_portal.id_token import IdTokens
from tests.plugins.myna_portal.tokens import (
    AUDIENCE,
    CHILD,
    ISSUER,
    KEY,
    MOMENT,
    NOW,
    PARENT,
    STRANGE,
    claims,
    jwk,
    jwks,
    part,
    signed,
)

TOKENS = IdTokens(jwks(jwk(KEY)), ISSUER, AUDIENCE, 3600)
GOOD = signed(claims())
JTI = claims()["jti"].encode()
NEITHER_TEXT_NOR_NUMBER = (
    st.none()
    | st.booleans()
    | st.recursive(
        st.lists(st.text()) | st.dictionaries(st.sampled_from(["text", "sub"]), st.text()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)


def refused(proof: str, tokens: IdTokens = TOKENS, now: datetime = NOW) -> None:
    with pytest.raises(Refused) as caught:
        tokens.proven(proof, now)
    assert (caught.value.code, caught.value.path) == ("not_attested", None)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def ends(proven: Proven) -> set[int]:
    return {int(each.until.timestamp()) for each in proven.claims if each.until is not None}


# ---- what holds ------------------------------------------------------------------------------------------------------


def test_a_login_with_consent_proves_both_until_the_token_ends_and_binds_every_record_to_its_subject() -> None:
    until = datetime.fromtimestamp(MOMENT + 840, UTC)
    assert TOKENS.proven(GOOD, NOW) == Proven(
        (Claim("card_login", JTI, until), Claim("consent", JTI, until, "2026-04")), {"pmh_pseudonym_id": CHILD}
    )


def test_a_parent_who_acts_is_told_as_agent_and_the_records_are_still_the_childs() -> None:
    proven = TOKENS.proven(signed(claims(act={"sub": PARENT})), NOW)
    assert [each.name for each in proven.claims] == ["card_login", "consent", "agent"]
    assert proven.bound == {"pmh_pseudonym_id": CHILD}


def test_what_one_agent_does_in_sessions_of_a_month_is_told_by_one_reference_the_login_by_one_of_its_own() -> None:
    once, again = (
        TOKENS.proven(signed(claims(act={"sub": PARENT}, jti=jti)), NOW).claims for jti in ("a" * 32, "b" * 32)
    )
    assert once[2].proof == again[2].proof == PARENT.encode()
    assert {once[0].proof, again[0].proof} == {b"a" * 32, b"b" * 32}


def test_without_consent_none_is_proven() -> None:
    assert [each.name for each in TOKENS.proven(signed(claims(consent=None)), NOW).claims] == ["card_login"]


def test_a_session_ends_at_its_longest_however_long_the_token_says_it_lives() -> None:
    assert ends(TOKENS.proven(signed(claims(exp=MOMENT + 10**6)), NOW)) == {MOMENT - 60 + 3600}


def test_what_a_provider_adds_proves_nothing_and_hurts_nobody() -> None:
    added = signed(claims(permit="yes", identity_confirmed=True, name="架空 太郎"))
    assert TOKENS.proven(added, NOW) == TOKENS.proven(GOOD, NOW)


def test_a_former_key_and_a_new_one_are_good_together() -> None:
    both = IdTokens(jwks(jwk(STRANGE, "k0"), jwk(KEY)), ISSUER, AUDIENCE, 3600)
    assert both.proven(GOOD, NOW) == both.proven(signed(claims(), key=STRANGE, kid="k0"), NOW)
    refused(signed(claims(), key=STRANGE, kid="k1"), both)


def test_claims_and_tokens_are_mute() -> None:
    said = repr(TOKENS.proven(signed(claims(act={"sub": PARENT})), NOW))
    assert not any(value in said for value in (CHILD, PARENT, JTI.decode()))


# ---- what does not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *((name, None) for name in ("iss", "aud", "sub", "jti", "acr", "iat", "auth_time", "exp")),
        ("iss", "https://portal.example/"),
        ("iss", [ISSUER]),
        ("aud", "renkei-999989"),
        ("aud", [AUDIENCE]),
        ("aud", [AUDIENCE, "another"]),
        ("acr", "aal2"),
        ("acr", "AAL3"),
        ("acr", ["aal3"]),
        ("sub", ""),
        ("sub", "架空"),
        ("sub", CHILD + "\n"),
        ("sub", "A" * 65),
        ("jti", "short"),
        ("jti", 10**20),
        ("exp", MOMENT),
        ("exp", MOMENT - 1),
        ("exp", str(MOMENT + 840)),
        ("exp", MOMENT + 0.5),
        ("exp", True),
        ("exp", 10**30),
        ("iat", MOMENT + 61),
        ("iat", MOMENT - 61),  # before the login
        ("auth_time", MOMENT - 59),  # after the token
        ("auth_time", MOMENT - 3600),
        ("auth_time", -1),
        ("consent", "2026-04"),
        ("consent", {}),
        ("consent", {"text": ""}),
        ("consent", {"text": "a b"}),
        ("consent", {"text": "2026-04", "more": 1}),
        ("act", {}),
        ("act", PARENT),
        ("act", {"sub": CHILD}),
        ("act", {"sub": PARENT, "act": {"sub": "MPANOTHER"}}),
    ],
)
def test_a_claim_that_is_missing_or_other_refuses(claim: str, value: object) -> None:
    refused(raw(claims(**{claim: value})))


@given(st.sampled_from(sorted(claims().keys() - {"nonce", "consent"})), NEITHER_TEXT_NOR_NUMBER)
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
        None,
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
    refused(raw(claims(), header if header is not None else "null"))


def test_another_key_refuses_even_if_the_token_brings_it_along() -> None:
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


def test_the_claims_of_one_token_with_the_signature_of_another_refuse() -> None:
    head, _, signature = GOOD.split(".")
    other = signed(claims(sub=PARENT)).split(".")[1]
    refused(f"{head}.{other}.{signature}")


@given(st.integers(0, len(GOOD) - 1), st.characters(codec="ascii"))
def test_a_token_with_one_character_changed_refuses(place: int, character: str) -> None:
    if GOOD[place] != character:
        refused(GOOD[:place] + character + GOOD[place + 1 :])


def test_one_signature_has_one_way_to_be_written() -> None:
    """The last of its 86 letters has four bits that no byte needs."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    same_bytes = alphabet[alphabet.index(GOOD[-1]) + 1]
    assert base64.urlsafe_b64decode(GOOD[-86:-1] + same_bytes + "==") == base64.urlsafe_b64decode(GOOD[-86:] + "==")
    refused(GOOD[:-1] + same_bytes)


@given(st.integers(0, len(GOOD)), st.sampled_from(["=", "==", " ", "\n", ".", "~", "%", GOOD, "A", "é", "\0"]))
def test_a_token_with_anything_put_in_refuses(place: int, more: str) -> None:
    refused(GOOD[:place] + more + GOOD[place:])


@given(
    st.text()
    | st.text("abcXYZ019-_.", max_size=200)
    | st.lists(st.binary(max_size=90)).map(lambda b: ".".join(map(part, b)))
)
def test_whatever_is_no_token_refuses(proof: str) -> None:
    refused(proof)


@given(st.timedeltas(min_value=timedelta(seconds=-59), max_value=timedelta(days=3)))
def test_a_token_is_good_from_its_making_to_its_end_and_not_a_second_longer(passed: timedelta) -> None:
    now = NOW - timedelta(seconds=60) + passed
    if passed < timedelta(seconds=900):
        TOKENS.proven(GOOD, now)
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
        IdTokens(wrong, ISSUER, AUDIENCE, 3600)
    assert str(caught.value).startswith("jwks: ")
    assert "c2VjcmV0" not in str(caught.value)
