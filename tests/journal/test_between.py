"""Where in the log the facts of a period begin and end."""

import pytest

from gateway.hub.journal import FactKind
from tests.journal.builders import TENANT

HOURS = (0, 1, 2, 5, 9, 8, 9, 14, 23)
"""At which the facts were written: once the clock was set back."""


def at(hour):
    return f"2026-04-01T{hour:02}:00:00.000000Z"


@pytest.fixture
async def hours(journal):
    for hour in HOURS:
        await journal.fact(FactKind.NOISE_COUNTED, {"listener": TENANT, "count": 1}, at=at(hour))
    return journal.following


@pytest.mark.parametrize("since", [None, 0, 3, 8, 9, 10, 22, 23])
@pytest.mark.parametrize("until", [None, 0, 1, 8, 9, 10, 23])
async def test_no_fact_of_the_period_is_outside_and_few_others_inside(hours, since, until):
    after, last = hours.between(*(at(each) if each is not None else None for each in (since, until)))
    low, high = since if since is not None else 0, until if until is not None else 24
    inside = {seq for seq in range(1, len(HOURS) + 1) if after < seq <= last}
    assert {seq for seq, hour in enumerate(HOURS, 1) if low <= hour < high} <= inside
    assert all(low - 2 <= HOURS[seq - 1] <= high + 2 for seq in inside)


async def test_a_clock_that_was_set_back_an_hour_hides_nothing(journal):
    for hour in (0, 9, 8, 9, 14):
        await journal.fact(FactKind.NOISE_COUNTED, {"listener": TENANT, "count": 1}, at=at(hour))
    after, last = journal.following.between(at(9), at(10))
    assert {2, 4} <= set(range(after + 1, last + 1))


async def test_an_empty_log_has_no_period(journal):
    assert journal.following.between(at(0), at(1)) == (0, 0)
    assert journal.following.these([1, 2]) == []


async def test_facts_are_read_by_their_places(hours):
    assert [(each.seq, each.fact["at"]) for each in hours.these([9, 2, 99])] == [(2, at(1)), (9, at(23))]
