"""A destination that cannot be reached costs one probe at a time, and no attempts of the messages that wait for it.

Pure: what an attempt came to and when goes in, how many may go comes out. In memory only; a restart learns it again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from gateway.messages import RecordOutcome

FAILURES: Final = 3
"""So many attempts in a row that reach nobody open it."""
_UNREACHED: Final = frozenset({"system_unreachable", "deadline", "use_stops_unreadable"})


def unreached(outcomes: Iterable[RecordOutcome], asked: float | None) -> bool:
    """Whether an attempt says of the whole system, not of a record, that it is not there: every record is deferred
    because system or edge could not be reached or did not answer in time, or the edge cannot know of whom nothing may
    pass; or asked by Retry-After to be left alone.
    """
    codes = {each.code if each.ending is None else None for each in outcomes} - {"behind_deferred"}
    return bool(codes) and codes <= (_UNREACHED | {"system_busy"} if asked is not None else _UNREACHED)


def silent(outcomes: Iterable[RecordOutcome]) -> bool:
    """Whether an attempt says nothing of the system: all of it waits for what the edge still has in hand."""
    return all(each.ending is None and each.code == "behind_deferred" for each in outcomes)


@dataclass(slots=True)
class Breaker:
    """One destination's, closed at first. Times are seconds of a clock that only goes forward."""

    failures: int = 0
    probe_at: float | None = None
    _failed_at: float = 0.0

    @property
    def open(self) -> bool:
        """Whether deliveries wait until a probe gets through."""
        return self.probe_at is not None

    def room(self, now: float, most: int) -> int:
        """How many attempts may be under way: `most` while it is closed, then one from the next probe's time on."""
        if self.probe_at is None:
            return most
        return int(now >= self.probe_at)

    def reached(self) -> bool:
        """An attempt got through. Whether that closed it."""
        closed = self.open
        self.failures, self.probe_at = 0, None
        return closed

    def failed(self, began: float, now: float, pause: Callable[[int], float]) -> bool:
        """An attempt that began then reached nobody. Whether that opened it.

        `pause` is the wait before the nth probe. What was under way already when it opened says nothing new.
        """
        if self.open and began <= self._failed_at:
            return False
        opened = not self.open
        self.failures += 1
        if self.failures < FAILURES:
            return False
        self._failed_at, self.probe_at = now, now + pause(self.failures - FAILURES + 1)
        return opened

    def probe_now(self, now: float) -> None:
        """There is reason to think that it is back."""
        if self.probe_at is not None:
            self.probe_at = min(self.probe_at, now)
