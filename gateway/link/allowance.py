"""How many facts an edge process may cause by its word alone: so that none can fill a log."""

import time
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import Deferred

FACTS_PER_MINUTE: Final = 60


class Exhausted(Deferred):
    """More than an allowance has: no fact tells of it, so it is neither taken nor refused."""


@dataclass(slots=True)
class Allowance:
    """A minute's facts at once, and then as many a minute; whoever has it has it over all connections."""

    _left: float = FACTS_PER_MINUTE
    _at: float = field(default_factory=time.monotonic)

    def spend(self) -> None:
        """One fact. Raises Exhausted("queue_full")."""
        now = time.monotonic()
        self._left = min(FACTS_PER_MINUTE, self._left + (now - self._at) * FACTS_PER_MINUTE / 60)
        self._at = now
        if self._left < 1:
            raise Exhausted("queue_full", retry_after=60 / FACTS_PER_MINUTE)
        self._left -= 1
