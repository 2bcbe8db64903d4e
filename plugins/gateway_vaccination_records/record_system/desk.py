"""One area behind one worker thread, so that the event loop never waits for a disk and one tenant for no other.

The rule: what waits is bounded; beyond that the caller hears `Busy` instead of filling the memory.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from gateway_vaccination_records.record_system.area import Person
from gateway_vaccination_records.record_system.keys import Batch, Said
from gateway_vaccination_records.record_system.models import DeleteRow, KeyRow, LookupRow, RegisterRow, UnansweredRow
from gateway_vaccination_records.record_system.versions import Verdict

T = TypeVar("T")


class Store(Protocol):
    """What the API needs of an area. Rows that `store` leaves out are answered busy."""

    def store(self, message_id: str, rows: Sequence[RegisterRow | DeleteRow]) -> Mapping[int, Verdict]: ...
    def lookup(self, rows: Sequence[LookupRow]) -> Mapping[int, Person | None]: ...
    def counts(self) -> Mapping[str, int]: ...
    def key_batch(self, most: int, besides: Sequence[str] = ()) -> Batch | None: ...
    def key_answers(self, batch: str | None, rows: Sequence[KeyRow | UnansweredRow]) -> Mapping[int, Said]: ...
    def key_counts(self) -> Mapping[str, int]: ...
    def disputes(self) -> int: ...
    def check(self) -> None: ...
    def close(self) -> None: ...


class Busy(Exception):
    """Too much is waiting for this area."""


class Desk:
    """Calls of an area, one after the other, at most `waiting` of them at a time."""

    def __init__(self, store: Store, waiting: int) -> None:
        self.store = store
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
        self.store.close()
