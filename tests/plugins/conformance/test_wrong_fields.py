"""Of a reply that is not within the interface its author is told where, and no value: strange names may be some."""

import pytest

from gateway.plugin import Interface, Operation, Payload, fields
from gateway.plugin.interface import describe
from gateway.plugin.testing.line import wrong_fields


class Question(Payload):
    internal_no: fields.InternalNo


class Part(Payload):
    update_seq: fields.UpdateSeq


class Reply(Payload):
    internal_no: fields.InternalNo
    parts: list[Part]


OPERATION = Operation(
    name="a.query", label="照会", direction="receives", payload=Question, reply=Reply, person_key="internal_no"
)
(LOCKED,) = describe(Interface(connector="made_up", version="1", operations=(OPERATION,))).operations
GOOD = {"internal_no": "1", "parts": [{"update_seq": 1}]}


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (GOOD, ""),
        (GOOD | {"parts": []}, " (parts)"),
        ({"internal_no": "x", "parts": [{"update_seq": "1"}]}, " (internal_no, parts.update_seq)"),
        ({"parts": GOOD["parts"]}, " (internal_no)"),
        (GOOD | {"架空 太郎": 1}, ""),
        ("text", ""),
    ],
)
def test_wrong_fields_are_named(reply, told):
    assert wrong_fields(LOCKED, reply) == told
