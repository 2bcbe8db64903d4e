from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import read_contract
from gateway.plugin.contract import leaves
from gateway.plugin.interface import describe
from gateway.plugin.item import DataClass
from gateway_pmh import renkei_connector
from gateway_pmh.interface import INTERFACE
from gateway_pmh.settings import Settings

ROOT = Path(__file__).parents[3]


def test_the_lock_is_what_the_code_declares() -> None:
    assert read_contract(ROOT, "pmh") == describe(INTERFACE)


def test_rule_1_the_question_is_the_number_and_the_answer_exactly_key_and_number() -> None:
    _, operation = describe(INTERFACE).operations
    assert (operation.name, operation.direction, operation.kind) == ("pmh_key.issue", "receives", "request")
    assert leaves(operation.fields) == {"individual_number"}
    assert leaves(operation.reply) == {"pmh_key", "individual_number"}
    classes = {field.path: field.data_class for field in operation.reply}
    assert classes == {"pmh_key": DataClass.IDENTIFIER, "individual_number": DataClass.INDIVIDUAL_NUMBER}


def test_a_confirmation_names_a_person_by_subject_number_only_and_says_where_whether_and_until_when() -> None:
    operation, _ = describe(INTERFACE).operations
    assert (operation.name, operation.direction, operation.kind) == ("confirmation.fetch", "receives", "request")
    assert leaves(operation.fields) == {"identity_confirmation"}
    told = {"identity_confirmation", "vaccination_subject_no", "clinic_code", "consent_flag", "valid_until"}
    assert leaves(operation.reply) == told
    assert DataClass.INDIVIDUAL_NUMBER not in {field.data_class for field in operation.reply}


GOOD = {
    "base_url": "https://pmh.example/api",
    "tls": {"certificate": "a", "key": "b", "ca": "c"},
    "client_id": "city-999997",
    "client_secret": "file:keys/999997/pmh/client_secret",
}


def test_the_session_authenticates_with_the_files_of_the_settings() -> None:
    tls = renkei_connector().tls(Settings.model_validate(GOOD))
    assert tls is not None
    assert (tls.certificate, tls.key, tls.ca) == ("a", "b", "c")


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://pmh.example"},
        {"client_secret": "the-secret-itself"},
        {"client_id": "a:b"},
        {"surplus": 1},
        {"rows_per_request": 1001},
    ],
)
def test_other_settings_are_refused_without_echo(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(GOOD | wrong)
    assert "the-secret-itself" not in str(refused.value)
