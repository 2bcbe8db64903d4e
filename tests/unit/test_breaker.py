"""When a destination counts as not there, and what may go while it does."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.hub.breaker import FAILURES, Breaker, silent, unreached
from gateway.messages import Ending, RecordOutcome

MOST = 5


def deferred(*codes: str) -> list[RecordOutcome]:
    return [RecordOutcome(index, None, code) for index, code in enumerate(codes)]


@pytest.mark.parametrize(
    ("outcomes", "asked", "expected"),
    [
        (deferred("system_unreachable", "deadline"), None, True),
        (deferred("system_unreachable", "behind_deferred"), None, True),
        (deferred("system_busy", "system_busy"), 30.0, True),
        (deferred("system_busy"), None, False),
        (deferred("connector_bug"), 30.0, False),
        (deferred("key_not_here"), None, False),
        (deferred("behind_deferred"), None, False),
        (deferred("system_unreachable", "system_busy"), None, False),
        ([*deferred("system_unreachable"), RecordOutcome(1, Ending.ACCEPTED)], None, False),
        ([RecordOutcome(0, Ending.REFUSED, "deadline")], None, False),
        ([], None, False),
    ],
)
def test_only_what_is_said_of_the_whole_system_counts(outcomes, asked, expected):
    assert unreached(outcomes, asked) is expected


class OneDestination(RuleBasedStateMachine):
    """Attempts begin as there is room, end in any order, and time passes; beside it the plain count."""

    def __init__(self):
        super().__init__()
        self.breaker, self.now, self.under_way = Breaker(), 0.0, []
        self.in_a_row, self.pauses, self.probes, self.open = 0, [], 0, False

    def pause(self, probes):
        self.pauses.append(probes)
        return float(probes)

    @rule(seconds=st.floats(0.001, 5))
    def wait(self, seconds):
        self.now += seconds

    @precondition(lambda self: len(self.under_way) < self.breaker.room(self.now, MOST))
    @rule()
    def begin(self):
        self.under_way.append((self.now, self.open))
        self.probes += self.open
        self.now += 0.0001

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), reached=st.booleans())
    def end(self, data, reached):
        began, probe = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        if reached:
            assert self.breaker.reached() is self.open
            self.in_a_row, self.open, self.probes, self.pauses = 0, False, 0, []
            return
        counts = probe or not self.open
        self.in_a_row += counts
        opens = counts and not self.open and self.in_a_row >= FAILURES
        assert self.breaker.failed(began, self.now, self.pause) is opens
        self.open |= opens

    @invariant()
    def it_is_open_after_so_many_failures_in_a_row(self):
        assert self.breaker.open is self.open

    @invariant()
    def each_pause_is_longer_and_there_is_one_for_each_probe(self):
        assert self.pauses == list(range(1, self.in_a_row - FAILURES + 2))
        assert self.probes <= len(self.pauses)

    @invariant()
    def while_it_is_open_at_most_one_may_go(self):
        assert self.breaker.room(self.now, MOST) == MOST if not self.open else self.breaker.room(self.now, MOST) <= 1


TestOneDestination = OneDestination.TestCase


def test_a_hint_that_it_is_back_brings_the_probe_forward_and_no_more():
    breaker = Breaker()
    breaker.probe_now(5.0)
    assert not breaker.open
    for now in (1.0, 2.0, 3.0):
        breaker.failed(now, now, lambda probes: 100.0)
    assert [breaker.room(4.0, MOST), breaker.room(103.0, MOST)] == [0, 1]
    breaker.probe_now(5.0)
    assert [breaker.room(4.0, MOST), breaker.room(5.0, MOST)] == [0, 1]


def test_what_waits_for_what_is_in_hand_says_nothing_of_the_system():
    waits = RecordOutcome(0, None, "behind_deferred")
    assert silent([waits, waits])
    assert not silent([waits, RecordOutcome(1, None, "deadline")])
    assert not silent([waits, RecordOutcome(1, Ending.ACCEPTED)])
