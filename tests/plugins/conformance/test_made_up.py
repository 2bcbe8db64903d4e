"""Made-up records hold for what a subject is told that they do: the lock admits them, and no two persons share one."""

from importlib.metadata import entry_points
from typing import Annotated

import pytest

from gateway.plugin import DataClass, Interface, Operation, Payload
from gateway.plugin.fields import Item
from gateway.plugin.interface import describe
from gateway.plugin.item import Kind
from gateway.plugin.testing import MadeUp

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


def test_a_form_of_ones_own_is_asked_for_and_an_unknown_operation_is_told():
    class Odd(Payload):
        shelf: Annotated[
            str,
            Item(name="shelf", label="棚", data_class=DataClass.IDENTIFIER, kind=Kind.CODE, pattern="[aeiou]{3}#"),
        ]

    operation = Operation(name="shelf.put", label="棚", direction="sends", payload=Odd, person_key="shelf")
    made_up = MadeUp(Interface(connector="odd", version="1", operations=(operation,)))
    with pytest.raises(LookupError, match="shelf: nothing is known"):
        made_up.record("sends", "shelf.put", 1)
    assert made_up.record("sends", "shelf.put", 1, shelf="aou#") == {"shelf": "aou#"}
    with pytest.raises(LookupError, match="no operation"):
        made_up.record("receives", "shelf.put", 1)
