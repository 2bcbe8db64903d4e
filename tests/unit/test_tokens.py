"""Every way in which a token can be wrong is the same refusal; what holds is told, and nothing of it is ever said."""

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

from gateway.plugin import Claim, Misconfigured, Refused
from gateway.plugin.tokens import Claims, Issuer
from tests.plugins.signing import KEY, MOMENT, NOW, STRANGE, jwk, jwks, part, raw, signed, written

ISSUER, AUDIENCE = "https://issuer.example", "renkei-999997"
PERSON, OTHER = "MADEUPCHILDAAAA", "MADEUPPARENTBBBB"
ID = "0123456789abcdef0123456789abcdef"
READER = Issuer(ISSUER, jwks(jwk(KEY)))
NEITHER_TEXT_NOR_NUMBER = (
    st.none()
    | st.booleans()
    | st.recursive(
        st.lists(st.text()) | st.dictionaries(st.sampled_from(["text", "sub"]), st.text()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a token made a minute ago; what changes to None is left out."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": PERSON,
        "jti": ID,
        "iat": MOMENT - 60,
        "exp": MOMENT + 840,
        "consent": {"text": "2026-04"},
        "act": {"sub": OTHER},
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


GOOD = signed(claims())


def read(token: str, issuer: Issuer = READER, now: datetime = NOW) -> tuple[Claims, datetime]:
    told = issuer.read(token, AUDIENCE, Claims)
    return told, told.until(told.iat, 3600, now)


def refused(token: str, issuer: Issuer = READER, now: datetime = NOW) -> None:
    with pytest.raises(Refused) as caught:
        read(token, issuer, now)
    assert (caught.value.code, caught.value.path) == ("not_attested", None)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


# ---- what holds ------------------------------------------------------------------------------------------------------


def test_who_it_is_about_the_consent_and_the_agent_are_told_until_the_token_ends() -> None:
    told, until = read(GOOD)
    assert (told.sub, told.jti, until) == (PERSON, ID, datetime.fromtimestamp(MOMENT + 840, UTC))
    assert told.agreed(until) == (
        Claim("consent", ID.encode(), until, "2026-04"),
        Claim("agent", OTHER.encode(), until),
    )


def test_what_one_agent_does_in_a_month_is_told_by_one_reference_and_each_consent_by_one_of_its_own() -> None:
    once, again = (read(signed(claims(jti=jti)))[0].agreed(NOW) for jti in ("a" * 32, "b" * 32))
    assert once[1].proof == again[1].proof == OTHER.encode()
    assert {once[0].proof, again[0].proof} == {b"a" * 32, b"b" * 32}


def test_without_consent_and_without_an_agent_neither_is_told() -> None:
    assert read(signed(claims(consent=None, act=None)))[0].agreed(NOW) == ()


def test_it_ends_at_the_longest_however_long_it_says_it_lives() -> None:
    assert read(signed(claims(exp=MOMENT + 10**6)))[1] == datetime.fromtimestamp(MOMENT - 60 + 3600, UTC)


def test_what_an_issuer_adds_proves_nothing_and_hurts_nobody() -> None:
    assert read(signed(claims(permit="yes", identity_confirmed=True, name="架空 太郎"))) == read(GOOD)


def test_a_former_key_and_a_new_one_are_good_together() -> None:
    both = Issuer(ISSUER, jwks(jwk(STRANGE, "k0"), jwk(KEY)))
    assert read(GOOD, both) == read(signed(claims(), key=STRANGE, kid="k0"), both)
    refused(signed(claims(), key=STRANGE, kid="k1"), both)


def test_what_was_read_is_mute() -> None:
    told, until = read(GOOD)
    said = f"{told} {told!r} {told.act!r} {told.consent!r} {told.agreed(until)!r}"
    assert not any(value in said for value in (PERSON, OTHER, ID))


# ---- what does not ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *((name, None) for name in ("iss", "aud", "sub", "jti", "iat", "exp")),
        ("iss", f"{ISSUER}/"),
        ("iss", [ISSUER]),
        ("aud", "renkei-999989"),
        ("aud", [AUDIENCE]),
        ("aud", [AUDIENCE, "another"]),
        ("aud", 999997),
        ("jti", 10**20),
        ("exp", MOMENT),
        ("exp", MOMENT - 1),
        ("exp", str(MOMENT + 840)),
        ("exp", MOMENT + 0.5),
        ("exp", True),
        ("exp", 10**30),
        ("iat", MOMENT + 61),
        ("nbf", MOMENT + 61),
        ("nbf", MOMENT - 0.5),
        ("nbf", str(MOMENT)),
        ("iat", MOMENT - 3600),
        ("iat", -1),
        ("consent", "2026-04"),
        ("consent", True),
        ("consent", {}),
        ("consent", {"text": ""}),
        ("consent", {"text": "a b"}),
        ("consent", {"text": "2026-04", "more": 1}),
        ("act", {}),
        ("act", OTHER),
        ("act", {"sub": ""}),
        ("act", {"sub": "架空"}),
        ("act", {"sub": PERSON}),
        ("act", {"sub": OTHER, "act": {"sub": "MADEUPANOTHER"}}),
    ],
)
def test_a_claim_that_is_missing_or_other_refuses(claim: str, value: object) -> None:
    refused(raw(claims(**{claim: value})))


@given(st.sampled_from(sorted(claims().keys() - {"consent", "act"})), NEITHER_TEXT_NOR_NUMBER)
def test_a_claim_of_another_json_type_refuses(claim: str, value: object) -> None:
    refused(raw({**claims(), claim: value}))


def test_what_it_stands_for_began_before_it_was_made() -> None:
    told, _ = read(GOOD)
    with pytest.raises(Refused, match="not_attested"):
        told.until(told.iat + 1, 3600, NOW)


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


def test_a_member_that_is_there_twice_refuses_wherever_it_is() -> None:
    """RFC 7515 §4, RFC 7519 §4: whoever reads the other of the two reads another token."""
    head, body = '{"alg":"ES256","kid":"k1","typ":"JWT"}', json.dumps(claims())
    assert read(written(body, head)) == read(GOOD)
    refused(written(body[:-1] + f', "sub": "{PERSON}"}}', head))
    refused(written(body.replace('{"sub":', f'{{"sub": "{PERSON}", "sub":'), head))
    refused(written(body[:-1] + ', "more": {"a": 1, "a": 2}}', head))
    refused(written(body, head.replace("{", '{"kid":"k9",')))


@pytest.mark.parametrize("open_brackets", ["[", '{"a":'])
def test_a_header_of_brackets_alone_refuses(open_brackets: str) -> None:
    """Deeper than Python's own parser goes; as long as a proof may be."""
    deep = base64.urlsafe_b64encode((open_brackets * (6000 // len(open_brackets))).encode()).rstrip(b"=").decode()
    refused(".".join((deep, *GOOD.split(".")[1:])))


def test_another_key_refuses_even_if_the_token_brings_it_along() -> None:
    refused(signed(claims(), key=STRANGE))
    refused(signed(claims(), key=STRANGE, jwk=jwk(STRANGE)))
    refused(signed(claims(), key=STRANGE, kid="k9"))
    refused(signed(claims(), key=ec.generate_private_key(ec.SECP384R1()), alg="ES384"))


def test_no_signature_refuses() -> None:
    head, body, signature = GOOD.split(".")
    none = part(json.dumps({"alg": "none", "kid": "k1"}).encode())
    for token in (f"{none}.{body}.", f"{none}.{body}.{signature}", f"{head}.{body}.", f"{head}.{body}.{'A' * 86}"):
        refused(token)


@pytest.mark.parametrize("form", [Encoding.PEM, Encoding.DER])
def test_the_public_key_as_a_shared_secret_refuses(form: Encoding) -> None:
    """RFC 8725 §2.1: the classic confusion of algorithms."""
    secret = KEY.public_key().public_bytes(form, PublicFormat.SubjectPublicKeyInfo)
    head = part(json.dumps({"alg": "HS256", "kid": "k1"}).encode())
    text = f"{head}.{part(json.dumps(claims()).encode())}"
    refused(f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}")


def test_the_claims_of_one_token_with_the_signature_of_another_refuse() -> None:
    head, _, signature = GOOD.split(".")
    other = signed(claims(sub="MADEUPOTHERCCCC")).split(".")[1]
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
def test_whatever_is_no_token_refuses(token: str) -> None:
    refused(token)


@given(st.timedeltas(min_value=timedelta(seconds=-59), max_value=timedelta(days=3)))
def test_a_token_is_good_from_its_making_to_its_end_and_not_a_second_longer(passed: timedelta) -> None:
    now = NOW - timedelta(seconds=60) + passed
    if passed < timedelta(seconds=900):
        read(GOOD, now=now)
    else:
        refused(GOOD, now=now)


# ---- why, for the operator ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("no token", "form"),
        (signed(claims(), kid="k9"), "unknown_key"),
        (signed(claims(), key=STRANGE), "signature"),
        (signed(claims(jti=None)), "claims"),
        (signed(claims(act={"sub": PERSON})), "claims"),
        (signed(claims(), typ="at+jwt"), "claims"),
        (signed(claims(iss="https://other.example")), "issuer"),
        (signed(claims(aud="another clinic")), "audience"),
        (signed(claims(iat=MOMENT + 600)), "too_early"),
        (signed(claims(exp=MOMENT)), "expired"),
    ],
)
def test_why_a_token_does_not_hold_is_one_closed_word(token: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        read(token)
    assert caught.value.reason == reason
    assert str(caught.value) == str(Refused("not_attested"))


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
        Issuer(ISSUER, wrong)
    assert str(caught.value).startswith("jwks: ")
    assert "c2VjcmV0" not in str(caught.value)
