"""Whose turn it is, of what the server lists look after look.

The rule: what fails, or is listed although it has ended, waits for its next turn with a pause that grows, and those
that waited least come first: no thing, however ill, keeps the others from theirs. Nor does one kind keep the next from
its own: a look takes so long, whether they fail slowly or are many.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Generic, TypeVar

from gateway.plugin import Deferred

LONGEST: Final = 300.0
"""Seconds between two turns of one thing."""
_AT_ONCE: Final = 1
_IN_A_ROW: Final = 8
"""So many failures, one after the other, are the system's and not the things'."""
_LOOK: Final = 10.0
"""Seconds, and what was begun in them, for things of one kind, before those of another have theirs."""

_Thing = TypeVar("_Thing")


class Turns(Generic[_Thing]):
    """Of things of one kind. Only in memory, and only of what is listed."""

    def __init__(self) -> None:
        self._waits: dict[_Thing, tuple[int, float]] = {}

    def waits(self, thing: _Thing) -> None:
        """It had its turn, and that did not end it: the first time its next is the next look."""
        times = self._waits.get(thing, (0, 0.0))[0] + 1
        pause = 0.0 if times <= _AT_ONCE else min(2.0 ** min(times - _AT_ONCE, 16), LONGEST)
        self._waits[thing] = (times, asyncio.get_running_loop().time() + pause)

    async def each(self, listed: Iterable[_Thing], one: Callable[[_Thing], Awaitable[None]]) -> None:
        """Give a turn to each of these that need not wait, as long as a look takes; the rest come first in the next.
        Raises what the first raised, after the others had theirs; Deferred, which is the line's and not the thing's,
        at once.
        """
        first: Exception | None = None
        failed, time = 0, asyncio.get_running_loop().time
        ends = time() + _LOOK
        for thing in self._due(listed):
            if time() >= ends:
                break
            try:
                await one(thing)
                failed = 0
            except Deferred:
                raise
            except Exception as error:  # noqa: BLE001  (also a fault of ours that one thing brings out)
                self.waits(thing)
                first, failed = first or error, failed + 1
                if failed == _IN_A_ROW:
                    break
        if first is not None:
            raise first

    def _due(self, listed: Iterable[_Thing]) -> list[_Thing]:
        now, things = asyncio.get_running_loop().time(), dict.fromkeys(listed)
        self._waits = {thing: waits for thing, waits in self._waits.items() if thing in things}
        nothing = (0, now)
        due = [thing for thing in things if self._waits.get(thing, nothing)[1] <= now]
        return sorted(due, key=lambda thing: self._waits.get(thing, nothing)[0])
