import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hub.journal.outcomes import group, indices, ranges, ungroup
from gateway.messages import Ending, RecordOutcome


@pytest.mark.parametrize(
    ("members", "text"), [([], ""), ([5], "5"), ([4, 0, 1, 2], "0-2,4"), ([1, 1, 3, 2], "1-3"), ([0, 2, 4], "0,2,4")]
)
def test_ranges(members: list[int], text: str) -> None:
    assert ranges(members) == text


@given(st.sets(st.integers(0, 300)))
def test_ranges_and_back(members: set[int]) -> None:
    assert list(indices(ranges(members))) == sorted(members)


endings = st.tuples(
    st.sampled_from([None, *Ending]),
    st.sampled_from([None, "wrong_type", "gave_up"]),
    st.sampled_from([None, "guardian[].name"]),
)


@given(st.dictionaries(st.integers(0, 200), endings))
def test_groups_and_back(given_outcomes: dict[int, tuple[Ending | None, str | None, str | None]]) -> None:
    outcomes = [RecordOutcome(index, *each) for index, each in given_outcomes.items()]
    assert list(ungroup(group(outcomes))) == sorted(outcomes, key=lambda each: each.index)


def test_a_file_of_accepted_rows_is_one_short_line() -> None:
    outcomes = [RecordOutcome(index, Ending.ACCEPTED) for index in range(10_000)]
    assert group(outcomes) == [{"ending": "accepted", "records": "0-9999"}]
