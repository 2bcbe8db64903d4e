"""A proof holds or it does not, and nobody hears why; a connector's word goes no further than a header can say."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import LegalBasis, Route, attested, counterparty_allowed
from gateway.edge.attest import prove
from gateway.edge.authenticate import authenticate
from gateway.edge.seal import attestations
from gateway.errors import Deferred, Refused
from gateway.messages import Attestation
from gateway.plugin import Claim, Proven, Shown
from gateway.plugin.checks import municipality_code
from tests.flow.toys import Terminal
from tests.unit.test_authenticate import arrival

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
SECRET = "hidden-3f9a"


def shown(proof="1/consent:2026-04"):
    return Shown("person.find", proof, "sha256:" + "0" * 64, NOW)


class Says:
    """Attests whatever it is told to."""

    def __init__(self, said):
        self.said = said

    def attest(self, _):
        if isinstance(self.said, BaseException):
            raise self.said
        return self.said


def proven_by(connector, proof="1/consent:2026-04"):
    """What comes of it, and what the operator is told of the connector."""
    told = []

    def bug(error, problem, **known):
        told.append((type(error).__name__ if error else None, problem))

    try:
        return prove(shown(proof), connector, bug), told
    except (Refused, Deferred) as error:
        return error, told


def test_what_the_connector_attests_is_proven():
    proven, told = proven_by(Terminal())
    assert [(each.name, each.text) for each in proven.claims] == [("consent", "2026-04")]
    assert (proven.bound, told) == ({"internal_no": "1"}, [])


@pytest.mark.parametrize("proof", ["", " ", "a b", "a\n", "架空", "\udc80", "x" * 8001])
def test_a_proof_of_another_form_is_not_even_shown(proof):
    refusal, told = proven_by(Says(AssertionError("it was shown")), proof)
    assert (refusal.code, told) == ("not_attested", [])


def test_the_longest_proof_is_shown():
    assert proven_by(Says(Proven(())), "x" * 8000)[0] == Proven(())


def test_where_nobody_reads_proofs_none_holds(site):
    assert proven_by(object())[0].code == "not_attested"
    with pytest.raises(Refused, match="not_attested"):
        authenticate(arrival(site, proof="x"), site.office_rules)


def test_who_shows_it_is_told_by_the_certificate_as_it_is_configured(site):
    came = []

    def prove_nothing(shown):
        came.append((shown.certificate, shown.fingerprint))
        return Proven(())

    authenticate(arrival(site, proof="x"), site.office_rules, prove_nothing)
    assert came == [("keys/tls/office.crt", next(iter(site.office_rules.pinned)))]


def test_a_stranger_s_proof_is_not_looked_at(site):
    def prove_nothing(_):
        raise AssertionError

    for changes, code in (
        ({"fingerprint": None}, "unknown_certificate"),
        ({"connector": "register"}, "wrong_connector"),
        ({"tenant": "131016"}, "wrong_tenant"),
        ({"operation": "person.unheard_of"}, "unknown_operation"),
    ):
        with pytest.raises(Refused, match=code):
            authenticate(arrival(site, proof="x", **changes), site.office_rules, prove_nothing)


def test_no_proof_proves_nothing_and_asks_nobody(site):
    def prove_nothing(_):
        raise AssertionError

    assert authenticate(arrival(site), site.office_rules, prove_nothing).proven == Proven(())


@pytest.mark.parametrize("refusal", [("not_attested",), ("no_such_person", "name"), (SECRET, SECRET)])
def test_every_refusal_is_the_same(refusal):
    refused, told = proven_by(Says(Refused(*refusal)))
    assert (refused.code, refused.path, str(refused), told) == ("not_attested", None, str(Refused("not_attested")), [])


@pytest.mark.parametrize(("said", "told"), [("expired", "expired"), (None, "claims"), (SECRET, "claims")])
def test_why_a_proof_does_not_hold_is_a_word_of_ours(said, told):
    refused, _ = proven_by(Says(Refused("not_attested", reason=said)))
    assert refused.reason == told
    assert said is None or said not in str(refused)


@pytest.mark.parametrize("raised", [ValueError(SECRET), SystemExit(SECRET), GeneratorExit(SECRET), KeyError(SECRET)])
def test_whatever_else_it_raises_is_its_fault_and_comes_later(raised):
    deferred, told = proven_by(Says(raised))
    assert isinstance(deferred, Deferred)
    assert (deferred.code, told) == ("connector_bug", [(type(raised).__name__, "attest raised")])


def test_it_may_ask_for_patience_in_our_codes():
    waiting = proven_by(Terminal(), "waiting")[0]
    assert (waiting.code, waiting.retry_after) == ("system_busy", 3.0)
    assert proven_by(Says(Deferred(SECRET, cause=SECRET)))[0].code == "connector_bug"


@pytest.mark.parametrize(
    "said",
    [
        None,
        (),
        Proven((Claim("mother", b"p"),)),  # type: ignore[arg-type]
        Proven((Claim("agent", b"p"), Claim("agent", b"q"))),
        Proven((Claim("agent", "p"),)),  # type: ignore[arg-type]
        Proven((Claim("consent", b"p", text="架空"),)),
        Proven((Claim("consent", b"p", text=""),)),
        Proven((Claim("agent", b"p", until=datetime(2026, 4, 1)),)),  # noqa: DTZ001
        Proven((Claim("agent", b"p", until=datetime(2026, 4, 1, tzinfo=timezone(timedelta(hours=9)))),)),
        Proven("agent"),  # type: ignore[arg-type]
        Proven((), {"internal_no": 7}),  # type: ignore[dict-item]
        Proven((), [("internal_no", "7")]),  # type: ignore[arg-type]
    ],
)
def test_what_no_header_can_say_is_a_fault_of_the_connector(said):
    deferred, told = proven_by(Says(said))
    assert isinstance(deferred, Deferred)
    assert (deferred.code, len(told)) == ("connector_bug", 1)


def test_references_to_one_proof_are_alike_within_a_month_and_a_connector_only(site):
    def reference(day, keys, name="agent"):
        came = arrival(site, proof="x", received_at=datetime(2026, day[0], day[1], tzinfo=UTC))
        sender = authenticate(came, site.office_rules, lambda _: Proven((Claim(name, b"p"),)))
        (attestation,) = attestations(sender, keys)
        return attestation.reference

    april = reference((4, 1), site.office)
    assert reference((4, 30), site.office) == reference((4, 1), site.office, "consent") == april
    assert len({april, reference((5, 1), site.office), reference((4, 1), site.register)}) == 3


# ---- what a route wants ---------------------------------------------------------------------------------------------

LATER, OVER = "2026-04-01T12:00:00.000001Z", "2026-04-01T12:00:00.000000Z"


def route(attest=("identity_confirmed", "consent"), may_attest=("agent",), consent_texts=("2026-04", "2026-10")):
    ends = {"id": "T1", "from": "a", "operation": "o", "to": "b", "as": "o"}
    rest = {"fields": ("x",), "legal_basis": ("L1",), "assessment": "A1", "purpose": "p"}
    claims = {"attest": attest, "may_attest": may_attest, "consent_texts": consent_texts}
    return Route.model_validate(ends | rest | claims)


def claim(name, until=LATER, text=None):
    return Attestation(name, "c" * 64, until, text)


CONFIRMED, CONSENT = claim("identity_confirmed"), claim("consent", text="2026-04")


@pytest.mark.parametrize(
    "enough",
    [
        (CONFIRMED, CONSENT),
        (CONSENT, CONFIRMED),
        (CONFIRMED, claim("consent", None, "2026-10")),
        (CONFIRMED, CONSENT, claim("agent", None)),
    ],
)
def test_all_that_is_demanded_and_nothing_beyond_is_enough(enough):
    assert attested(enough, route(), NOW)


@pytest.mark.parametrize(
    "wanting",
    [
        (),
        (CONFIRMED,),
        (CONSENT,),
        (CONFIRMED, CONSENT, CONSENT),
        (CONFIRMED, CONSENT, claim("card_login")),
        (CONFIRMED, CONSENT, claim("permit")),
        (claim("identity_confirmed", OVER), CONSENT),
        (claim("identity_confirmed", None), CONSENT),
        (CONFIRMED, claim("consent", OVER, "2026-04")),
        (CONFIRMED, CONSENT, claim("agent", OVER)),
        (CONFIRMED, claim("consent")),
        (CONFIRMED, claim("consent", text="2025-04")),
        (claim("identity_confirmed", text="2026-04"), CONSENT),
    ],
)
def test_anything_less_or_other_is_not(wanting):
    assert not attested(wanting, route(), NOW)


def test_where_nothing_is_demanded_nothing_is_taken():
    plain = route((), (), ())
    assert attested((), plain, NOW)
    assert not attested((CONSENT,), plain, NOW)


BODIES = st.one_of(st.none(), st.from_regex(r"[0-9]{6}\Z", fullmatch=True), st.sampled_from(["130001", "131016"]))


@given(party=BODIES, asked=st.sampled_from([None, OVER, LATER]), until=st.sampled_from([None, OVER, LATER]))
def test_a_permit_names_the_other_body_by_a_code_that_there_may_be_and_when_it_was_asked_for(party, asked, until):
    permit = Attestation("permit", "c" * 64, until, party=party, asked=asked)
    holds = party is not None and municipality_code(party) and asked is not None and until == LATER
    assert attested((permit,), route(("permit",), (), ()), NOW) is holds
    asking = msgspec.structs.replace(permit, claim="self_requested")
    own = (party, asked, until) == (None, None, LATER)
    assert attested((asking,), route(("self_requested",), (), ()), NOW) is own, "it has no other body"


LAW = {
    "any": LegalBasis(reference="x", valid_from=NOW.date()),
    "governor": LegalBasis(reference="x", valid_from=NOW.date(), counterparty="governor"),
}
GOVERNOR, MAYOR = (Attestation("permit", "c" * 64, LATER, party=each, asked=OVER) for each in ("130001", "131016"))


@pytest.mark.parametrize(
    ("attestations", "cited", "allowed"),
    [
        ((GOVERNOR,), ("governor",), True),
        ((GOVERNOR, CONSENT), ("any", "governor"), True),
        ((MAYOR,), ("any",), True),
        ((), ("any",), True),
        ((MAYOR,), ("governor",), False),
        ((MAYOR,), ("any", "governor"), False),
        ((), ("governor",), False),
        ((CONSENT,), ("governor",), False),
        ((GOVERNOR, MAYOR), ("governor",), False),
        ((msgspec.structs.replace(GOVERNOR, party=None),), ("governor",), False),
        ((msgspec.structs.replace(GOVERNOR, claim="review"),), ("governor",), False),
    ],
)
def test_rule_6_what_is_for_a_governor_goes_to_nobody_else(attestations, cited, allowed):
    assert counterparty_allowed(attestations, cited, LAW) is allowed


CITING = route().model_copy(
    update={"legal_basis": ("L1", "L2"), "row_field": "name", "legal_rows": {"25": "P25", "26": "P26"}}
)


@pytest.mark.parametrize(
    "cited",
    [("L1", "L2", "P25", "A1"), ("L1", "L2", "P25", "P26", "A1"), ("L1", "P26", "A1"), ("P25", "A1")],
    ids=["all", "two rows", "before a basis was added", "before both bases were added"],
)
def test_what_is_under_way_cites_its_rows_and_the_assessment_last(cited):
    assert CITING.cited_by(cited)


@pytest.mark.parametrize(
    "cited",
    [
        (),
        ("A1",),
        ("L1", "L2", "A1"),
        ("L1", "L2", "P25"),
        ("L1", "L2", "P25", "P25", "A1"),
        ("L1", "L1", "P25", "A1"),
        ("L1", "L2", "P27", "A1"),
        ("L1", "L2", "L9", "P25", "A1"),
        ("L1", "L2", "P25", "A2"),
        ("A1", "L1", "L2", "P25"),
        ("L1", "A1", "P25", "A1"),
    ],
)
def test_what_cites_anything_else_does_not_go_on(cited):
    assert not CITING.cited_by(cited)


@pytest.mark.parametrize("cited", [(), ("A1",), ("L1",), ("L1", "P25", "A1"), ("L1", "A1", "A1")])
def test_without_rows_it_cites_a_legal_basis_and_the_assessment(cited):
    assert route().cited_by(("L1", "A1"))
    assert not route().cited_by(cited)


@given(st.lists(st.builds(claim, st.sampled_from(["agent", "consent", "identity_confirmed", "card_login"]))))
def test_no_number_of_claims_makes_up_for_the_one_that_is_demanded(claims):
    assert not attested(tuple(claims), route(("consent",), (), ("2026-04",)), NOW)
