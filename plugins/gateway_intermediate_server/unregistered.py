"""Whoever the link platform does not know yet: what is about them waits for a while, and is then refused.

People are registered ahead of all else, in lanes of their own (decision 0028), so what is about them may come first.
But a lane stands still behind what waits in it, and strangers share it: a number that nobody has may not hold up for
hours what protects somebody else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from gateway.plugin import Refused
from gateway.plugin.exchange import Later

PATIENCE: Final = 600.0
"""Seconds from when the platform first said so."""
_REMEMBERED: Final = 10_000


class Unregistered:
    """Since when each is waited for; in memory only, so that a restart begins anew."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    @contextmanager
    def behind(self, internal_no: str) -> Iterator[None]:
        """What is asked of the platform about somebody. Raises Later("unknown_addressee"), and in the end
        Refused("unknown_addressee").
        """
        try:
            yield
        except Refused as refused:
            if refused.code != "unknown_addressee" or not self._waits(internal_no):
                raise
            raise Later(refused.code) from None
        self._since.pop(internal_no, None)

    def _waits(self, internal_no: str) -> bool:
        now = self._clock()
        if now - self._since.setdefault(internal_no, now) >= PATIENCE:
            del self._since[internal_no]
            return False
        while len(self._since) > _REMEMBERED:
            del self._since[next(iter(self._since))]
        return True
