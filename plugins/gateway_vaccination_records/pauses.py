"""When to look at the record system again: after a failure later each time, with nothing to do in a moment."""

import asyncio
from typing import Final

_LOOK_AGAIN: Final = 1.0
"""Seconds, when nothing is wanted and nothing is stored that might want something."""
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


class Pauses:
    """The pauses of one who asks or sends, by the running loop's clock."""

    def __init__(self) -> None:
        self.pause = 0.0
        self._not_before = 0.0
        self._look_at = 0.0

    def over(self) -> bool:
        """No failure is to be waited for."""
        return _now() >= self._not_before

    @property
    def failing(self) -> bool:
        """Since the last failure nothing has succeeded."""
        return self.pause > 0

    def left(self) -> float:
        """Seconds that are still to be waited for after a failure."""
        return max(0.0, self._not_before - _now())

    def look(self) -> bool:
        """It is time to look whether there is something to do."""
        return _now() >= max(self._look_at, self._not_before)

    def nothing(self) -> None:
        """There is nothing to do now."""
        self._look_at = _now() + _LOOK_AGAIN

    def something(self) -> None:
        """There may be something to do: look at once."""
        self._look_at = 0.0

    def failed(self, retry_after: float | None) -> None:
        """Wait twice as long as the last time, and as long as we are asked to (seconds)."""
        self.pause = min(max(self.pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._not_before = _now() + max(retry_after or 0.0, self.pause)

    def succeeded(self) -> None:
        """The next failure is a first one."""
        self.pause = 0.0

    def wake(self) -> None:
        """Something has ended: no need to pause any longer."""
        self.pause = self._not_before = self._look_at = 0.0


def _now() -> float:
    return asyncio.get_running_loop().time()
