"""The schema and the edge judge alike: what the edge admits the schema accepts, but for checks also the reverse."""

import json
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # it has no types of its own
from pydantic import ValidationError

from gateway.config import read_contract
from gateway.interfaces import of_lock, openapi
from gateway.interfaces.schema import CHECKS_TOLD, as_text, interface_schema, record_schema
from gateway.plugin import Interface, Operation, Payload
from gateway.plugin.checks import CHECKS, no_individual_number
from gateway.plugin.contract import ContractField, model_of
from gateway.plugin.interface import describe
from gateway.plugin.item import DataClass, Item, Kind
from tests.architecture.tree import ROOT
from tests.flow.toys import NUMBER, OFFICE_INTERFACE, TENANT, whole_person

FORMATS = FormatChecker(("date", "date-time"))
LOCKS = sorted(path.stem for path in (ROOT / "config/interfaces").glob("*.json"))


def _item(name: str, kind: Kind, **rules: Any) -> Item:
    return Item(name=name, label="試験", data_class=DataClass.BASIC, kind=kind, **rules)


class Every(Payload):
    """A field for each rule that an item can have."""

    key: Annotated[str, _item("key", Kind.CODE, max_length=8, pattern=r"[0-9A-F]{2,}")]
    listed: Annotated[str, _item("listed", Kind.CODE, values=("1", "２", "x y"))]
    odd: Annotated[str | None, _item("odd", Kind.CODE, pattern=r"(?i)a\w+\Z")] = None
    outside: Annotated[str | None, _item("outside", Kind.CODE, check="no_individual_number")] = None
    alone: Annotated[str | None, _item("alone", Kind.CODE)] = None
    loose: Annotated[str | None, _item("loose", Kind.CODE, pattern=r".-|[^,]+")] = None
    count: Annotated[int | None, _item("count", Kind.INTEGER, minimum=-1, maximum=3)] = None
    many: Annotated[int | None, _item("many", Kind.INTEGER)] = None
    flag: Annotated[bool | None, _item("flag", Kind.FLAG)] = None


EVERY = describe(
    Interface(
        connector="every",
        version="1",
        operations=(Operation(name="a", label="試験", direction="sends", payload=Every, person_key="key"),),
    )
)
OFFICE = next(each for each in describe(OFFICE_INTERFACE).operations if each.name == "person.put")

TEXTS = st.sampled_from(
    [
        "",
        "1",
        "２",
        "x y",
        "AB",
        "0Af",
        "abc",
        "A\n",
        "a\x00b",
        "a\x7f",
        "\u2028",
        "太郎",
        "x" * 101,
        NUMBER,
        f"太郎{NUMBER}",
        TENANT,
        "999999",
        "1990-01-01",
        "1990-02-30",
        "1990-1-1",
        "1990-01-01T09:00:00+09:00",
        "1990-01-01T09:00:00+09:60",
        "1990-01-01T24:00:00Z",
        "0000000001",
    ]
)
VALUES: st.SearchStrategy[Any] = (
    TEXTS | st.text(max_size=12) | st.integers(-3, 2**33) | st.booleans() | st.none() | st.just([]) | st.just({})
)


@st.composite
def records(draw, fields: tuple[ContractField, ...], base: dict[str, Any]):
    """A good record, some of it exchanged, removed or added, at any depth."""
    record = json.loads(json.dumps(base))
    names = sorted({each.path.rpartition(".")[2] for each in fields})
    for _ in range(draw(st.integers(0, 3))):
        inner = [each for each in record.values() if isinstance(each, dict)]
        inner += [one for each in record.values() if isinstance(each, list) for one in each if isinstance(one, dict)]
        place = draw(st.sampled_from([record, *inner]))
        key = draw(st.sampled_from([*names, "ｎａｍｅ", ""]))
        if draw(st.integers(0, 3)):
            place[key] = draw(VALUES)
        else:
            place.pop(key, None)
    return record


def admitted(fields, record) -> bool:
    """As the edge judges it: by the model of the lock, and null is refused."""
    try:
        model_of("x", fields).model_validate(record)
    except ValidationError:
        return False
    return not holds_null(record)


def holds_null(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(holds_null, inner))


def beyond(text: str) -> bool:
    return text.endswith("\n") or max(text, default="") > "\uffff"


def accepted(fields, record) -> bool:
    """By a validator that asserts formats, as some do."""
    return bool(Draft202012Validator(record_schema(fields), format_checker=FORMATS).is_valid(record))


@settings(max_examples=150)
@given(records(OFFICE.fields, whole_person()))
def test_what_the_edge_admits_the_schema_accepts(record):
    assert not admitted(OFFICE.fields, record) or accepted(OFFICE.fields, record)


@settings(max_examples=250)
@given(records(EVERY.operations[0].fields, {"key": "AB", "listed": "1", "count": 1, "flag": True}))
def test_without_checks_the_reverse_holds_too(record):
    """But for a pattern that not every reader takes alike, control characters beyond U+FFFF, and a line feed at the
    end, which Python's own `$` passes over.
    """
    fields = EVERY.operations[0].fields
    told = {key: value for key, value in record.items() if key != "odd" and not beyond(str(value))}
    if not no_individual_number(str(told.get("outside", ""))):
        del told["outside"]
    assert accepted(fields, told) == admitted(fields, told)


def test_what_no_schema_says_is_the_stated_gap():
    """Each passes the schema, is refused by the edge, and is told of in words."""
    person = {**whole_person(), "individual_number": "0" * 11 + "1"}
    schema = record_schema(OFFICE.fields)["properties"]
    for record, told in (
        (person, schema["individual_number"]),
        ({**whole_person(), "name": f"太郎{NUMBER}"}, schema["name"]),
    ):
        assert accepted(OFFICE.fields, record)
        assert not admitted(OFFICE.fields, record)
        assert told["x-renkei-check"]


def test_a_schema_says_each_rule_of_a_field_with_its_label_and_data_class():
    schema = record_schema(OFFICE.fields)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["sex"]["enum"][0] == "1"
    assert schema["properties"]["individual_number"]["x-renkei-data-class"] == "individual_number"
    assert schema["properties"]["individual_number"]["title"] == "個人番号"
    assert schema["properties"]["guardians"]["minItems"] == 1
    assert schema["properties"]["guardians"]["items"]["additionalProperties"] is False
    assert schema["properties"]["guardians"]["items"]["required"] == ["guardian_name"]
    birth = schema["properties"]["guardians"]["items"]["properties"]["birth_date"]
    assert (birth["format"], birth["x-renkei-check"][0]["name"]) == ("date", "date")


@pytest.mark.parametrize("name", ["alone", "outside"])
def test_a_code_without_a_form_holds_no_control_character(name):
    """A check that says what a text is not leaves its form open."""
    fields = EVERY.operations[0].fields
    record = {"key": "AB", "listed": "1", name: "a\x07b"}
    assert (admitted(fields, record), accepted(fields, record)) == (False, False)
    assert admitted(fields, record | {name: "ab"})


@pytest.mark.parametrize("text", ["a\x07", "\u2028-", "a\r"])
def test_a_pattern_that_would_take_a_control_character_does_not(text):
    fields = EVERY.operations[0].fields
    record = {"key": "AB", "listed": "1", "loose": text}
    assert (admitted(fields, record), accepted(fields, record)) == (False, False)
    assert accepted(fields, record | {"loose": "a"})


@pytest.mark.parametrize("text", ["1990-01-01T09:00:00+09:59", "1990-01-01T09:00:00+09:60", "1990-01-01T09:00:60Z"])
def test_an_instant_is_one_to_the_edge_only_if_it_is_one_to_a_validator(text):
    fields = (ContractField(path="at", kind="code", required=True, data_class=DataClass.BASIC, check="instant"),)
    assert admitted(fields, {"at": text}) == accepted(fields, {"at": text})


def test_a_reply_is_never_called_like_another_operation():
    contract = describe(OFFICE_INTERFACE)
    find = next(each for each in contract.operations if each.name == "person.find")
    named = find.model_copy(update={"name": "person.find.reply", "kind": "event", "reply": ()})
    both = contract.model_copy(update={"operations": (find, named)})
    assert len(interface_schema(both)["$defs"]) == 3
    schemas = openapi(of_lock(both))["components"]["schemas"]
    assert len([name for name in schemas if name.startswith(contract.connector)]) == 3


def test_a_pattern_that_readers_would_take_otherwise_is_told_apart():
    odd = record_schema(EVERY.operations[0].fields)["properties"]["odd"]
    assert odd["x-renkei-pattern"] == r"(?i)a\w+\Z"
    assert "odd" not in odd.get("pattern", "")
    assert "allOf" not in odd


def test_each_check_is_told_in_words():
    assert CHECKS_TOLD.keys() == CHECKS.keys()


@pytest.mark.parametrize("name", LOCKS)
def test_each_shipped_lock_is_a_valid_schema(name):
    contract = read_contract(ROOT, name)
    schema = interface_schema(contract)
    Draft202012Validator.check_schema(schema)
    assert contract.digest() in schema["$id"]
    assert len(schema["$defs"]) == sum(1 + (each.kind == "request") for each in contract.operations)
    assert json.loads(as_text(schema)) == schema
