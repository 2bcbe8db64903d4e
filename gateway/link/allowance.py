"""How many facts an edge process may cause by its word alone: so that none can fill the system's log."""

import time
from dataclasses import dataclass, field
from typing import Final

from gateway.errors import Deferred

FACTS_PER_MINUTE: Final = 60


@dataclass(slots=True)
class Allowance:
    """One edge's, over all its connections: a minute's facts at once, and then as many a minute."""

    _left: float = FACTS_PER_MINUTE
    _at: float = field(default_factory=time.monotonic)

    def spend(self) -> None:
        """One fact. Raises Deferred("queue_full")."""
        now = time.monotonic()
        self._left = min(FACTS_PER_MINUTE, self._left + (now - self._at) * FACTS_PER_MINUTE / 60)
        self._at = now
        if self._left < 1:
            raise Deferred("queue_full", retry_after=60 / FACTS_PER_MINUTE)
        self._left -= 1
