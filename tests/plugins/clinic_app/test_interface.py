from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import read_contract
from gateway.plugin.contract import leaves
from gateway.plugin.interface import describe
from gateway.plugin.item import DataClass
from gateway_clinic_app import renkei_connector
from gateway_clinic_app.interface import INTERFACE
from gateway_clinic_app.settings import Settings

ROOT = Path(__file__).parents[3]
OPERATIONS = describe(INTERFACE).operations
GOOD = {
    "issuer": "https://eligibility.example",
    "jwks": "file:keys/999997/clinic_app/jwks.json",
    "clinics": {"keys/tls/a.crt": "1319999999"},
}


def test_the_lock_is_what_the_code_declares() -> None:
    assert read_contract(ROOT, "clinic_app") == describe(INTERFACE)


def test_rules_2_and_8_neither_an_individual_number_nor_tax_and_welfare_exist_here() -> None:
    fields = [field for each in OPERATIONS for field in (*each.fields, *each.reply)]
    assert not {each.data_class for each in fields} & {DataClass.INDIVIDUAL_NUMBER, DataClass.TAX_WELFARE}
    names = {each.path.rpartition(".")[2] for each in fields}
    assert not names & {"pmh_key", "pmh_pseudonym_id", "internal_no", "id5"}


def test_rule_4_every_operation_says_under_which_confirmation_for_whom_and_from_where_so_that_a_proof_binds_it() -> (
    None
):
    bound = {"identity_confirmation", "vaccination_subject_no", "clinic_code"}
    for each in OPERATIONS:
        assert each.direction == "sends"
        assert each.person_key == "vaccination_subject_no"
        assert bound <= leaves(each.fields)
        assert {field.path for field in each.fields if field.required} >= bound


def test_it_attests_what_a_confirmation_can_prove_and_nothing_else() -> None:
    assert renkei_connector().attests == {"identity_confirmed", "consent", "agent"}


def test_it_opens_no_connection() -> None:
    assert renkei_connector().tls(Settings.model_validate(GOOD)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://eligibility.example"},
        {"jwks": "https://eligibility.example/jwks"},
        {"jwks": '{"keys": "the-keys-themselves"}'},
        {"clinics": {}},
        {"clinics": {"keys/tls/a.crt": "131999999"}},
        {"clinics": {"keys/tls/a.crt": 1319999999}},
        {"longest_visit": 0},
        {"longest_visit": 86401},
        {"surplus": 1},
    ],
)
def test_other_settings_are_refused_without_echo(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(GOOD | wrong)
    assert "the-keys-themselves" not in str(refused.value)
