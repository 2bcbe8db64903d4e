import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plugin import Accepted, DeferredRecord, Duplicate, RefusedRecord
from gateway.plugin.exchange import Later
from gateway_myna_portal import answers

SENT = (0, 7)
ACCEPTED = {"index": 0, "status": "accepted"}


def read(*rows: Any) -> dict[int, Any]:
    return answers.notified(json.dumps({"rows": rows}).encode(), SENT)


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({"status": "accepted"}, Accepted()),
        ({"status": "duplicate"}, Duplicate()),
        ({"status": "busy"}, DeferredRecord("system_busy")),
        ({"status": "refused", "code": "no_such_person"}, RefusedRecord("no_such_person")),
        ({"status": "refused", "code": "superseded"}, RefusedRecord("superseded")),
        ({"status": "refused", "code": "version_conflict"}, RefusedRecord("version_conflict")),
    ],
)
def test_each_row_becomes_an_outcome_in_whatever_order(row: dict[str, Any], outcome: object) -> None:
    assert read({"index": 7, **row}, ACCEPTED) == {0: Accepted(), 7: outcome}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [ACCEPTED],
        [ACCEPTED, ACCEPTED],
        [ACCEPTED, ACCEPTED | {"index": 8}],
        [ACCEPTED, ACCEPTED | {"index": "7"}],
        [ACCEPTED, {"index": 7, "status": "perhaps"}],
        [ACCEPTED, {"index": 7, "status": "refused"}],
        [ACCEPTED, {"index": 7, "status": "refused", "code": "架空 太郎"}],
        [ACCEPTED, {"index": 7, "status": "accepted", "pmh_key": "PMHKEY"}],
    ],
)
def test_what_is_not_one_known_answer_for_each_row_is_not_used(rows: list[Any]) -> None:
    with pytest.raises(Later) as later:
        read(*rows)
    assert later.value.outcome == DeferredRecord("system_unreachable")


@given(st.binary())
def test_whatever_comes_that_is_no_answer_is_not_used_and_not_told(answer: bytes) -> None:
    with pytest.raises(Later) as later:
        answers.notified(answer, SENT)
    assert later.value.args == ("system_unreachable",)
    assert later.value.__suppress_context__ or later.value.__context__ is None


def test_two_members_of_one_name_are_no_answer() -> None:
    twice = b'{"rows": [{"index": 0, "status": "accepted"}, {"index": 7, "status": "accepted", "status": "busy"}]}'
    with pytest.raises(Later):
        answers.notified(twice, SENT)
