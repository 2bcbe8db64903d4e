"""The demo says that the log has what the law wants only if it has: one thing less of an answer, and it breaks off."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gateway_demo_city.addressees import DOSE
from gateway_demo_city.provisions import in_the_log
from gateway_demo_city.stage import Failed

HEADER: dict[str, Any] = {
    "attestations": [{"claim": "permit", "party": "999989", "asked": "2026-04-20T00:00:00Z", "reference": "aa"}],
    "legal_basis": ["L5", "L5-25", "A1"],
    "created_at": "2026-04-20T00:00:01Z",
    "item_sets": [["internal_no", *(f"doses[].{name}" for name in DOSE)]],
}


def test_a_whole_answer_tells_the_other_body_and_the_row() -> None:
    assert in_the_log(HEADER) == ("999989", "25")


@pytest.mark.parametrize(
    "lack",
    [
        lambda header: header["attestations"].clear(),
        lambda header: header["attestations"][0].update(asked=None),
        lambda header: header["attestations"][0].update(reference=""),
        lambda header: header["legal_basis"].remove("L5-25"),
        lambda header: header["item_sets"][0].pop(),
        lambda header: header.update(created_at=None),
    ],
)
def test_without_permit_time_row_or_items_it_is_none(lack: Callable[[dict[str, Any]], object]) -> None:
    header = copy.deepcopy(HEADER)
    lack(header)
    with pytest.raises(Failed):
        in_the_log(header)
