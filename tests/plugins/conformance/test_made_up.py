"""Made-up records hold for what a subject is told that they do: the lock admits them, and no two persons share one."""

import re
from importlib.metadata import entry_points
from typing import Annotated, Any

import pytest

from gateway.plugin import DataClass, Interface, Operation, Payload
from gateway.plugin.fields import Item
from gateway.plugin.interface import describe
from gateway.plugin.item import Kind
from gateway.plugin.testing import MadeUp
from gateway.plugin.testing.made_up import reply_to

CONNECTORS = sorted(each.name for each in entry_points(group="gateway.connectors"))


def interface_of(connector: str) -> Interface:
    (found,) = entry_points(group="gateway.connectors", name=connector)
    interface = found.load().renkei_connector().interface
    assert isinstance(interface, Interface)
    return interface


@pytest.mark.parametrize("connector", CONNECTORS)
def test_the_lock_admits_the_records_of_every_operation(connector):
    interface = interface_of(connector)
    made_up = MadeUp(interface)
    for operation in describe(interface).operations:
        records = [made_up.record(operation.direction, operation.name, person) for person in (1, 42, 9999)]
        top = {field.path for field in operation.fields if "." not in field.path}
        for record in records:
            operation.model.model_validate(record)
            assert record.keys() == top
        assert len({str(record[operation.person_key]) for record in records}) == len(records)


def test_what_is_given_stands_wherever_the_field_is():
    made_up = MadeUp(interface_of("health_management"))
    record = made_up.record("sends", "template.register", 7, item_id="Q1", template_name="架空のひな形")
    assert record["template_name"] == "架空のひな形"
    assert [each["item_id"] for each in record["items"]] == ["Q1"]


def test_what_takes_a_text_for_an_integer_or_a_zero_for_nothing_would_be_seen():
    made_up = MadeUp(interface_of("vaccination_db"))
    records = [made_up.record("receives", "research.register", person) for person in (1, 2, 3)]
    assert min(each["update_seq"] for each in records) == 0
    assert {odd(pattern="[0-9]{15}").record("sends", "shelf.put", each)["shelf"][0] for each in (1, 42, 9999)} == {"0"}
    others = {odd(pattern="[1-9][0-9]{11}").record("sends", "shelf.put", each)["shelf"] for each in (1, 42, 9999)}
    assert len(others) == 3, "each person has another, also where none may begin with a 0"


def odd(**form: Any) -> MadeUp:
    class Odd(Payload):
        shelf: Annotated[str, Item(name="shelf", label="棚", data_class=DataClass.IDENTIFIER, kind=Kind.CODE, **form)]

    operation = Operation(name="shelf.put", label="棚", direction="sends", payload=Odd, person_key="shelf")
    return MadeUp(Interface(connector="odd", version="1", operations=(operation,)))


def test_a_form_of_ones_own_is_met_and_one_that_cannot_be_is_asked_for():
    met = odd(pattern="[aeiou]{3}#").record("sends", "shelf.put", 1)
    assert re.fullmatch("[aeiou]{3}#", met["shelf"])
    narrow = odd(pattern="[aeiou]{3}#", max_length=3)
    with pytest.raises(LookupError, match="shelf: nothing is known"):
        narrow.record("sends", "shelf.put", 1)
    assert narrow.record("sends", "shelf.put", 1, shelf="aou#") == {"shelf": "aou#"}


def test_an_operation_that_there_is_not_is_told():
    with pytest.raises(LookupError, match=r"no operation .* that it receives"):
        odd(pattern="[0-9]+").record("receives", "shelf.put", 1)


def test_a_reply_repeats_what_the_question_says_and_the_lock_admits_it():
    interface = interface_of("clinic_app")
    operation = describe(interface).operations[0]
    question = MadeUp(interface).record(operation.direction, operation.name, 7)
    reply = reply_to(operation, question)
    operation.reply_model.model_validate(reply)
    assert reply[operation.person_key] == question[operation.person_key]
