"""What the document claims against the risks: each claim has code and a test, and none is made that is not in force."""

import string

import pytest

from gateway.assessment import build, judged, safeguards
from gateway.assessment.conditions import CONDITIONS
from gateway.assessment.risks import RISKS
from gateway.config import WitnessAddress
from gateway.config.files import Export, Link
from tests.architecture.test_threats import THERE, examples_in
from tests.architecture.tree import ROOT
from tests.assessment.changing import with_gateway, with_route, with_tenant

WITNESS = WitnessAddress(url="https://witness.example:8450", key="w.vkey", ca="w.crt")
EXPORT = Export(name="copies", form="jsonl", tenants=("999997",), folder="exports")
APART = Link.model_construct()
SHIPPED = ("witness", "blind", "passphrase", "results_all_deleted")
"""What the example municipality does not have in force."""


def kept(subject):
    """Every route for a time."""
    return with_tenant(
        subject, routes=tuple(each.model_copy(update={"keep_seconds": 604800.0}) for each in subject.routes)
    )


def said(subject):
    return {each.name: each for each in judged(subject)}


@pytest.mark.parametrize("name", safeguards())
def test_what_enforces_it_and_what_proves_it_exists(name):
    safeguard = safeguards()[name]
    assert [path for path in safeguard.enforced if not (ROOT / path).exists()] == []
    named = [tuple(each.split("::")) for each in safeguard.proven]
    assert [(path, test) for path, test in named if path not in THERE or test not in examples_in(path)] == []


@pytest.mark.parametrize("name", safeguards())
def test_its_conditions_and_risks_are_known_and_what_lacks_is_said(name):
    safeguard = safeguards()[name]
    assert {each.split()[0] for each in (*safeguard.concerns, *safeguard.when)} <= CONDITIONS.keys()
    assert {*safeguard.risks} <= RISKS.keys()
    assert bool(safeguard.when) == bool(safeguard.otherwise)
    assert {each[:4] for each in safeguard.cites} <= {f"C{number:03}" for number in range(1, 257)}


def test_every_risk_of_the_form_has_something_against_it(shipped):
    assert {risk for each in judged(shipped) for risk in each.safeguard.risks} == RISKS.keys()


def test_each_word_of_the_conditions_is_used():
    used = {each.split()[0] for every in safeguards().values() for each in (*every.concerns, *every.when)}
    assert used == CONDITIONS.keys()


def test_every_figure_of_a_sentence_is_filled_in(shipped):
    whole = with_gateway(kept(shipped), witnesses=(WITNESS,), exports=(EXPORT,), link=APART, passphrase="env:WORD")
    assert said(whole).keys() == safeguards().keys()
    assert [each.says for each in judged(whole) if not each.in_force or "{" in each.says] == []
    quoted = {
        figure
        for each in safeguards().values()
        for _, figure, _, _ in string.Formatter().parse(each.says + each.otherwise)
        if figure
    }
    assert "witnesses" in quoted


LACKING = {
    "no witness": (lambda subject: subject, {*SHIPPED}),
    "a witness": (lambda subject: with_gateway(subject, witnesses=(WITNESS,)), {*SHIPPED} - {"witness"}),
    "hub and edges apart": (lambda subject: with_gateway(subject, link=APART), {*SHIPPED} - {"blind"}),
    "a passphrase from elsewhere": (
        lambda subject: with_gateway(subject, passphrase="systemd:passphrase"),
        {*SHIPPED} - {"passphrase"},
    ),
    "each route of the network is kept for a time": (
        kept,
        {*SHIPPED} - {"results_all_deleted"},
    ),
    "nobody who grants roles": (
        lambda subject: with_tenant(subject, administrators={}),
        {
            *SHIPPED,
            "people",
            "own_grant",
            "grants_recorded",
            "users_review",
            "log_review",
            "own_finding",
            "two_people",
        },
    ),
    "one route of the network that keeps for ever": (
        lambda subject: with_route(kept(subject), "R20", keep_seconds=None),
        {*SHIPPED},
    ),
    "an inquiry that goes under no row": (
        lambda subject: with_route(subject, "R18", legal_rows={}, row_field=None),
        {*SHIPPED, "asked_rows"},
    ),
    "an answer without a permit": (
        lambda subject: with_route(subject, "R19", attest=(), may_attest=()),
        {*SHIPPED, "permit_first"},
    ),
}


@pytest.mark.parametrize("name", LACKING)
def test_what_the_configuration_does_not_bring_about_is_told_and_never_claimed(shipped, name):
    change, lacking = LACKING[name]
    subject = change(shipped)
    found = said(subject)
    assert {each.name for each in found.values() if not each.in_force} == lacking
    text = build(subject, {}).text
    for each in lacking:
        assert found[each].says.startswith("未実施: ")
        claim = max(safeguards()[each].says.replace("{", "}").split("}")[::2], key=len)
        assert claim not in text
        assert safeguards()[each].proven[0] not in text or any(
            other.in_force and safeguards()[each].proven[0] in other.safeguard.proven for other in found.values()
        )


NOTHING_TO_SAY = {
    "no export": (lambda subject: subject, {"exports"}),
    "no key is asked for": (
        lambda subject: with_tenant(subject, routes=tuple(each for each in subject.routes if each.id != "R03")),
        {"key_answer", "number_returned"},
    ),
    "no clinic": (
        lambda subject: with_tenant(subject, routes=tuple(e for e in subject.routes if e.source != "clinic_app")),
        {"confirmed"},
    ),
    "nothing over the network": (
        lambda subject: with_tenant(
            subject,
            routes=tuple(e for e in subject.routes if "intermediate_server" not in (e.source, e.destination)),
        ),
        {"permit_first", "asked_rows", "given_datasets", "inquirer_key", "governor", "two_people", "results_deleted"},
    ),
    "another connector to the network": (
        lambda subject: with_tenant(
            subject,
            connectors={name: each for name, each in subject.connectors.items() if name != "intermediate_server"},
        ),
        {"permit_first", "asked_list", "given_datasets", "inquirer_key", "route_information", "no_number_network"},
    ),
}


@pytest.mark.parametrize("name", NOTHING_TO_SAY)
def test_what_concerns_nothing_is_left_out(shipped, name):
    change, silent = NOTHING_TO_SAY[name]
    assert said(shipped).keys() | {"exports"} >= silent
    assert said(change(shipped)).keys().isdisjoint(silent)


def test_a_sentence_about_what_must_be_attested_names_its_routes_and_no_others(shipped):
    less = with_route(shipped, "R11-visit", attest=("consent",))
    named = {
        name: said(less)[name].says.partition(": ")[2].strip("。").split("、") for name in ("confirmed", "consent")
    }
    assert named["confirmed"] == ["R11-examination", "R11-vaccination"]
    assert {*named["consent"]} == {each.id for each in less.routes if "consent" in each.attest}
    assert "(R03)" in said(shipped)["key_answer"].says


def test_figures_are_those_of_the_configuration(shipped):
    review = shipped.tenant.file.review.model_copy(update={"log_days": 17, "users_days": 91})
    found = said(with_tenant(shipped, review=review))
    assert "17日ごと" in found["log_review"].says
    assert "91日ごと" in found["users_review"].says
    assert found["results_deleted"].says.endswith(": R19(7日)、R19-tax(7日)、R19-end(7日)、R20(7日)。")
    assert found["results_all_deleted"].says.endswith("定めのないものがある: R17、R17-delete、R18。")
    assert "R20" not in said(with_route(shipped, "R20", keep_seconds=None))["results_deleted"].says
    assert "systemd" in said(with_gateway(shipped, passphrase="systemd:passphrase"))["passphrase"].says
    assert "中間サーバー" in found["dialled"].says
    assert "健康管理システム" not in found["dialled"].says
