"""One call of a connector's: it ends in time and raises what it may; all else is `Broken`, told by type and place.

The rule: nothing that a connector raises, exits included, or holds on to, ends the check or holds it up.
"""

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Generic, TypeVar, cast

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.plugin.failed import FROM_SETTINGS, place, wants_variable
from gateway.plugin.testing.verdict import Broken
from gateway.plugin.testing.whose import connectors

SLACK: Final = 10.0
"""Seconds beyond what was promised, for a busy machine."""
LONG: Final = 20.0
"""Seconds in which whatever is to come of itself has come."""
_PAUSE: Final = 0.05
_PARTS: Final = 10
"""Of a wait. A machine that stood still, however long, takes one of them away, and what had come meanwhile is seen."""
_LOOKS: Final = 4
"""At least: a machine that stood still takes one of them away."""
_T = TypeVar("_T")


class Call(Generic[_T]):
    """A call that has begun. Once it is done, `error` is what it raised, and the task itself never raises."""

    def __init__(self, doing: Awaitable[_T]) -> None:
        self.error: BaseException | None = None
        self._run = self._caught(doing)
        self.task = asyncio.get_running_loop().create_task(self._run, context=connectors())

    async def done(self, seconds: float) -> bool:
        """Whether it came to an end by itself so soon; if not, or if who waits is cancelled, it is broken off."""
        try:
            await self._waited(seconds)
        finally:
            ended = self.task.done()
            if not ended:
                await self.broken_off()
        return ended

    async def broken_off(self) -> bool:
        """Cancel it. Whether it ended, as cancelled; if it did not end, it is torn down."""
        self.task.cancel()
        await self._waited(SLACK)
        if not self.task.done():
            with contextlib.suppress(RuntimeError):  # it catches even that
                self._run.close()
            self.task.cancel()
            await self._waited(SLACK)
            return False
        return isinstance(self.error, asyncio.CancelledError)

    async def _waited(self, seconds: float) -> None:
        """Until it has ended, at most so long."""
        for _ in range(_PARTS):
            if not self.task.done():
                await asyncio.wait((self.task,), timeout=seconds / _PARTS)

    async def _caught(self, doing: Awaitable[_T]) -> _T | None:
        try:
            return await doing
        except BaseException as error:  # noqa: BLE001  (an exit, too: in a task it would end the loop)
            self.error = error
        return None


async def contracted(what: str, doing: Awaitable[_T], seconds: float, raised: list[BaseException], own: str) -> _T:
    """What it comes to; what it raises is put to `raised`. Raises Refused, Deferred, of an opening Misconfigured; else,
    or if it hangs, Broken. `own` is the connector's module.
    """
    call = Call(doing)
    if not await call.done(seconds):
        raise Broken(f"{what} had not returned after {seconds:.0f} s", "bound every wait by a time")
    if call.error is None:
        return cast(_T, call.task.result())
    raised.append(call.error)
    if isinstance(call.error, Refused | Deferred) or (isinstance(call.error, Misconfigured) and what == "open"):
        raise call.error
    raise _beyond(what, call.error, own) from call.error


async def together(*doing: Awaitable[_T]) -> list[_T]:
    """What all come to, at once, as a line calls it. Raises what the first one raised, once the last has ended."""
    ended = await asyncio.gather(*doing, return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return cast(list[_T], ended)


async def until(holds: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it comes to hold before long, asked again and again."""
    loop, left = asyncio.get_running_loop(), LONG
    looked = loop.time()
    while not await holds():
        if left <= 0:
            return False
        await asyncio.sleep(_PAUSE)
        before, looked = looked, loop.time()
        left -= min(looked - before, LONG / _LOOKS)
    return True


def _beyond(what: str, error: BaseException, own: str) -> Broken:
    """What it raised, by type and place: its text may hold anything. Of no line of its own, the last is told."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    at = place(error, own, brief=True) or f" in {Path(last.filename).name}:{last.lineno}"
    next_ = "raise Refused or Deferred, or answer the record with an outcome"
    return Broken(f"{what} raised {type(error).__name__}{at}", FROM_SETTINGS if wants_variable(error) else next_)
