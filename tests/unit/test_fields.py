"""A catalogue item's rules, and the refusal code of each; no error ever shows the value."""

import re
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.errors import CODES
from gateway.plugin import fields
from gateway.plugin.checks import CHECKS
from gateway.plugin.item import DataClass, Item, Kind
from tests.flow.toys import NUMBER

CATALOGUE = {
    name: next(each for each in alias.__metadata__ if isinstance(each, Item))
    for name, alias in vars(fields).items()
    if hasattr(alias, "__metadata__")
}


def codes(alias, value):
    """The type or code of each error, after making sure that none of them quotes the value."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(alias).validate_python(value)
    told = caught.value.errors(include_input=False, include_url=False)
    return [each["ctx"]["code"] if each["type"] == "gateway" else each["type"] for each in told]


@pytest.mark.parametrize(
    ("alias", "value"),
    [
        (fields.IndividualNumber, NUMBER),
        (fields.InternalNo, "000000000000001"),
        (fields.MunicipalityCode, "999997"),
        (fields.Name, "髙﨑　花子"),
        (fields.Name, "𠮷" * 100),
        (fields.BirthDate, "2024-02-29"),
        (fields.VaccinationSettingId, f"S{NUMBER}"),
        (fields.VaccinationSettingId, "000000000001"),
        (fields.Sex, "9"),
        (fields.UpdatedAt, "2026-04-01T09:30:00+09:00"),
        (fields.UpdateSeq, 2**31 - 1),
        (fields.ControlFlagRecovery, False),
    ],
)
def test_good_values_pass_unchanged(alias, value):
    assert TypeAdapter(alias).validate_python(value) == value


@pytest.mark.parametrize(
    ("alias", "value", "code"),
    [
        (fields.IndividualNumber, "000000000001", "check_digit"),
        (fields.IndividualNumber, "0" * 13, "string_too_long"),
        (fields.InternalNo, "12a", "wrong_pattern"),
        (fields.InternalNo, "１２", "wrong_pattern"),
        (fields.InternalNo, "1\n", "wrong_pattern"),
        (fields.MunicipalityCode, "999990", "check_digit"),
        (fields.Name, "", "string_too_short"),
        (fields.Name, "あ" * 101, "string_too_long"),
        (fields.Name, "架空\u0000太郎", "control_character"),
        (fields.Name, f"太郎 {NUMBER}", "individual_number_in_text"),
        (fields.VaccinationSettingId, NUMBER, "individual_number_in_text"),
        (fields.VaccinationSettingId, "-".join((NUMBER[:4], NUMBER[4:8], NUMBER[8:])), "individual_number_in_text"),
        (fields.BirthDate, "2026-02-29", "not_a_date"),
        (fields.Sex, "3", "not_in_code_list"),
        (fields.Sex, 1, "string_type"),
        (fields.UpdatedAt, "2026-04-01T09:30:00", "not_a_time"),
        (fields.UpdateSeq, -1, "greater_than_equal"),
        (fields.UpdateSeq, 2**31, "less_than_equal"),
        (fields.UpdateSeq, "1", "int_type"),
        (fields.UpdateSeq, True, "int_type"),
        (fields.UpdateSeq, 1.0, "int_type"),
        (fields.ControlFlagRecovery, 1, "bool_type"),
        (fields.ControlFlagRecovery, "true", "bool_type"),
    ],
)
def test_each_rule_refuses_with_its_code(alias, value, code):
    assert codes(alias, value) == [code]


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.CODE])
@pytest.mark.parametrize("pattern", [".{1,20}", "[^,]+", r"\S+", r"(?s:.)+"])
def test_no_pattern_of_a_plugin_lets_a_control_character_pass(kind, pattern):
    item = Item(name="x", label="x", data_class=DataClass.BASIC, kind=kind, max_length=20, pattern=pattern)
    for text in ("a\u0001b", "a\u2028b", "\ufeffab"):
        assert codes(Annotated[str, item], text) == ["control_character"]


@pytest.mark.parametrize("item", CATALOGUE.values(), ids=CATALOGUE)
def test_every_catalogue_item_is_bounded_and_labelled(item):
    assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", item.label) or item.label == "ID5"  # it has no other name
    assert item.data_class in DataClass
    if item.kind in (Kind.TEXT, Kind.CODE):
        assert item.max_length
    if item.kind is Kind.CODE:
        assert item.pattern or item.values or item.check
    if item.kind is Kind.INTEGER:
        assert None not in (item.minimum, item.maximum)
    assert item.check is None or CHECKS[item.check].code in CODES


@pytest.mark.parametrize("alias", ["Name", "Address", "InternalNo", "UpdatedAt", "UpdateSeq", "ControlFlagRecovery"])
@given(value=st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.binary(), st.none()))
def test_whatever_comes_only_a_validation_error_comes_out_and_it_is_mute(alias, value):
    adapter = TypeAdapter(vars(fields)[alias])
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        ours = [each for each in error.errors(include_input=False) if each["type"] == "gateway"]
        assert all(each["msg"] in CODES and each["ctx"]["code"] in CODES for each in ours)
