from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from gateway.plugin import Accepted, DeferredRecord, RefusedRecord
from gateway.plugin.exchange import Later
from gateway_history_lookup.answers import found

ASKED = {0: "KEY-A", 4: "KEY-B"}


def row(index: int, key: str, id5: str, **other: Any) -> dict[str, Any]:
    return {"index": index, "status": "found", "pmh_key": key, "id5": id5} | other


def answer(*rows: dict[str, Any]) -> bytes:
    return to_json({"rows": rows})


GOOD = [row(0, "KEY-A", "ID5-A"), row(4, "KEY-B", "ID5-B")]


def test_an_id5_belongs_to_the_key_that_was_sent() -> None:
    outcomes = found(answer(*reversed(GOOD)), ASKED)
    assert outcomes == {
        0: Accepted(reply={"pmh_key": "KEY-A", "id5": "ID5-A"}),
        4: Accepted(reply={"pmh_key": "KEY-B", "id5": "ID5-B"}),
    }


def test_another_ones_key_is_a_dispute() -> None:
    outcomes = found(answer(row(0, "KEY-B", "ID5-B"), row(4, "KEY-A", "ID5-A")), ASKED)
    assert outcomes == dict.fromkeys(ASKED, RefusedRecord("dispute", "pmh_key"))


def test_one_id5_for_two_keys_is_a_dispute_of_both() -> None:
    outcomes = found(answer(row(0, "KEY-A", "ID5-A"), row(4, "KEY-B", "ID5-A")), ASKED)
    assert outcomes == dict.fromkeys(ASKED, RefusedRecord("dispute", "id5"))


def test_a_key_in_the_id5s_place_is_a_dispute() -> None:
    outcomes = found(answer(row(0, "KEY-A", "KEY-A"), GOOD[1]), ASKED)
    assert outcomes[0] == RefusedRecord("dispute", "id5")
    assert isinstance(outcomes[4], Accepted)


def test_an_unknown_key_is_no_such_person_and_a_busy_row_comes_again() -> None:
    outcomes = found(answer({"index": 0, "status": "unknown"}, {"index": 4, "status": "busy"}), ASKED)
    assert outcomes == {0: RefusedRecord("no_such_person", "pmh_key"), 4: DeferredRecord("system_busy")}


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"[]",
        answer(),
        answer(GOOD[0]),
        answer(*GOOD, GOOD[0]),
        answer(GOOD[0], row(5, "KEY-B", "ID5-B")),
        answer(GOOD[0], row(4, "KEY-B", "ID5-B", insured_number="00000000-1")),
        answer(GOOD[0], row(4, "KEY-B", "")),
        answer(GOOD[0], row(4, "KEY-B", "x" * 65)),
        answer(*GOOD).replace(b'"id5"', b'"status":"found","id5"', 1),
        answer(*GOOD)[:-1],
    ],
)
def test_what_is_not_exactly_an_answer_for_each_row_says_nothing(garbage: bytes) -> None:
    with pytest.raises(Later) as later:
        found(garbage, ASKED)
    assert later.value.outcome == DeferredRecord("system_unreachable")
    assert later.value.__context__ is None or later.value.__suppress_context__


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_say_nothing(garbage: bytes) -> None:
    with pytest.raises(Later):
        found(garbage, ASKED)
