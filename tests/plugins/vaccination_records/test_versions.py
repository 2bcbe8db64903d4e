from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_vaccination_records.record_system.versions import State, Verdict, judge

NOW = datetime(2026, 4, 2, tzinfo=UTC)
EARLY, LATE = "2026-04-01T09:00:00+09:00", "2026-04-01T09:00:00.000001+09:00"


def state(at: str, seq: int, *, deleted: bool = False, **content: Any) -> State:
    return State.of({"updated_at": at, "update_seq": seq, **content}, deleted=deleted)


@pytest.mark.parametrize(
    ("latest", "new", "verdict"),
    [
        (None, state(EARLY, 1), Verdict.ACCEPTED),
        (None, state(EARLY, 1, deleted=True), Verdict.NO_SUCH_PERSON),
        (state(EARLY, 9), state(LATE, 1), Verdict.ACCEPTED),
        (state(EARLY, 1), state(EARLY, 2), Verdict.ACCEPTED),
        (state(LATE, 1), state(EARLY, 9), Verdict.SUPERSEDED),
        (state(EARLY, 2), state(EARLY, 1), Verdict.SUPERSEDED),
        (state(EARLY, 1, name="a"), state(EARLY, 1, name="a"), Verdict.DUPLICATE),
        (state(EARLY, 1, name="a"), state(EARLY, 1, name="b"), Verdict.VERSION_CONFLICT),
        (state(EARLY, 1), state(EARLY, 1, deleted=True), Verdict.VERSION_CONFLICT),
        (state(EARLY, 1), state(LATE, 1, deleted=True), Verdict.ACCEPTED),
        (state(EARLY, 1, deleted=True), state(LATE, 1), Verdict.ACCEPTED),
        (state(LATE, 1, deleted=True), state(EARLY, 1), Verdict.SUPERSEDED),
    ],
)
def test_verdict_table(latest: State | None, new: State, verdict: Verdict) -> None:
    assert judge(latest, new, NOW) is verdict


def test_versions_are_instants_not_texts() -> None:
    tokyo, utc = state("2026-04-01T09:00:00+09:00", 1), state("2026-04-01T00:00:00Z", 1)
    assert judge(tokyo, utc, NOW) is Verdict.DUPLICATE
    assert judge(state("2026-04-01T00:00:01Z", 1), state("2026-04-01T09:00:00+09:00", 1), NOW) is Verdict.SUPERSEDED


@pytest.mark.parametrize("latest", [None, state(EARLY, 1), state("9999-12-31T23:59:59-14:00", 1)])
@pytest.mark.parametrize("deleted", [False, True])
def test_a_state_of_more_than_a_day_ahead_is_not_taken_because_it_would_supersede_every_true_one(
    latest: State | None, deleted: bool
) -> None:
    for ahead in ("2026-04-03T00:00:00.000001Z", "2026-04-03T09:00:01+09:00", "9999-12-31T23:59:59-14:00"):
        assert judge(latest, state(ahead, 1, deleted=deleted), NOW) is Verdict.OUT_OF_RANGE
    assert judge(None, state("2026-04-03T09:00:00+09:00", 1), NOW) is Verdict.ACCEPTED, "a day ahead, no more"


moments = st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T09:00:00+09:00", "2026-01-01T08:59:59+09:00", LATE])
states = st.builds(
    lambda at, seq, deleted, name: state(at, seq, deleted=deleted, name=name),
    moments,
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from("ab"),
)


@given(st.lists(states, max_size=12))
def test_rule_10_a_newer_state_is_never_overtaken_in_any_order_of_arrival(arrivals: list[State]) -> None:
    latest: State | None = None
    for new in arrivals:
        before, verdict = latest, judge(latest, new, NOW)
        if verdict is Verdict.ACCEPTED:
            latest = new
        if before is not None:
            assert latest is not None
            assert latest.version >= before.version
            assert (latest == before) or latest.version > before.version
    if latest is not None:
        taken = [each for each in arrivals if not each.deleted]
        assert latest.version >= max(each.version for each in taken), (
            "the newest registered state stands or was deleted"
        )


@given(states, states)
def test_a_verdict_depends_on_the_two_states_alone_and_a_repeat_changes_nothing(first: State, second: State) -> None:
    latest = first
    if judge(latest, second, NOW) is Verdict.ACCEPTED:
        latest = second
    assert judge(latest, latest, NOW) is Verdict.DUPLICATE
