"""One ill thing keeps no other from its turn; and what is listed for ever is looked at less and less."""

import asyncio
from collections import Counter
from contextlib import suppress
from types import SimpleNamespace

import pytest

from gateway.plugin import Deferred
from gateway.plugin.exchange import Later
from gateway_intermediate_server import turns
from gateway_intermediate_server.turns import Turns


class Clock:
    """The loop's, as this module sees it."""

    now = 1000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(turns, "asyncio", SimpleNamespace(get_running_loop=lambda: clock))
    return clock


async def test_all_have_their_turn_and_the_first_failure_is_told(clock: Clock) -> None:
    had: list[int] = []

    async def one(thing: int) -> None:
        had.append(thing)
        if thing in (1, 3):
            raise Later("system_busy" if thing == 1 else "deadline")

    with pytest.raises(Later, match="system_busy"):
        await Turns[int]().each(range(5), one)
    assert had == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("error", [Later("system_unreachable"), OverflowError()])
async def test_many_failures_in_a_row_end_the_round_and_the_next_begins_with_the_others(
    clock: Clock, error: Exception
) -> None:
    """Whatever it is that fails: the failed ones are last, so that those in a row are the system's, or all of them."""
    had: list[int] = []

    async def one(thing: int) -> None:
        had.append(thing)
        if thing < 100:
            raise error

    each = Turns[int]()
    for _ in range(2):
        with pytest.raises(type(error)):
            await each.each(range(101), one)
    assert had == list(range(16))
    for _ in range(12):
        with pytest.raises(type(error)):
            await each.each(range(101), one)
    assert 100 in had


@pytest.mark.parametrize("fails", [True, False])
async def test_what_is_slow_ends_the_look_and_the_next_begins_with_the_others(clock: Clock, *, fails: bool) -> None:
    """Though it says itself what is wrong, as what is garbled does, and so is no failure here."""
    had: list[int] = []
    each = Turns[int]()

    async def one(thing: int) -> None:
        had.append(thing)
        clock.now += 6
        if fails:
            raise Later("deadline")
        each.waits(thing)

    for looked_at in ([0, 1], [2, 3], [4, 0]):
        had.clear()
        with suppress(Later):
            await each.each(range(5), one)
        assert had == looked_at


async def test_what_the_line_defers_ends_the_round(clock: Clock) -> None:
    had: list[int] = []

    async def one(thing: int) -> None:
        had.append(thing)
        raise Deferred("log_unavailable")

    with pytest.raises(Deferred):
        await Turns[int]().each(range(3), one)
    assert had == [0]


async def test_the_pause_grows_to_a_bound_and_is_forgotten_with_the_thing(clock: Clock) -> None:
    had: Counter[str] = Counter()
    each = Turns[str]()

    async def one(thing: str) -> None:
        had[thing] += 1
        each.waits(thing)

    for _ in range(3600):
        await each.each(["IQ-1"], one)
        clock.now += 1
    assert had["IQ-1"] == 20  # at once, at once, after 2, 4, 8... and then every 300 seconds
    await each.each([], one)
    await each.each(["IQ-1"], one)
    assert had["IQ-1"] == 21


async def test_the_running_loop_has_the_time() -> None:
    each = Turns[str]()
    for _ in range(10):
        each.waits("IQ-1")

    async def never(thing: str) -> None:
        raise AssertionError(thing)

    await each.each(["IQ-1"], never)
    await asyncio.sleep(0)
