from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import read_contract
from gateway.plugin.contract import leaves
from gateway.plugin.interface import describe
from gateway.plugin.item import DataClass
from gateway_myna_portal import renkei_connector
from gateway_myna_portal.interface import INTERFACE
from gateway_myna_portal.settings import Settings

ROOT = Path(__file__).parents[3]
OPERATIONS = describe(INTERFACE).operations
GOOD = {
    "base_url": "https://portal.example/api",
    "tls": {"certificate": "a", "key": "b", "ca": "c"},
    "issuer": "https://portal.example",
    "audience": "renkei-999997",
    "jwks": "file:keys/999997/myna_portal/jwks.json",
}


def test_the_lock_is_what_the_code_declares() -> None:
    assert read_contract(ROOT, "myna_portal") == describe(INTERFACE)


def test_rule_3_a_key_comes_from_the_portal_in_the_hand_over_only_and_never_goes_there() -> None:
    sent = {each.name for each in OPERATIONS if each.direction == "sends" and "pmh_key" in leaves(each.fields)}
    assert sent == {"pseudonym.hand_over"}
    to_the_portal = [each.fields for each in OPERATIONS if each.direction == "receives"]
    to_the_portal += [each.reply for each in OPERATIONS if each.direction == "sends"]
    assert len(to_the_portal) == len(OPERATIONS)
    assert not any("pmh_key" in leaves(fields) for fields in to_the_portal)


def test_rules_2_and_8_neither_an_individual_number_nor_tax_and_welfare_exist_here() -> None:
    classes = {field.data_class for each in OPERATIONS for field in (*each.fields, *each.reply)}
    assert not classes & {DataClass.INDIVIDUAL_NUMBER, DataClass.TAX_WELFARE}


def test_every_operation_is_about_one_pseudonym_so_that_a_proof_can_bind_it() -> None:
    assert {each.person_key for each in OPERATIONS} == {"pmh_pseudonym_id"}


def test_it_attests_what_an_id_token_can_prove_and_nothing_else() -> None:
    assert renkei_connector().attests == {"card_login", "consent", "agent"}


def test_the_session_authenticates_with_the_files_of_the_settings() -> None:
    tls = renkei_connector().tls(Settings.model_validate(GOOD))
    assert tls is not None
    assert (tls.certificate, tls.key, tls.ca) == ("a", "b", "c")


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://portal.example"},
        {"issuer": "http://portal.example"},
        {"audience": "a b"},
        {"jwks": "https://portal.example/jwks"},
        {"jwks": '{"keys": "the-keys-themselves"}'},
        {"longest_session": 0},
        {"rows_per_request": 1001},
        {"surplus": 1},
    ],
)
def test_other_settings_are_refused_without_echo(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(GOOD | wrong)
    assert "the-keys-themselves" not in str(refused.value)
