"""When to try again: later each time, never sooner than asked, never beyond the longest wait, and once not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import Limits
from gateway.errors import LONGEST_PATIENCE, patience
from gateway.hub.retry import GiveUp, RetryIn, decide

LIMITS = Limits(retry_first=2.0, retry_longest=900.0, attempts=5000)


def wait(attempt, asked=None, limits=LIMITS):
    decision = decide(attempt, asked, limits)
    assert isinstance(decision, RetryIn)
    return decision.seconds


@given(attempt=st.integers(1, 4999), asked=st.none() | st.floats())
def test_a_wait_is_always_a_sound_number_of_seconds(attempt, asked):
    assert 2.0 <= wait(attempt, asked) <= 900.0


@pytest.mark.parametrize("attempt", range(1, 9))
def test_the_wait_doubles_up_to_its_jitter(attempt):
    assert 2**attempt <= wait(attempt) <= 2**attempt + 2


def test_the_systems_own_word_is_honoured_if_it_is_longer():
    assert wait(1, 60.0) == 60.0
    assert wait(1, 0.001) >= 2.0
    assert wait(1, 1e9) == 900.0


@pytest.mark.parametrize("attempt", [3, 4, 100])
def test_after_the_last_attempt_there_is_none(attempt):
    limits = Limits(attempts=3)
    assert isinstance(decide(2, None, limits), RetryIn)
    assert isinstance(decide(attempt, 1.0, limits), GiveUp)


@pytest.mark.parametrize("said", [None, "soon", float("nan"), float("inf"), -1, -0.5, [60], 10**400 * -1])
def test_what_is_no_number_of_seconds_is_nobodys_patience(said):
    assert patience(said) is None


@pytest.mark.parametrize(
    ("said", "seconds"), [(0, 0.0), (60, 60.0), (0.5, 0.5), (1e300, LONGEST_PATIENCE), (10**400, LONGEST_PATIENCE)]
)
def test_nobody_is_waited_for_longer_than_a_day_at_his_own_word(said, seconds):
    assert patience(said) == seconds
