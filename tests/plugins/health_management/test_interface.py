import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.plugin.contract import leaves
from gateway.plugin.interface import describe
from gateway.plugin.item import DataClass
from gateway_health_management import renkei_connector
from gateway_health_management.forms import PAYLOADS, Form
from gateway_health_management.interface import INTERFACE
from gateway_health_management.interface.subject import REGISTER
from gateway_health_management.settings import Settings
from gateway_health_management.values import DATES, FLAGS, NUMBERS, TIMES
from tests.plugins.health_management.line import EXAMPLE, README

ROOT = Path(__file__).parents[3]
CONTRACT = describe(INTERFACE)


def operation(name: str):
    found = CONTRACT.operation("sends", name)
    assert found is not None
    return found


def test_the_look_up_and_its_reply_never_hold_the_individual_number():
    lookup = operation("subject.lookup")
    assert lookup.kind == "request"
    assert leaves(lookup.fields) == {"internal_no", "municipality_code"}
    assert "individual_number" not in leaves(lookup.reply)
    assert leaves(lookup.reply) >= {"vaccination_subject_no", "updated_at", "update_seq"}


def test_a_deletion_carries_nothing_about_the_person():
    assert leaves(operation("subject.delete").fields) == {
        "internal_no",
        "municipality_code",
        "change_type",
        "deletion_event_date",
        "updated_at",
        "update_seq",
    }


def test_rule_8_of_tax_and_welfare_it_sends_the_fee_reduction_and_is_given_answers_to_inquiries_only():
    found = {
        (each.direction, each.name, field.path)
        for each in CONTRACT.operations
        for field in (*each.fields, *each.reply)
        if field.data_class is DataClass.TAX_WELFARE
    }
    sent = {("sends", name, "fee_reduction_category") for name in ("subject.register", "record.register")}
    items = ("fiscal_year", "taxation_category", "welfare_category")
    assert found == sent | {("receives", "inquiry.tax_answer", f"tax_items[].{name}") for name in items}


def test_every_field_whose_form_differs_in_files_is_known_to_the_reader_and_the_writer():
    received = [each for each in CONTRACT.operations if each.direction == "receives"]
    sent = [each for each in CONTRACT.operations if each.name in PAYLOADS]
    known = {field.path.rpartition(".")[2]: field for each in (*received, *sent) for field in each.fields}
    assert {path for path, field in known.items() if field.kind == "flag"} == set(FLAGS)
    assert {path for path, field in known.items() if field.kind == "integer"} == set(NUMBERS)
    assert {path for path, field in known.items() if field.check == "date"} == set(DATES)
    assert {path for path, field in known.items() if field.check == "instant"} == set(TIMES)


def test_rule_10_every_state_names_its_person_and_its_version():
    for name in ("subject.register", "subject.delete"):
        assert operation(name).person_key == "internal_no"
        assert operation(name).version == ("updated_at", "update_seq")


def test_control_flags_are_always_present():
    flags = {"control_flag_recovery", "control_flag_nondisclosure", "control_flag_view_suspended"}
    assert flags <= set(Form(REGISTER, {}).required)
    assert flags <= {field.path for field in operation("subject.lookup").reply if field.required}


def test_the_readmes_settings_are_valid_and_name_every_field_by_its_catalogue_label():
    Settings.model_validate(EXAMPLE)
    labels = {field.label: field.path for field in operation("subject.register").fields}
    assert EXAMPLE["columns"] == labels
    for setting in Settings.model_fields:
        assert setting in README


def test_the_example_municipality_has_the_same_files():
    shipped = tomllib.loads((ROOT / "config" / "tenants" / "999997.toml").read_text(encoding="utf-8"))
    chosen = shipped["connectors"]["health_management"]["settings"]
    Settings.model_validate(chosen | {"exchange_folder": EXAMPLE["exchange_folder"]})
    assert chosen["files"] == EXAMPLE["files"]
    assert chosen["files"].keys() | {REGISTER} == PAYLOADS.keys()


@pytest.mark.parametrize(
    "wrong",
    [
        {"surprise": 1},
        {"exchange_folder": "relative/folder"},
        {"encoding": "guess"},
        {"utc_offset": "JST"},
        {"columns": EXAMPLE["columns"] | {"税額": "tax"}},
        {"flags": {"1": True, "y": True}},
        {"files": {"template.register": {"prefix": "template_"}}},
        {"files": {"record.register": {"prefix": "../r"}}},
        {"files": {"record.register": {"prefix": "r"}, "notice.register": {"prefix": "r_n"}}},
        {"files": {"notice.register": {"prefix": "n", "columns": {"通知ID": "notice_id"}}}},
        {"return_columns": {"内部番号": "internal_no"}},
        {"columns": EXAMPLE["columns"] | {"名前": "name"}},
        {"columns": {header: name for header, name in EXAMPLE["columns"].items() if name != "update_seq"}},
        {"columns": {("🏠" if name == "name" else header): name for header, name in EXAMPLE["columns"].items()}},
    ],
)
def test_settings_that_do_not_hold_together_are_refused_at_start_up(wrong):
    with pytest.raises(ValidationError):
        Settings.model_validate(EXAMPLE | wrong)


def test_the_hook_registers_a_connector_without_side_effects():
    spec = renkei_connector()
    assert spec.interface is INTERFACE
    assert spec.tls(Settings.model_validate(EXAMPLE)) is None
    spec.factory()
