import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import read_contract
from gateway.plugin.contract import leaves
from gateway.plugin.interface import describe
from gateway.plugin.item import DataClass
from gateway_vaccination_db import renkei_connector
from gateway_vaccination_db.interface import INTERFACE
from gateway_vaccination_db.settings import Settings

ROOT = Path(__file__).parents[3]
GOOD = {"base_url": "https://research.example/api", "tls": {"certificate": "a", "key": "b", "ca": "c"}}


def test_the_lock_is_what_the_code_declares() -> None:
    assert read_contract(ROOT, "vaccination_db") == describe(INTERFACE)


def test_rule_2_research_gets_no_number_name_address_or_day_of_birth_and_no_free_remark() -> None:
    (operation,) = describe(INTERFACE).operations
    assert (operation.name, operation.direction, operation.kind) == ("research.register", "receives", "event")
    paths = leaves(operation.fields)
    chains = {"individual_number", "internal_no", "pmh_key", "pmh_pseudonym_id", "vaccination_subject_no"}
    personal = {"name", "name_kana", "address", "birth_date", "guardian_name", "doctor_name", "clinic_code", "place"}
    assert not paths & (chains | personal | {"special_circumstances", "fee_reduction_category"})
    assert paths >= {"id5", "birth_month", "is_deleted", "updated_at", "update_seq"}
    classes = describe(INTERFACE).data_classes()
    assert not classes & {DataClass.INDIVIDUAL_NUMBER, DataClass.CONTACT, DataClass.TAX_WELFARE}


def test_rule_10_a_person_is_an_id5_and_every_state_has_its_version() -> None:
    (operation,) = describe(INTERFACE).operations
    assert (operation.person_key, operation.version) == ("id5", ("updated_at", "update_seq"))


def test_the_session_authenticates_with_the_files_of_the_settings() -> None:
    tls = renkei_connector().tls(Settings.model_validate(GOOD))
    assert tls is not None
    assert (tls.certificate, tls.key, tls.ca) == ("a", "b", "c")


def test_the_examples_settings_are_valid() -> None:
    tenant = tomllib.loads((ROOT / "config/tenants/999997.toml").read_text("utf-8"))
    Settings.model_validate(tenant["connectors"]["vaccination_db"]["settings"])


@pytest.mark.parametrize("wrong", [{"base_url": "http://research.example"}, {"surplus": 1}, {"rows_per_request": 1001}])
def test_other_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(GOOD | wrong)
