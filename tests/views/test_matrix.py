"""Locks, routes and clearances of the example give each receiver what the matrix marks for it, and nothing else."""

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from gateway.config import load
from gateway.config.contradictions import contradictions
from gateway.plugin import fields
from gateway.plugin.contract import ContractField
from gateway.plugin.item import DataClass, Item
from tests.views.matrix import BEYOND, RECEIVERS, SECTIONS, beyond, given, matrix, name_of, reasons, sources, taker

ROOT = Path(__file__).parents[2]
CONFIG = load(ROOT)
TENANT = CONFIG.tenants["999997"]
MATRIX = {row.field: row for row in matrix()}
CELLS = {(name, receiver): cell for name, row in MATRIX.items() for receiver, cell in row.cells.items()}
CONFINED = ("integrated_addressee_no", "person_code_for_provision", "provision_code", "process_serial_no")
NUMBERLESS = ("myna_portal", "clinic_app", "history_lookup", "vaccination_db")


def locked(connector: str) -> list[ContractField]:
    """Every leaf of a lock, in either direction."""
    operations = CONFIG.contracts[connector].operations
    return [each for one in operations for each in (*one.fields, *one.reply) if each.data_class is not None]


def taken(connector: str) -> set[str]:
    """The fields that a lock takes in: what it receives, and the answers to what it sends."""
    operations = CONFIG.contracts[connector].operations
    taking = (each for one in operations for each in (one.fields if one.direction == "receives" else one.reply))
    return {name_of(each.path) for each in taking if each.data_class is not None}


# ---- the data itself -------------------------------------------------------------------------------------------------


def test_each_field_stands_once_and_each_cell_has_a_mark_of_the_requirements():
    assert len(MATRIX) == len(matrix())
    assert {cell.mark for cell in CELLS.values()} == {"+", "(+)", "×", "(×)"}
    assert list(TENANT.file.connectors) == list(RECEIVERS)
    assert {section for row in MATRIX.values() for section in row.section.split()} == set(SECTIONS)


def test_only_what_is_allowed_needs_a_reason_and_each_reason_is_explained():
    assert [key for key, cell in CELLS.items() if cell.reason and not cell.allowed] == []
    assert {cell.reason for cell in CELLS.values()} - {""} == set(reasons())


def test_whatever_a_row_cites_is_explained():
    """A reader has no more than the page: each number is of a kind that it explains, or is explained by itself."""
    single = (r"C\d{3}", r"rule \d", r"surprise \d+", r"interfaces §[\d.]+", r"requirements §[\d.]+ no\. \d+")
    explained = " ".join((*sources(), sources()["§5"]))
    for row in MATRIX.values():
        left = f"{row.source} {row.note}"
        for pattern in single:
            for cited in re.findall(rf"\b{pattern}", left):
                assert cited in sources(), row.field
                left = left.replace(cited, "")
        for number in re.findall(r"§[\d.]+|[IFR]\d\d", " ".join((left, *(f"§{each}" for each in row.section.split())))):
            kind = number if number.startswith("§") else f"{number[0]}01"
            assert kind in explained, row.field


def test_every_field_of_every_lock_is_in_the_matrix_under_its_own_label():
    """A field that nobody has assessed has no row, and no place in a lock."""
    fields = [each for connector in RECEIVERS for each in locked(connector)]
    assert {name_of(each.path) for each in fields} - MATRIX.keys() == set()
    assert {name_of(each.path): each.label for each in fields if MATRIX[name_of(each.path)].label != each.label} == {}


def test_the_requirements_sections_are_whole():
    """Each section has as many fields as the documents list (requirements §3.1–3.4, §3.6)."""
    counts = {s: sum(s in row.section.split() for row in MATRIX.values()) for s in ("3.1", "3.2", "3.3", "3.4", "3.6")}
    assert counts == {"3.1": 23, "3.2": 8, "3.3": 14, "3.4": 27, "3.6": 13}
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in MATRIX)


# ---- what is given ---------------------------------------------------------------------------------------------------


def test_routes_give_exactly_what_the_matrix_marks_as_used():
    assert set(given(TENANT)) == {key for key, cell in CELLS.items() if cell.used}


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_a_lock_takes_in_nothing_that_no_route_gives(receiver):
    """So that a route which is widened by mistake still gives nothing: the lock must be changed, and reviewed, too."""
    assert taken(receiver) == {name for name, row in MATRIX.items() if row.cells[receiver].used}


def test_what_goes_beyond_the_intermediate_server_is_what_the_matrix_marks_for_who_stands_there():
    """The lock's own word: what the connector both sends and receives, but for what addresses it."""
    operations = CONFIG.contracts["intermediate_server"].operations
    (there, *others) = [one for one in operations if one.direction == "receives" and own(one, operations)]
    told = {name_of(each.path) for one in (there, *others) for each in one.fields if each.path.startswith("doses[].")}
    assert told == {name for name, row in MATRIX.items() if row.cells[BEYOND].used}
    assert {each.id for each in TENANT.file.routes if beyond(each)} == {"R20", "R20-self"}
    (route,) = (each for each in TENANT.file.routes if each.id == "R20")
    assert {path for path in route.fields if taker(route, path) != BEYOND} == {
        "internal_no",
        "provision_no",
        "provision_row",
        "inquirer_code",
        "dataset_code",
    }


def own(operation, operations):
    return any(each.direction == "sends" and each.name == operation.name for each in operations)


@pytest.mark.parametrize("connector", RECEIVERS)
def test_rule_2_and_issue_5_item_1_no_lock_has_a_code_that_is_confined(connector):
    """C192: 符号, what it is had with and what it is linked to: in no interface, so in no record and no log of ours."""
    fields = locked(connector)
    assert [each.path for each in fields if name_of(each.path) in CONFINED] == []
    words = ("符号", "識別符号", "処理通番", "統合宛名番号")
    assert [each.path for each in fields if any(word in (each.label or "") for word in words)] == []


def test_rule_2_and_issue_5_item_1_no_route_gives_a_confined_code_and_the_catalogue_has_none():
    assert {name for name, _ in given(TENANT)} & {*CONFINED} == set()
    assert [
        name for name in CONFINED if name in MATRIX and any(cell.used for cell in MATRIX[name].cells.values())
    ] == []
    catalogue = {each.name for alias in vars(fields).values() for each in get_args(alias) if isinstance(each, Item)}
    assert "individual_number" in catalogue
    assert catalogue & {*CONFINED} == set()


def test_rule_2_the_intermediate_server_has_the_individual_number_in_one_operation_to_allocate_from_it():
    """C191: none that goes towards the network has it, nor any that comes back."""
    operations = CONFIG.contracts["intermediate_server"].operations
    having = {(one.name, one.direction) for one in operations if "individual_number" in names_in(one)}
    assert having == {("addressee.register", "receives")}
    numbers = {name_of(e.path) for e in locked("intermediate_server") if e.data_class is DataClass.INDIVIDUAL_NUMBER}
    assert numbers == {"individual_number"}
    routes = {each.id for each in TENANT.file.routes if "intermediate_server" in (each.source, each.destination)}
    carrying = {each.id for each in TENANT.file.routes if "individual_number" in (*each.fields, *each.reply_fields)}
    assert routes & carrying == {"R17-addressee"}


def test_rule_2_the_intermediate_server_has_no_key_of_another_chain():
    """Who joins two chains of identifiers is the record system alone (requirements §5)."""
    keys = {"pmh_key", "pmh_pseudonym_id", "id5", "vaccination_subject_no", "identity_confirmation"}
    assert {name_of(each.path) for each in locked("intermediate_server")} & keys == set()


TAX_ITEMS = {"fiscal_year", "taxation_category", "welfare_category"}


def test_rule_8_tax_items_come_from_the_intermediate_server_to_the_city_alone():
    """It takes in nothing of the kind, so nothing goes on to the network or to itself; and no other route has them."""
    assert taken("intermediate_server") & {*TAX_ITEMS, "fee_reduction_category"} == set()
    carrying = {(each.id, each.source, each.destination) for each in TENANT.file.routes if tax_items_of(each)}
    assert carrying == {("R19-tax", "intermediate_server", "health_management")}
    having = {
        (connector, one.direction, one.name)
        for connector in RECEIVERS
        for one in CONFIG.contracts[connector].operations
        if names_in(one) & TAX_ITEMS
    }
    tax = "inquiry.tax_answer"
    assert having == {("intermediate_server", "sends", tax), ("health_management", "receives", tax)}
    assert {name for name, _ in given(TENANT) if name in TAX_ITEMS} == TAX_ITEMS


def test_rule_8_whatever_is_of_tax_and_welfare_is_a_tax_item_or_the_fee_reduction_category():
    """So that the rule's tests, which speak of these, speak of all."""
    fields = [each for connector in RECEIVERS for each in locked(connector)]
    found = {name_of(each.path) for each in fields if each.data_class is DataClass.TAX_WELFARE}
    assert found == {*TAX_ITEMS, "fee_reduction_category"}


def tax_items_of(route):
    return {name_of(path) for path in (*route.fields, *route.reply_fields)} & TAX_ITEMS


def names_in(operation):
    return {name_of(each.path) for each in (*operation.fields, *operation.reply)}


def test_rule_2_individual_number_is_in_no_lock_and_no_clearance_of_the_outside():
    for connector in NUMBERLESS:
        assert DataClass.INDIVIDUAL_NUMBER not in {each.data_class for each in locked(connector)}
        entry = TENANT.file.connectors[connector]
        zone = CONFIG.zones[entry.zone].clearance
        assert DataClass.INDIVIDUAL_NUMBER not in (zone if entry.clearance is None else zone & entry.clearance)


def test_rule_3_pmh_key_comes_from_the_portal_in_the_hand_over_alone():
    portal = CONFIG.contracts["myna_portal"].operations
    paths = {(each.name, kind) for each in portal for kind in ("fields", "reply") if "pmh_key" in paths_of(each, kind)}
    assert paths == {("pseudonym.hand_over", "fields")}
    carrying = {(each.id, each.source, each.destination) for each in TENANT.file.routes if "pmh_key" in each.fields}
    assert carrying == {("R07", "myna_portal", "vaccination_records"), ("R14", "vaccination_records", "history_lookup")}


def test_rule_5_no_lock_of_the_outside_has_a_flag_that_would_tell_of_a_hidden_person():
    hidden = {"control_flag_recovery", "control_flag_nondisclosure", "control_flag_view_suspended"}
    assert {name_of(each.path) for connector in ("pmh", *NUMBERLESS) for each in locked(connector)} & hidden == set()


def paths_of(operation, kind):
    return {each.path for each in getattr(operation, kind)}


# ---- what start-up refuses -------------------------------------------------------------------------------------------


def widened(connector, name, like):
    """Problems of the example, had somebody given every operation of a connector's lock one more field."""
    field = next(each for each in locked(like) if name_of(each.path) == name)
    extra = field.model_copy(update={"path": name, "required": False})
    contract = CONFIG.contracts[connector]
    operations = tuple(
        one.model_copy(
            update={kind: (*getattr(one, kind), extra) for kind in ("fields", "reply") if getattr(one, kind)}
        )
        for one in contract.operations
    )
    locks = {**CONFIG.contracts, connector: contract.model_copy(update={"operations": operations})}
    return list(contradictions(replace(CONFIG, contracts=locks)))


@pytest.mark.parametrize("connector", NUMBERLESS)
def test_rule_2_a_lock_of_the_outside_that_has_the_individual_number_is_refused(connector):
    told = widened(connector, "individual_number", like="pmh")
    at = f"config/tenants/999997.toml: connectors.{connector}: its interface carries individual_number, which "
    assert [each for each in told if each.startswith(at)]


@pytest.mark.parametrize("connector", ["pmh", *NUMBERLESS])
def test_rule_8_a_lock_of_the_outside_that_has_the_fee_reduction_category_is_refused(connector):
    told = widened(connector, "fee_reduction_category", like="health_management")
    at = f"config/tenants/999997.toml: connectors.{connector}: its interface carries tax_welfare, which "
    assert [each for each in told if each.startswith(at)]


def with_route(route, **changed):
    """Problems of the example with one route changed."""
    routes = tuple(each.model_copy(update=changed if each is route else {}) for each in TENANT.file.routes)
    tenant = replace(TENANT, file=TENANT.file.model_copy(update={"routes": routes}))
    return list(contradictions(replace(CONFIG, tenants={"999997": tenant})))


@pytest.mark.parametrize("name", ["individual_number", "pmh_key", "fee_reduction_category", "fiscal_year"])
@pytest.mark.parametrize("route", TENANT.file.routes, ids=lambda route: route.id)
def test_rules_2_3_and_8_a_route_that_is_widened_by_what_it_may_not_have_is_refused(route, name):
    ways = [way for way in ("fields", "reply_fields") if getattr(route, way) and name not in getattr(route, way)]
    for way in ways:
        told = with_route(route, **{way: (*getattr(route, way), name)})
        at = f"config/tenants/999997.toml: routes.{route.id}.{way}: {name} is not in the locked interface of both ends"
        assert [each for each in told if each.startswith(at)]
