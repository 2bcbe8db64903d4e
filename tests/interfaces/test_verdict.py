"""Whom a change of a lock breaks: each row of the table of rules, on a toy office that tells a register of people."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway import config as configuration
from gateway.config import Config, Former
from gateway.edge.plugins import difference
from gateway.interfaces.changes import Kind, changes, kinds
from gateway.interfaces.effects import ASIDE, RULES, Side, Weight, Whom
from gateway.interfaces.verdict import Effect, fresh_problems, judge, with_locks
from gateway.plugin.contract import Contract, ContractField, ContractOperation
from gateway.plugin.item import DataClass
from tests.flow.site import write_config
from tests.flow.toys import OFFICE, REGISTER, TENANT

NOW = datetime(2026, 11, 23, tzinfo=UTC)
T1 = f"{TENANT} T1"
Edit = Callable[[ContractOperation], ContractOperation | None]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Config:
    root = tmp_path_factory.mktemp("verdict")
    write_config(root)
    return configuration.read(root)


def edited(contract: Contract, name: str, edit: Edit) -> Contract:
    kept = ((edit(each) if each.name == name else each) for each in contract.operations)
    return contract.model_copy(update={"operations": tuple(each for each in kept if each is not None)})


def over(**update: Any) -> Edit:
    """Something of the operation itself."""
    return lambda operation: operation.model_copy(update=update)


def at(path: str, **update: Any) -> Edit:
    """Something of one field; without an update the field is gone."""

    def edit(operation: ContractOperation) -> ContractOperation:
        fields = [each.model_copy(update=update) if each.path == path else each for each in operation.fields]
        kept = tuple(each for each in fields if update or each.path != path)
        return operation.model_copy(update={"fields": kept})

    return edit


def plus(field: ContractField) -> Edit:
    return lambda operation: operation.model_copy(update={"fields": (*operation.fields, field)})


def new(*, required: bool) -> ContractField:
    return ContractField(path="note", kind="text", required=required, data_class=DataClass.BASIC, label="備考")


BREAKS, HEED = Weight.BREAKS, Weight.HEED
FIT = {(BREAKS, Whom.SENDER, T1), (BREAKS, Whom.IN_FLIGHT, T1)}
NOBODY: set[tuple[Weight, Whom, str]] = set()
ROWS: list[tuple[Kind, Side, Edit, set[tuple[Weight, Whom, str]]]] = [
    (Kind.OPERATION_REMOVED, "given", lambda _: None, {(BREAKS, Whom.SENDER, T1), (BREAKS, Whom.ROUTE, T1)}),
    (Kind.OPERATION_REMOVED, "taken", lambda _: None, {(BREAKS, Whom.IN_FLIGHT, T1), (BREAKS, Whom.ROUTE, T1)}),
    (Kind.OTHER_EXCHANGE, "given", over(kind="request"), {(BREAKS, Whom.ROUTE, T1)}),
    (Kind.OTHER_EXCHANGE, "taken", over(kind="request"), {(BREAKS, Whom.ROUTE, T1)}),
    (Kind.OTHER_PERSON_KEY, "given", over(person_key="name"), {(HEED, Whom.IN_FLIGHT, T1)}),
    (Kind.OTHER_PERSON_KEY, "taken", over(person_key="name"), {(HEED, Whom.IN_FLIGHT, T1)}),
    (Kind.OTHER_ORDER, "given", over(ahead=True), {(HEED, Whom.IN_FLIGHT, T1)}),
    (Kind.OTHER_ORDER, "taken", over(version=()), {(HEED, Whom.IN_FLIGHT, T1)}),
    (Kind.ATTESTS_ADDED, "given", over(attests=("consent",)), {(BREAKS, Whom.SENDER, T1)}),
    (Kind.ATTESTS_ADDED, "taken", over(attests=("consent",)), {(BREAKS, Whom.SENDER, T1)}),
    (Kind.FEWER_RECORDS, "given", over(most_records=5), {(BREAKS, Whom.SENDER, T1)}),
    (Kind.FEWER_RECORDS, "taken", over(most_records=5), FIT),
    (Kind.REQUIRED_FIELD_ADDED, "given", plus(new(required=True)), {(BREAKS, Whom.SENDER, T1)}),
    (
        Kind.REQUIRED_FIELD_ADDED,
        "taken",
        plus(new(required=True)),
        {(BREAKS, Whom.ROUTE, T1), (BREAKS, Whom.IN_FLIGHT, T1)},
    ),
    (Kind.FIELD_REMOVED, "given", at("name"), {(BREAKS, Whom.SENDER, T1), (BREAKS, Whom.ROUTE, T1)}),
    (Kind.FIELD_REMOVED, "given", at("individual_number"), {(BREAKS, Whom.SENDER, T1)}),
    (Kind.FIELD_REMOVED, "taken", at("name"), {(BREAKS, Whom.ROUTE, T1), (BREAKS, Whom.IN_FLIGHT, T1)}),
    (Kind.BECAME_REQUIRED, "given", at("sex", required=True), {(BREAKS, Whom.SENDER, T1)}),
    (Kind.BECAME_REQUIRED, "taken", at("home", required=True), FIT),
    (Kind.BECAME_OPTIONAL, "given", at("name", required=False), {(HEED, Whom.RECEIVER, T1)}),
    (Kind.BECAME_OPTIONAL, "taken", at("name", required=False), NOBODY),
    (Kind.OTHER_TYPE, "given", at("name", kind="flag"), {(BREAKS, Whom.SENDER, T1), (HEED, Whom.RECEIVER, T1)}),
    (Kind.OTHER_TYPE, "taken", at("name", kind="flag"), FIT),
    (Kind.OTHER_FORM, "taken", at("name", kind="code"), FIT),
    (Kind.NARROWED, "given", at("name", values=("架空",)), {(BREAKS, Whom.SENDER, T1)}),
    (Kind.NARROWED, "given", at("name", max_length=9), {(BREAKS, Whom.SENDER, T1)}),
    (Kind.NARROWED, "taken", at("name", max_length=9), FIT),
    (Kind.WIDENED, "given", at("name", max_length=999), {(HEED, Whom.RECEIVER, T1)}),
    (Kind.WIDENED, "given", at("individual_number", check=None), NOBODY),
    (Kind.WIDENED, "taken", at("name", max_length=999), NOBODY),
    (
        Kind.OTHER_FORM,
        "given",
        at("name", max_length=999, pattern="a+"),
        {(BREAKS, Whom.SENDER, T1), (HEED, Whom.RECEIVER, T1)},
    ),
    (Kind.OTHER_FORM, "taken", at("name", max_length=999, pattern="a+"), FIT),
    (Kind.OTHER_DATA_CLASS, "given", at("name", data_class=DataClass.HEALTH), {(HEED, Whom.ROUTE, T1)}),
    (Kind.OTHER_DATA_CLASS, "taken", at("name", data_class=DataClass.HEALTH), {(HEED, Whom.ROUTE, T1)}),
    (Kind.FIELD_ADDED, "given", plus(new(required=False)), NOBODY),
    (Kind.FIELD_ADDED, "taken", plus(new(required=False)), NOBODY),
    (Kind.RENAMED, "given", at("name", label="名"), NOBODY),
]
BACK: list[tuple[Kind, Side, Edit, set[tuple[Weight, Whom, str]]]] = [
    (Kind.OPERATION_ADDED, "given", lambda _: None, NOBODY),
    (Kind.OPERATION_ADDED, "taken", lambda _: None, NOBODY),
    (Kind.ATTESTS_REMOVED, "given", over(attests=("consent",)), {(HEED, Whom.ROUTE, T1)}),
    (Kind.ATTESTS_REMOVED, "taken", over(attests=("consent",)), {(HEED, Whom.ROUTE, T1)}),
    (Kind.MORE_RECORDS, "given", over(most_records=5), NOBODY),
]
"""The same the other way round: the edited lock is the former one."""


def named(effects: Iterable[Effect]) -> set[tuple[Weight, Whom, str]]:
    """Without what is compatible, and without the digest, which every change makes another."""
    found = [each for each in effects if each.weight is not Weight.COMPATIBLE and each.place != "digest"]
    return {(each.weight, each.whom, route) for each in found if each.whom for route in each.routes or ("",)}


def _of(site: Config, side: Side, edit: Edit) -> tuple[Contract, Contract]:
    contract = site.contracts[OFFICE if side == "given" else REGISTER]
    return contract, edited(contract, "person.put", edit)


@pytest.mark.parametrize(
    ("kind", "side", "edit", "expected"), ROWS, ids=[f"{number}-{row[0]}-{row[1]}" for number, row in enumerate(ROWS)]
)
def test_each_rule_concerns_whom_it_says(site, kind, side, edit, expected):
    before, after = _of(site, side, edit)
    verdict = judge(before, after, with_locks(site, [after]), NOW)
    assert kind in [each.kind for each in verdict.changes]
    assert named(verdict.effects) == expected
    assert verdict.breaks == any(weight is BREAKS for weight, *_ in expected)


@pytest.mark.parametrize(("kind", "side", "edit", "expected"), BACK, ids=lambda each: str(each)[:24])
def test_each_rule_of_the_reverse(site, kind, side, edit, expected):
    after, before = _of(site, side, edit)
    verdict = judge(before, after, with_locks(site, [after]), NOW)
    assert kind in [each.kind for each in verdict.changes]
    assert named(verdict.effects) == expected


@pytest.mark.parametrize("row", [*ROWS, *BACK], ids=lambda each: str(each[0]))
def test_what_the_start_would_refuse_is_at_the_places_of_which_the_verdict_speaks(site, row):
    _, side, edit, _ = row
    before, after = _of(site, side, edit)
    lines = {line[2:].partition(": ")[0] for line in difference(before, after)}
    places = {each.place for each in changes(before, after)}
    assert places <= lines
    assert all(any(line.startswith(place) for place in places) for line in lines), "of a new operation its fields, too"


def test_every_rule_has_its_row():
    rows = {(kind, side) for kind, side, *_ in (*ROWS, *BACK)}
    assert rows >= RULES.keys()
    assert {kind for kind, _ in rows} | {
        *ASIDE,
        Kind.NEVER_ADDED,
        Kind.CODE_ADDED,
        Kind.CODE_REWORDED,
        Kind.OTHER_VERSION,
    } == {*Kind}


@pytest.mark.parametrize(
    ("update", "kind", "weight"),
    [
        ({"codes": {}}, Kind.CODE_REMOVED, HEED),
        ({"codes": {"register_full": "x"}}, Kind.CODE_REWORDED, Weight.COMPATIBLE),
        ({"codes": {"register_full": "The register takes nobody any more.", "b": "x"}}, Kind.CODE_ADDED, None),
        ({"never": (DataClass.HEALTH,)}, Kind.NEVER_ADDED, Weight.COMPATIBLE),
        ({"version": "2"}, Kind.OTHER_VERSION, Weight.COMPATIBLE),
        ({"label": "台帳"}, Kind.RENAMED, Weight.COMPATIBLE),
    ],
)
def test_what_changes_in_no_one_operation(site, update, kind, weight):
    before = site.contracts[REGISTER]
    after = before.model_copy(update=update)
    verdict = judge(before, after, with_locks(site, [after]), NOW)
    assert [each.kind for each in verdict.changes] == [kind]
    first = next(each for each in verdict.effects if each.place != "digest")
    assert first.weight == (weight or Weight.COMPATIBLE)
    assert not verdict.breaks


def test_a_promise_that_is_taken_back_is_to_be_heeded(site):
    after = site.contracts[REGISTER]
    before = after.model_copy(update={"never": (DataClass.HEALTH,)})
    (told,) = [each for each in judge(before, after, site, NOW).effects if each.place.startswith("never")]
    assert told.weight is HEED


def test_sentences_name_field_route_and_tenant(site):
    before, after = _of(site, "given", at("name"))
    sentences = [each.sentence() for each in judge(before, after, with_locks(site, [after]), NOW).effects]
    assert f"breaks route ({T1}): sends person.put name: lists name, which is gone" in sentences
    before, after = _of(site, "given", at("sex", required=True))
    sentences = [each.sentence() for each in judge(before, after, with_locks(site, [after]), NOW).effects]
    assert (
        f"breaks sender ({T1}): sends person.put sex: a sender that leaves out sex is refused from now on" in sentences
    )


def test_replies_are_given_by_who_is_asked_and_taken_by_who_asks(site):
    for connector, whom, answers in (
        (REGISTER, {Whom.SENDER}, "this plugin"),
        (OFFICE, {Whom.SENDER, Whom.IN_FLIGHT}, "the other end"),
    ):
        before = site.contracts[connector]
        operation = next(each for each in before.operations if each.name == "person.find")
        narrower = tuple(
            each.model_copy(update={"maximum": 9}) if each.path == "update_seq" else each for each in operation.reply
        )
        after = edited(before, "person.find", over(reply=narrower))
        found = judge(before, after, with_locks(site, [after]), NOW).effects
        assert named(found) == {(BREAKS, each, f"{TENANT} T2") for each in whom}
        (told,) = [each.told for each in found if each.whom is Whom.SENDER]
        assert told.startswith(f"an answer of {answers} whose update_seq does not fit any more is refused")


def test_what_no_route_here_carries_concerns_nobody_and_without_a_configuration_everybody(site):
    before = site.contracts[OFFICE]
    after = edited(before, "person.unrouted", lambda _: None)
    assert not judge(before, after, with_locks(site, [after]), NOW).breaks
    assert judge(before, after, None, NOW).breaks


def test_what_is_under_way_passes_while_the_former_digest_is_valid(site):
    before, after = _of(site, "given", at("name", label="名"))
    coming = with_locks(site, [after])
    (told,) = [each for each in judge(before, after, coming, NOW).effects if each.place == "digest"]
    assert (told.weight, "--former-until" in told.told) == (HEED, True)
    former = (Former(connector=OFFICE, digest=before.digest(), until=date(2026, 12, 31)),)
    (told,) = [
        each for each in judge(before, after, replace(coming, former=former), NOW).effects if each.place == "digest"
    ]
    assert told.weight is Weight.COMPATIBLE


def test_what_the_check_would_newly_say_is_told_with_file_and_key(site):
    _, after = _of(site, "given", at("name"))
    (told,) = fresh_problems(site, with_locks(site, [after]))
    assert told.startswith(f"config/tenants/{TENANT}.toml: routes.T1.fields: name")
    assert fresh_problems(site, site) == ()


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_required_within_a_part_concerns_routes_that_carry_of_the_part(site, kept):
    """As the check has it: of a part of which nothing travels, nothing is lacking at the taking end."""
    tenant = site.tenants[TENANT]
    fields = {
        route.id: tuple(each for each in route.fields if kept or "home" not in each) for route in tenant.file.routes
    }
    routes = tuple(each.model_copy(update={"fields": fields[each.id]}) for each in tenant.file.routes)
    other = replace(tenant, file=tenant.file.model_copy(update={"routes": routes}))
    within = ContractField(path="home.note", kind="text", required=True, data_class=DataClass.BASIC, label="備考")
    before, after = _of(site, "taken", plus(within))
    coming = replace(with_locks(site, [after]), tenants={**site.tenants, TENANT: other})
    verdict = judge(before, after, coming, NOW)
    assert named(verdict.effects) == ({(BREAKS, Whom.ROUTE, T1), (BREAKS, Whom.IN_FLIGHT, T1)} if kept else NOBODY)
    assert verdict.breaks == bool(fresh_problems(replace(coming, contracts=site.contracts), coming)) == kept


def test_a_lock_that_is_the_same_has_no_effect(site):
    verdict = judge(site.contracts[OFFICE], site.contracts[OFFICE], site, NOW)
    assert (verdict.changes, verdict.effects, verdict.breaks) == ((), (), False)


@pytest.mark.parametrize(
    ("update", "kind"),
    [
        ({"max_length": None}, Kind.WIDENED),
        ({"max_length": 1}, Kind.NARROWED),
        ({"values": ("1",)}, Kind.NARROWED),
        ({"values": ("1", "2", "3")}, Kind.WIDENED),
        ({"values": ("1", "3")}, Kind.OTHER_FORM),
        ({"values": None}, Kind.WIDENED),
        ({"pattern": "x"}, Kind.NARROWED),
        ({"check": "gtin"}, Kind.NARROWED),
        ({"values": None, "pattern": "x"}, Kind.OTHER_FORM),
    ],
)
def test_narrower_wider_and_neither(site, update, kind):
    field = ContractField(
        path="a", kind="code", required=True, data_class=DataClass.BASIC, max_length=9, values=("1", "2")
    )
    before = site.contracts[OFFICE].operations[0].model_copy(update={"fields": (field,)})
    after = before.model_copy(update={"fields": (field.model_copy(update=update),)})
    one, other = (site.contracts[OFFICE].model_copy(update={"operations": (each,)}) for each in (before, after))
    assert [each.kind for each in changes(one, other)] == [kind]


def test_what_a_new_part_requires_asks_nothing_of_who_leaves_the_part_out(site):
    part = ContractField(path="more", kind="object", required=False)
    inner = ContractField(path="more.note", kind="text", required=True, data_class=DataClass.BASIC)
    before, after = _of(site, "given", lambda each: each.model_copy(update={"fields": (*each.fields, part, inner)}))
    assert {each.kind for each in changes(before, after)} == {Kind.FIELD_ADDED}


LISTED = ContractField(path="ward", kind="code", required=True, data_class=DataClass.BASIC, values=("01", "02"))
FORMS = [
    (Kind.WIDENED, {"values": None, "kind": "text"}),
    (Kind.WIDENED, {"values": None, "kind": "text", "max_length": 20}),
    (Kind.OTHER_FORM, {"values": None, "kind": "text", "max_length": 1}),
    (Kind.WIDENED, {"values": None, "pattern": "[0-9]{2}"}),
    (Kind.OTHER_FORM, {"values": None, "pattern": "[a-z]"}),
    (Kind.WIDENED, {"values": ("01", "02", "03")}),
    (Kind.OTHER_FORM, {"values": ("01", "03")}),
    (Kind.OTHER_TYPE, {"values": None, "kind": "integer"}),
]


@pytest.mark.parametrize(("kind", "update"), FORMS, ids=[str(each) for each in range(len(FORMS))])
def test_a_code_list_and_what_takes_its_place_are_compared_by_what_they_admit(kind, update):
    """One change, of one kind; and the way back is its reverse."""
    back = {Kind.WIDENED: Kind.NARROWED}.get(kind, kind)
    assert [*kinds(LISTED, LISTED.model_copy(update=update), {""})] == [kind]
    assert [*kinds(LISTED.model_copy(update=update), LISTED, {""})] == [back]
