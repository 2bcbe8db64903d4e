from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from gateway.plugin import Accepted, DeferredRecord, Duplicate, Outcome, RefusedRecord
from gateway.plugin.exchange import Later
from gateway_vaccination_db.answers import registered


def answer(*rows: dict[str, Any]) -> bytes:
    return to_json({"rows": rows})


GOOD = {"index": 3, "status": "accepted"}


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({"status": "accepted"}, Accepted()),
        ({"status": "duplicate"}, Duplicate()),
        ({"status": "busy"}, DeferredRecord("system_busy")),
        ({"status": "refused", "code": "superseded"}, RefusedRecord("superseded")),
        ({"status": "refused", "code": "version_conflict"}, RefusedRecord("version_conflict")),
    ],
)
def test_each_row_has_its_outcome(row: dict[str, Any], outcome: Outcome) -> None:
    assert registered(answer({"index": 3} | row), [3]) == {3: outcome}


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        answer(),
        answer(GOOD, GOOD),
        answer(GOOD | {"index": 4}),
        answer(GOOD | {"id5": "架空"}),
        answer({"index": 3, "status": "refused"}),
        answer({"index": 3, "status": "refused", "code": "架空"}),
        answer(GOOD).replace(b'"status"', b'"status":"busy","status"'),
    ],
)
def test_what_is_not_exactly_an_answer_for_each_row_says_nothing(garbage: bytes) -> None:
    with pytest.raises(Later) as later:
        registered(garbage, [3])
    assert later.value.outcome == DeferredRecord("system_unreachable")


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_say_nothing(garbage: bytes) -> None:
    with pytest.raises(Later):
        registered(garbage, [3])
