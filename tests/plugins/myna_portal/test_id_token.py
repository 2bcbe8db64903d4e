"""What an ID token proves is about its subject only; that no wrong token passes stands in `test_tokens`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.plugin import Claim, Proven, Refused
from gateway_myna_portal.id_token import IdTokens
from tests.plugins.signing import KEY, MOMENT, NOW, jwk, jwks, raw, signed

ISSUER, AUDIENCE = "https://portal.example", "renkei-999997"
CHILD, PARENT = "MPCHILDAAAABBBB", "MPPARENTCCCCDDDD"
ID = "0123456789abcdef0123456789abcdef"
TOKENS = IdTokens(jwks(jwk(KEY)), ISSUER, AUDIENCE, 3600)
BOUND = {"pmh_pseudonym_id": CHILD}
UNTIL = datetime.fromtimestamp(MOMENT + 840, UTC)
LOGGED_IN = (Claim("card_login", ID.encode(), UNTIL), Claim("consent", ID.encode(), UNTIL, "2026-04"))


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a resident who logged in a minute ago and consented; what changes to None is left out."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": CHILD,
        "jti": ID,
        "acr": "aal3",
        "iat": MOMENT - 60,
        "auth_time": MOMENT - 60,
        "exp": MOMENT + 840,
        "nonce": "made-up-nonce",
        "consent": {"text": "2026-04"},
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def test_a_login_with_consent_proves_both_until_the_token_ends_and_binds_every_record_to_its_subject() -> None:
    assert TOKENS.proven(signed(claims()), NOW) == Proven(LOGGED_IN, BOUND)


def test_a_parent_who_acts_is_told_as_agent_and_the_records_are_still_the_childs() -> None:
    proven = TOKENS.proven(signed(claims(act={"sub": PARENT})), NOW)
    assert proven == Proven((*LOGGED_IN, Claim("agent", PARENT.encode(), UNTIL)), BOUND)


def test_without_consent_none_is_proven() -> None:
    assert TOKENS.proven(signed(claims(consent=None)), NOW).claims == LOGGED_IN[:1]


def test_a_session_ends_at_its_longest_after_the_login_however_long_the_token_says_it_lives() -> None:
    late = claims(auth_time=MOMENT - 600, exp=MOMENT + 10**6)
    assert {each.until for each in TOKENS.proven(signed(late), NOW).claims} == {
        datetime.fromtimestamp(MOMENT - 600 + 3600, UTC)
    }


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("acr", None),
        ("acr", "aal2"),
        ("acr", "AAL3"),
        ("acr", ["aal3"]),
        ("auth_time", None),
        ("auth_time", MOMENT - 59),  # after the token
        ("auth_time", MOMENT - 3600),
        ("auth_time", -1),
        ("iat", MOMENT - 61),  # before the login
        ("aud", "renkei-999989"),
        ("sub", ""),
        ("sub", "架空"),
        ("sub", CHILD + "\n"),
        ("sub", "A" * 65),
        ("jti", "short"),
        ("exp", MOMENT),
        ("act", {"sub": CHILD}),
    ],
)
def test_a_claim_that_is_missing_or_other_refuses(claim: str, value: object) -> None:
    with pytest.raises(Refused, match="not_attested"):
        TOKENS.proven(raw(claims(**{claim: value})), NOW)
