"""The interface as it is locked, and the settings as the example has them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.config import read_contract
from gateway.plugin.contract import leaves
from gateway.plugin.interface import describe
from gateway.plugin.item import DataClass
from gateway_intermediate_server import renkei_connector
from gateway_intermediate_server.interface import INTERFACE
from gateway_intermediate_server.settings import Settings

ROOT = Path(__file__).parents[3]


def example() -> dict[str, Any]:
    tenant = tomllib.loads((ROOT / "config/tenants/999997.toml").read_text("utf-8"))
    return dict(tenant["connectors"]["intermediate_server"]["settings"])


def test_the_lock_is_what_the_code_declares() -> None:
    assert read_contract(ROOT, "intermediate_server") == describe(INTERFACE)


def test_rule_2_the_individual_number_is_in_the_registration_of_a_person_and_nowhere_else() -> None:
    """Neither it nor what the network and the platform call a person (C191, C192)."""
    having = {
        each.name
        for each in describe(INTERFACE).operations
        if any(field.data_class == DataClass.INDIVIDUAL_NUMBER for field in each.fields)
    }
    assert having == {"addressee.register"}
    every = {path for each in describe(INTERFACE).operations for path in leaves(each.fields)}
    assert not {path for path in every if "integrated" in path or "serial" in path or "code_no" in path}


def test_rule_8_tax_and_welfare_are_in_the_answer_to_the_city_and_in_nothing_that_goes_out() -> None:
    """What goes out is what it receives from others or from itself: replicas, announcements, provisions."""
    having = {
        (each.direction, each.name, field.path)
        for each in describe(INTERFACE).operations
        for field in (*each.fields, *each.reply)
        if field.data_class == DataClass.TAX_WELFARE
    }
    items = ("fiscal_year", "taxation_category", "welfare_category")
    assert having == {("sends", "inquiry.tax_answer", f"tax_items[].{name}") for name in items}
    assert not set(example()["tax_datasets"]) & set(example()["datasets"]), "what it does not manage it cannot give out"


def test_rule_6_rows_to_ask_under_and_rows_to_give_under() -> None:
    fields = {field.path: field for each in describe(INTERFACE).operations for field in each.fields}
    assert fields["inquiry_row"].values == ("25", "26", "27", "28", "29", "153")
    assert fields["provision_row"].values == ("25", "26", "153")


def test_nothing_is_given_out_without_a_permit_or_the_persons_own_wish() -> None:
    wanted = {each.name: each.attests for each in describe(INTERFACE).operations if each.attests}
    assert wanted == {
        "inquiry.answer": ("permit",),
        "inquiry.tax_answer": ("permit",),
        "provision.answer": ("permit",),
        "self_information.answer": ("self_requested",),
    }


def test_the_examples_settings_are_valid_and_say_what_goes_at_once() -> None:
    spec, settings = renkei_connector(), Settings.model_validate(example())
    tls = spec.tls(settings)
    assert tls is not None
    assert (tls.certificate, tls.key, tls.ca) == (settings.tls.certificate, settings.tls.key, settings.tls.ca)
    assert spec.portion(settings) == settings.people_per_export
    assert spec.portion(settings.model_copy(update={"reconcile_seconds": 0})) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"platform_url": "http://platform.example"},
        {"server_url": "https://user@server.example"},
        {"inquiry_key": "the key itself"},
        {"datasets": []},
        {"datasets": ["TM1"]},
        {"tax_datasets": ["TM1"]},
        {"result_seconds": 0},
        {"surplus": 1},
    ],
)
def test_other_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(example() | wrong)
