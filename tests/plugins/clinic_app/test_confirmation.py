"""What a confirmation proves is for one clinic and one person; that no wrong token passes stands in `test_tokens`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.plugin import Claim, Proven, Refused
from gateway_clinic_app.confirmation import Confirmations
from tests.plugins.signing import KEY, MOMENT, NOW, jwk, jwks, raw, signed

ISSUER = "https://eligibility.example"
CLINIC, OTHER_CLINIC = "1319999999", "1319999981"
PERSON, PARENT = "MADEUPSUBJECT1", "MADEUPPARENT1"
ID = "ICMADEUPCONFIRMATIONAAAAAAAAAAAAAA"
READER = Confirmations(jwks(jwk(KEY)), ISSUER, 3600)
BOUND = {"identity_confirmation": ID, "vaccination_subject_no": PERSON, "clinic_code": CLINIC}
UNTIL = datetime.fromtimestamp(MOMENT + 840, UTC)
CONFIRMED = (Claim("identity_confirmed", ID.encode(), UNTIL), Claim("consent", ID.encode(), UNTIL, "2026-04"))


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


GOOD = signed(claims())


def refused(proof: str, clinic: str = CLINIC) -> None:
    with pytest.raises(Refused, match="not_attested"):
        READER.proven(proof, clinic, NOW)


def test_rule_4_a_confirmation_with_consent_proves_both_until_its_end_for_that_person_at_that_clinic_only() -> None:
    assert READER.proven(GOOD, CLINIC, NOW) == Proven(CONFIRMED, BOUND)


def test_a_parent_who_consents_is_told_as_agent_and_the_visit_is_still_the_childs() -> None:
    """C209: whose consent it was stands in the log; the child's own it was not."""
    proven = READER.proven(signed(claims(act={"sub": PARENT})), CLINIC, NOW)
    assert proven == Proven((*CONFIRMED, Claim("agent", PARENT.encode(), UNTIL)), BOUND)


def test_without_consent_none_is_proven() -> None:
    assert READER.proven(signed(claims(consent=None)), CLINIC, NOW).claims == CONFIRMED[:1]


def test_a_visit_ends_at_its_longest_however_long_the_confirmation_says_it_lives() -> None:
    proven = READER.proven(signed(claims(exp=MOMENT + 10**6)), CLINIC, NOW)
    assert {each.until for each in proven.claims} == {datetime.fromtimestamp(MOMENT - 60 + 3600, UTC)}


def test_rule_4_no_clinic_uses_the_confirmation_of_another() -> None:
    refused(GOOD, OTHER_CLINIC)
    refused(signed(claims(aud=OTHER_CLINIC)))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
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
        ("exp", MOMENT),
        ("iat", MOMENT - 3600),
        ("act", {"sub": PERSON}),
    ],
)
def test_a_claim_of_another_form_refuses(claim: str, value: object) -> None:
    refused(raw(claims(**{claim: value})))
