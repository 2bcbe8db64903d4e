import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.config import read_contract
from gateway.plugin.contract import leaves
from gateway.plugin.interface import describe
from gateway.plugin.item import DataClass
from gateway_history_lookup import renkei_connector
from gateway_history_lookup.interface import INTERFACE
from gateway_history_lookup.settings import Settings

ROOT = Path(__file__).parents[3]
GOOD = {"base_url": "https://history.example/api", "tls": {"certificate": "a", "key": "b", "ca": "c"}}


def test_the_lock_is_what_the_code_declares() -> None:
    assert read_contract(ROOT, "history_lookup") == describe(INTERFACE)


def test_rule_2_a_key_goes_in_and_an_id5_comes_out_and_nothing_else_exists_here() -> None:
    (operation,) = describe(INTERFACE).operations
    assert (operation.name, operation.direction, operation.kind) == ("id5.fetch", "receives", "request")
    assert leaves(operation.fields) == {"pmh_key"}
    assert leaves(operation.reply) == {"pmh_key", "id5"}
    assert describe(INTERFACE).data_classes() == {DataClass.IDENTIFIER}


def test_the_session_authenticates_with_the_files_of_the_settings() -> None:
    tls = renkei_connector().tls(Settings.model_validate(GOOD))
    assert tls is not None
    assert (tls.certificate, tls.key, tls.ca) == ("a", "b", "c")


def test_the_examples_settings_are_valid() -> None:
    tenant = tomllib.loads((ROOT / "config/tenants/999997.toml").read_text("utf-8"))
    Settings.model_validate(tenant["connectors"]["history_lookup"]["settings"])


@pytest.mark.parametrize("wrong", [{"base_url": "http://history.example"}, {"surplus": 1}, {"rows_per_request": 1001}])
def test_other_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(GOOD | wrong)
