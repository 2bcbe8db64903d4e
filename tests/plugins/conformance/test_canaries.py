"""A person's value is found in whatever form code prints it; what is not a person's alone is not sought."""

import base64
import hashlib
import json
from datetime import datetime
from random import Random
from time import process_time
from typing import Annotated, Any
from urllib.parse import quote, quote_plus

import pytest

from gateway.plugin import DataClass, Interface, Operation, Payload
from gateway.plugin.fields import Item
from gateway.plugin.interface import describe
from gateway.plugin.item import Kind
from gateway.plugin.testing import MadeUp
from gateway.plugin.testing.canaries import Canaries


def item(name: str, kind: Kind, data_class: DataClass, **form):
    return Item(name=name, label=name, data_class=data_class, kind=kind, **form)


class Person(Payload):
    """One of each kind of field."""

    number: Annotated[str, item("number", Kind.CODE, DataClass.IDENTIFIER, pattern="[0-9]{15}")]
    name: Annotated[str, item("name", Kind.TEXT, DataClass.BASIC, max_length=40)]
    born: Annotated[str, item("born", Kind.CODE, DataClass.BASIC, max_length=10, check="date")]
    income: Annotated[int, item("income", Kind.INTEGER, DataClass.TAX_WELFARE, minimum=0)]
    version: Annotated[int, item("version", Kind.INTEGER, DataClass.OPERATIONAL, minimum=0)]
    since: Annotated[str, item("since", Kind.CODE, DataClass.OPERATIONAL, max_length=10, check="date")]
    seen: Annotated[str, item("seen", Kind.CODE, DataClass.BASIC, max_length=25, check="instant")]
    ward: Annotated[str, item("ward", Kind.CODE, DataClass.BASIC, values=("13101", "131016"))]


OPERATION = Operation(name="person.put", label="人", direction="receives", payload=Person, person_key="number")
INTERFACE = Interface(connector="people", version="1", operations=(OPERATION,))
(LOCKED,) = describe(INTERFACE).operations
RECORD: dict[str, Any] = {
    "number": "700468213957001",
    "name": "架空 'é' 太郎",
    "born": "1990-01-02",
    "income": 4_100_007,
    "version": 7_000_001,
    "since": "2026-04-01",
    "seen": "2026-04-02T09:30:00+09:00",
    "ward": "131016",
}


def found(text: str, other: str = "", **own) -> str | None:
    canaries = Canaries()
    canaries.record("person.put", LOCKED.fields, {**RECORD, **own})
    canaries.record("person.put", LOCKED.fields, {"number": other})
    return canaries.found([("a line", text)])


@pytest.mark.parametrize(
    "printed",
    [
        str,
        repr,
        ascii,
        json.dumps,
        quote,
        quote_plus,
        lambda record: json.dumps(record, ensure_ascii=False),
        lambda record: repr(str(record).encode()),
    ],
)
def test_a_name_is_found_however_it_is_printed(printed):
    assert found(f"stored {printed(RECORD['name'])}") == "name of person.put is in a line"


@pytest.mark.parametrize("printed", ["1990-01-02", "19900102", "datetime.date(1990, 1, 2)"])
def test_a_persons_date_is_found(printed):
    assert found(f"born {printed}") == "born of person.put is in a line"


def test_a_number_of_many_digits_is_found_and_a_short_one_is_not():
    assert found("income=4100007") == "income of person.put is in a line"
    assert found("income=41", income=41) is None


@pytest.mark.parametrize(
    "honest", ["<Connector at 0x7f19900102a0>", "version 7000001", "since 2026-04-01", "ward 131016"]
)
def test_what_is_nobodys_alone_is_not_sought(honest):
    assert found(honest) is None


def test_a_date_that_an_operational_field_has_too_is_not_sought():
    assert found("since 2026-04-01", born="2026-04-01") is None


def test_of_many_that_came_out_the_first_is_told():
    """Whatever order they are hashed in; a long text is no reason to hold the machine up."""
    canaries = Canaries()
    for number in range(400):
        canaries.record(f"person.{number}", LOCKED.fields, RECORD | {"number": f"7{number:014}"})
    out = " ".join(f"7{number:014}" for number in range(399, -1, -1))
    told = [("a line", "x" * 100_000), ("a note", f"person {out}"), ("stdout", out)]
    assert canaries.found(told) == "number of person.399 is in a note"


def test_a_value_is_found_exactly_where_it_stands():
    chance = Random(1)
    for _ in range(300):
        canaries, sought = Canaries(), ["".join(chance.choices("ab-", k=chance.randint(6, 9))) for _ in range(5)]
        for each in sought:
            canaries.secret(each.encode())
        text = "".join(chance.choices("ab-", k=200))
        assert (canaries.found([("a line", text)]) is not None) == any(each in text for each in sought)


def test_of_many_that_end_alike_each_place_is_looked_at_once():
    """In seconds of this process a fortieth of what holding each against all of them takes."""
    canaries = Canaries()
    for number in range(3000):
        canaries.secret(f"{number}@example.invalid".encode())
    began = process_time()
    assert canaries.found([("a line", "x@example.invalid " * 20_000)]) is None
    assert process_time() - began < 10


NUMBER: str = RECORD["number"]
OTHER: str = "700913746280553"
"""Fifteen digits each."""


@pytest.mark.parametrize(
    "printed",
    [
        f"*******{NUMBER[-8:]}",
        f"{NUMBER[:8]}XXXXXXX",
        f"n={int(NUMBER[1:])}",
        f"n={NUMBER.zfill(16)[:15]}",
        f"{NUMBER[:4]} {NUMBER[4:8]} {NUMBER[8:12]} {NUMBER[12:]}",
        f"{NUMBER[:5]}-{NUMBER[5:10]}-{NUMBER[10:]}, 12 rows",
        f"2026-11-23 {NUMBER[-9:]}",
    ],
)
def test_a_part_of_a_number_is_found_and_the_number_in_groups(printed):
    assert found(f"{printed}, {OTHER[-8:]}", other=OTHER) == "number of person.put is, at least in part, in a line"


def test_parts_are_found_wherever_they_come_out_and_a_short_one_alone_is_chance():
    canaries = Canaries()
    for number in (NUMBER, OTHER):
        canaries.record("person.put", LOCKED.fields, RECORD | {"number": number})
    for _ in range(2):
        assert canaries.found([("a line", f"after {NUMBER[3:12]} ns")]) is None
    assert canaries.found([("a note", f"*{OTHER[-8:]}")]) == "number of person.put is, at least in part, in a note"
    assert found(f"*****{NUMBER[-10:]}") == "number of person.put is, at least in part, in a line"


@pytest.mark.parametrize(
    "honest",
    [
        f"*{NUMBER[-7:]}",
        f"0.{NUMBER[-9:]}",  # a time
        f"<Connector at 0x7f{NUMBER[-8:]}>",
        f"{NUMBER[-8:]}-9abc-4def-8123-456789abcdef",
        f"179542485{NUMBER[-8:]}",
        "70000000",
        f"the digest {NUMBER[-8:]}e0f1",
    ],
)
def test_what_could_have_the_same_digits_by_chance_is_no_part(honest):
    assert found(f"{honest}, {OTHER[-8:]}", other=OTHER) is None


@pytest.mark.parametrize("digest", [hashlib.md5, hashlib.sha1, hashlib.sha256])
def test_a_number_that_is_hashed_without_a_key_is_found(digest):
    hashed = digest(NUMBER.encode()).hexdigest()
    for printed in (hashed, f"sha256:{hashed[:16]}", hashed.upper()):
        assert found(printed) == "number of person.put is, hashed without a key, in a line"
    assert found(digest(RECORD["name"].encode()).hexdigest()) is None


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_what_is_encoded_is_read(encode):
    for more in ("", "x", "xy"):
        token = encode(f"{more}{json.dumps(RECORD, ensure_ascii=False)}".encode()).decode()
        for printed in (f"body={token}", f"path/{token}", token.rstrip("=")):
            assert found(printed) == "number of person.put is in a line, encoded"


@pytest.mark.parametrize("printed", [repr, str, lambda at: repr(at.replace(tzinfo=None))])
def test_a_persons_instant_is_found_as_an_object(printed):
    assert found(printed(datetime.fromisoformat(RECORD["seen"]))) == "seen of person.put is in a line"


def test_made_up_numbers_are_long_enough_to_be_found():
    made = MadeUp(INTERFACE).record("receives", "person.put", 1, ward="131016")
    assert len(str(made["income"])) >= 6
    assert len(set(made["number"])) > 5, "or no part of it could be told from a round number"
    assert made["version"] == 1
