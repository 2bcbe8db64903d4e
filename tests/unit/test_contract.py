"""The lock: a model built from it accepts exactly what the declared class does, and its digest feels every change."""

import dataclasses
import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError, field_validator

from gateway.errors import Misconfigured
from gateway.plugin import Interface, Operation, Payload, fields
from gateway.plugin.contract import Contract, leaves, model_of
from gateway.plugin.interface import describe
from gateway.plugin.item import DataClass, Item, Kind
from tests.flow.toys import NUMBER, OFFICE_INTERFACE, REGISTER_INTERFACE, TENANT, Person, Sought, person, whole_person

CONTRACT = describe(OFFICE_INTERFACE)
PUT = next(each for each in CONTRACT.operations if each.name == "person.put")
LOCKED = model_of("person.put", PUT.fields)

TEXTS = st.sampled_from(
    [
        "",
        "1",
        "9",
        "3",
        "太郎",
        NUMBER,
        f"太郎{NUMBER}",
        "a\x00b",
        "\ud800",
        TENANT,
        "2026-02-29",
        "1990-01-01",
        "x" * 300,
    ]
)
ANYTHING = st.one_of(TEXTS, st.integers(-2, 2**33), st.booleans(), st.none(), st.floats(), st.just([]), st.just({}))
KEYS = [*Person.model_fields, "ｎａｍｅ", "Name", "__class__", "home.address", "model_config", ""]


def mutated(draw):
    """A whole good person, some of it exchanged, removed or added, at any depth."""
    record = json.loads(json.dumps(whole_person()))
    places = [record, record["home"], *record["guardians"]]
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.sampled_from(places))
        key = draw(st.sampled_from([*place, *KEYS]))
        if draw(st.booleans()):
            place[key] = draw(ANYTHING)
        else:
            place.pop(key, None)
    return record


def judged(model, record):
    """What a model says of a record: its plain form, or the place and kind of each error."""
    try:
        return model.model_validate(record).model_dump(exclude_none=True)
    except ValidationError as error:
        told = error.errors(include_input=False, include_url=False)
        return [(each["loc"], each["type"], each.get("ctx", {}).get("code")) for each in told]


@given(st.composite(mutated)())
def test_the_model_from_the_lock_judges_as_the_declared_class(record):
    declared, locked = judged(Person, record), judged(LOCKED, record)
    # An empty list is the one thing that the lock refuses beyond the class: the header could not name it.
    if record.get("guardians") == []:
        assert (("guardians",), "too_short", None) in locked
    else:
        assert locked == declared


@given(st.dictionaries(st.text() | st.sampled_from(KEYS), ANYTHING))
def test_on_arbitrary_objects_too(record):
    if record.get("guardians") != []:
        assert judged(LOCKED, record) == judged(Person, record)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sex", "3"),
        ("sex", ""),
        ("internal_no", "1a"),
        ("internal_no", "1" * 16),
        ("name", "架" * 101),
        ("name", f"太郎{NUMBER}"),
        ("name", "a\x00b"),
        ("individual_number", "000000000001"),
        ("update_seq", -1),
        ("update_seq", 2**31),
        ("update_seq", "1"),
        ("control_flag_recovery", 0),
        ("home", {}),
        ("home", {"address": "架空市", "municipality_code": "999990"}),
        ("guardians", [{"guardian_name": "花子", "birth_date": "2026-02-29"}]),
        ("guardians", [{"guardian_name": "花子", "surplus": 1}]),
    ],
)
def test_each_rule_of_the_class_is_in_the_lock(key, value):
    told = judged(Person, person() | {key: value})
    assert isinstance(told, list)
    assert judged(LOCKED, person() | {key: value}) == told


def test_a_lock_survives_its_own_file_with_the_same_digest():
    text = CONTRACT.model_dump_json(exclude_defaults=True)
    again = Contract.model_validate_json(text)
    assert again == CONTRACT
    assert again.digest() == CONTRACT.digest() == describe(OFFICE_INTERFACE).digest()


def changes():
    """Every single decision of a lock, changed alone, under a readable name."""
    plain = CONTRACT.model_dump(mode="json")
    for at, operation in enumerate(plain["operations"]):
        for key in ("name", "label", "person_key"):
            yield f"{operation['name']} {key}", ("operations", at, key), operation[key] + "x"
        yield f"{operation['name']} version", ("operations", at, "version"), [*operation["version"], "update_seq"]
        yield f"{operation['name']} attests", ("operations", at, "attests"), ["consent"]
        yield f"{operation['name']} ahead", ("operations", at, "ahead"), True
        yield f"{operation['name']} most records", ("operations", at, "most_records"), 1
        yield f"{operation['name']} kind", ("operations", at, "kind"), "event" if operation["reply"] else "request"
        yield f"{operation['name']} direction", ("operations", at, "direction"), "receives"
        yield f"{operation['name']} fewer fields", ("operations", at, "fields"), operation["fields"][:-1]
        for part in ("fields", "reply"):
            for number, field in enumerate(operation[part]):
                where = ("operations", at, part, number)
                name = f"{operation['name']} {part} {field['path']}"
                yield f"{name} path", (*where, "path"), field["path"] + "x"
                yield f"{name} required", (*where, "required"), not field["required"]
                if field["data_class"] is None:
                    continue
                yield f"{name} label", (*where, "label"), field["label"] + "x"
                yield f"{name} class", (*where, "data_class"), "health"
                yield f"{name} kind", (*where, "kind"), "text" if field["kind"] != "text" else "code"
                yield f"{name} length", (*where, "max_length"), (field["max_length"] or 0) + 1
                yield f"{name} pattern", (*where, "pattern"), "[a-z]"
                yield f"{name} values", (*where, "values"), [*(field["values"] or ()), "x"]
                yield f"{name} check", (*where, "check"), "date" if field["check"] != "date" else None
                yield f"{name} minimum", (*where, "minimum"), -1
                yield f"{name} maximum", (*where, "maximum"), 2**40
    yield "connector", ("connector",), "officer"
    yield "version", ("version",), "2"
    yield "codes", ("codes",), {"full": "Full."}
    yield "never", ("never",), ["health"]


CHANGES = {name: (place, value) for name, place, value in changes()}


@pytest.mark.parametrize("name", CHANGES)
def test_the_digest_feels_every_single_change(name):
    place, value = CHANGES[name]
    plain = CONTRACT.model_dump(mode="json")
    part = plain
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    assert Contract.model_validate(plain).digest() != CONTRACT.digest()


@pytest.mark.parametrize("name", [each for each, (_, value) in CHANGES.items() if isinstance(value, str | dict)])
def test_no_text_of_a_lock_holds_a_control_character(name):
    """It stands in documents that an office opens; one that cannot hold it breaks."""
    place, value = CHANGES[name]
    plain = CONTRACT.model_dump(mode="json")
    part = plain
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = {"full": "Fu\x07ll."} if isinstance(value, dict) else f"{part[place[-1]]}\x07"
    with pytest.raises(ValidationError) as caught:
        Contract.model_validate(plain)
    assert "\x07" not in str(caught.value)


def declared(annotation, name="sex"):
    model = type("Changed", (Payload,), {"__annotations__": {"internal_no": fields.InternalNo, name: annotation}})
    operation = Operation(name="o", label="試験", direction="sends", payload=model, person_key="internal_no")
    return describe(Interface(connector="office", version="1", operations=(operation,)))


def test_what_is_said_never_to_be_carried_cannot_be_locked_with_a_field_of_it():
    interface = dataclasses.replace(OFFICE_INTERFACE, never=frozenset({DataClass.HEALTH, DataClass.INDIVIDUAL_NUMBER}))
    with pytest.raises(Misconfigured, match="it carries individual_number, and says that it never does"):
        describe(interface)
    held = describe(dataclasses.replace(OFFICE_INTERFACE, never=frozenset({DataClass.HEALTH})))
    assert held.never == (DataClass.HEALTH,)


def test_a_code_list_that_becomes_free_text_changes_the_digest():
    free = Annotated[str, Item(name="sex", label="性別", data_class=DataClass.BASIC, kind=Kind.TEXT, max_length=1)]
    assert declared(fields.Sex).digest() != declared(free).digest()


@pytest.mark.parametrize("annotation", [str, str | None, dict[str, str], list[str], object, fields.Name])
def test_what_is_not_of_the_catalogue_cannot_be_locked(annotation):
    with pytest.raises(Misconfigured, match=r"Changed\.sex is not typed"):
        declared(annotation)


def test_nested_paths_are_named_without_indices_and_objects_are_no_items():
    assert leaves(PUT.fields) == {
        "internal_no",
        "name",
        "update_seq",
        "control_flag_recovery",
        "individual_number",
        "sex",
        "home.address",
        "home.municipality_code",
        "guardians[].guardian_name",
        "guardians[].birth_date",
        "guardians[].sex",
    }
    assert {field.path: field.kind for field in PUT.fields if field.data_class is None} == {
        "home": "object",
        "guardians": "list",
    }
    find = CONTRACT.operation("sends", "person.find")
    assert find is not None
    assert find.kind == "request"
    assert leaves(find.reply) == {"internal_no", "update_seq", "sex"}
    assert CONTRACT.operation("receives", "person.put") is None
    assert describe(REGISTER_INTERFACE).data_classes() == {
        DataClass.IDENTIFIER,
        DataClass.BASIC,
        DataClass.SAFETY,
        DataClass.OPERATIONAL,
    }


def test_two_operations_of_one_name_and_direction_cannot_be_locked():
    """Otherwise one of them would be reviewed and the other one used."""
    twice = Operation(name="person.put", label="試験", direction="sends", payload=Sought, person_key="internal_no")
    doubled = Interface(connector="office", version="1", operations=(*OFFICE_INTERFACE.operations, twice))
    with pytest.raises(Misconfigured, match="of one name and direction stands twice"):
        describe(doubled)


@pytest.mark.parametrize("key", ["no_such_field", "sex", "home"])
def test_a_person_key_must_be_a_required_field_of_its_operation(key):
    """Order per person and the person tags rest on it."""
    wrong = Operation(name="o", label="試験", direction="sends", payload=Person, person_key=key)
    with pytest.raises(Misconfigured, match=f"operation o: its person_key {key} is not a required code of Person"):
        describe(Interface(connector="office", version="1", operations=(wrong,)))


def test_a_payload_does_not_show_its_values():
    payload = LOCKED.model_validate(person(1, name="架空　太郎"))
    assert "太郎" not in f"{payload!r} {payload} {[payload]}"
    assert "太郎" not in repr(Person.model_validate(whole_person()))


class Open(Payload):
    model_config = {"extra": "allow"}  # noqa: RUF012
    internal_no: fields.InternalNo


class Rewriting(Payload):
    internal_no: fields.InternalNo

    @field_validator("internal_no", mode="before")
    @classmethod
    def _other(cls, value: object) -> object:
        return value


class Talkative(Payload):
    internal_no: fields.InternalNo

    def __repr__(self) -> str:
        return self.internal_no


class Wider(Payload):
    internal_no: fields.InternalNo
    name: fields.Name | int


class Aliased(Payload):
    internal_no: fields.InternalNo = Field(alias="number")


class Filled(Payload):
    internal_no: fields.InternalNo
    sex: fields.Sex = "1"


@pytest.mark.parametrize("model", [Open, Rewriting, Talkative, Wider, Aliased, Filled])
def test_what_a_lock_cannot_show_cannot_be_declared(model):
    """Else the reviewed lock and what the plugin's class lets through would differ unseen."""
    operation = Operation(name="o", label="試験", direction="sends", payload=model, person_key="internal_no")
    with pytest.raises(Misconfigured, match=model.__name__):
        describe(Interface(connector="office", version="1", operations=(operation,)))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"direction": "send"}, "operation o: direction: Input should be 'sends' or 'receives'"),
        (
            {"version": ("updated_at", "sex")},
            "operation o: its version names sex, updated_at, which Sought does not have",
        ),
        ({"ahead": True}, "operation o: it is ahead without a version, by which an older one would be known"),
        ({"payload": dict}, "dict is not a class derived from Payload"),
        ({"reply": "Found"}, "a payload is not a class derived from Payload"),
        ({"label": 1}, "operation o: label: Input should be a valid string"),
        (
            {"label": "試\x07験"},
            "operation o: label: Value error, must not hold a control character, or another that nobody sees",
        ),
        (
            {"label": "試\u202e験"},
            "operation o: label: Value error, must not hold a control character, or another that nobody sees",
        ),
    ],
)
def test_a_wrong_operation_is_told_by_its_name_and_attribute(changed, told):
    right: dict[str, Any] = {"label": "試験", "direction": "sends", "payload": Sought, "person_key": "internal_no"}
    with pytest.raises(Misconfigured) as caught:
        describe(Interface(connector="office", version="1", operations=(Operation(name="o", **right | changed),)))
    assert caught.value.problems == (told,)


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "a:b", "a-b", "a{b}", "a\n", "電文", "a" * 65])
def test_a_name_that_would_be_another_in_an_address_or_a_file_is_none(name):
    operation = Operation(name=name, label="試験", direction="sends", payload=Sought, person_key="internal_no")
    with pytest.raises(Misconfigured, match="name: String should match pattern"):
        describe(Interface(connector="office", version="1", operations=(operation,)))
    with pytest.raises(Misconfigured, match="connector: String should match pattern"):
        describe(Interface(connector=f"{name}.", version="1", operations=()))


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"check": "luhn"}, "item own: there is no check luhn"),
        ({"pattern": "("}, "its pattern is not a regular expre"),
        ({"pattern": ""}, "item own: its pattern is empty"),
    ],
)
def test_an_item_of_a_plugins_own_is_told_by_its_name(rules, told):
    """As soon as it is declared: a plugin that has it does not load."""
    with pytest.raises(Misconfigured, match=told):
        Item(name="own", label="試験", data_class=DataClass.BASIC, kind=Kind.CODE, **rules)


def test_an_item_s_label_that_no_document_holds_is_told_by_class_and_field():
    own = Item(name="sex", label="性\x07別", data_class=DataClass.BASIC, kind=Kind.CODE)
    with pytest.raises(Misconfigured, match=r"Changed.sex: label: Value error, must not hold a control character"):
        declared(Annotated[str, own])
