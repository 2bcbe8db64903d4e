"""One area behind one worker thread, so that the event loop never waits for a disk and one tenant for no other.

The rule: what waits is bounded; beyond that the caller hears `Busy` instead of filling the memory.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway_vaccination_records.record_system.area import Area

T = TypeVar("T")


class Busy(Exception):
    """Too much is waiting for this area."""


class Desk:
    """Calls of an area, one after the other, at most `waiting` of them at a time."""

    def __init__(self, area: Area, waiting: int) -> None:
        self.area = area
        self._free = waiting
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="area")

    async def ask(self, call: Callable[[], T]) -> T:
        """The call's result, from the area's thread. Raises Busy at once, or whatever the call raises."""
        if self._free == 0:
            raise Busy
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        finally:
            self._free += 1

    def close(self) -> None:
        """Let what was begun finish, then close the area."""
        self._thread.shutdown(wait=True)
        self.area.close()
