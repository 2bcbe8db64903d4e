"""What would otherwise pass in silence is told by a line of telemetry when it begins, and by one when it is over.

Never one line for each message that meets it, so that trouble does not flood the telemetry: the log has each of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from gateway.messages import Ending, RecordOutcome
from gateway.observe import Telemetry

QUIET_SECONDS: Final = 60.0
"""So long a source is not told of again, and so long nobody must have been put off before there is room again: a queue
that is full has room for a moment whenever a record ends.
"""


class Troubles:
    """One tenant's. Times are seconds of a clock that only goes forward. `behind` has each source whose last word was
    refused because of its edge, by code.
    """

    def __init__(self, tenant: str, telemetry: Telemetry) -> None:
        self._tenant = tenant
        self._telemetry = telemetry
        self._keyless: defaultdict[str, set[str]] = defaultdict(set)
        self._full_at: float | None = None
        self._refused: Counter[str] = Counter()
        self.behind: dict[str, str] = {}
        self._told_at: dict[str, float] = {}

    def attempted(self, destination: str, message_id: str, outcomes: Iterable[RecordOutcome], now: float) -> None:
        """An attempt is over, or a message was given up. Its destination's edge is behind with its keys while a message
        waits for one that it lacks, or if an answer of its own was not taken because of its key or its limits.
        """
        codes = {(each.ending, each.code) for each in outcomes}
        waiting = self._keyless[destination]
        told = {"tenant": self._tenant, "destination": destination}
        if (None, "key_not_here") in codes:
            if not waiting:
                self._telemetry.log.warning("delivery.key_not_here", **told, code="key_not_here")
            waiting.add(message_id)
        elif message_id in waiting:
            waiting.discard(message_id)
            if not waiting:
                self._telemetry.log.info("delivery.key_here", **told)
        if (Ending.REFUSED, "unknown_key") in codes:
            self._left_behind(destination, "unknown_key", now)
        if (None, "limits_differ") in codes:
            self._left_behind(destination, "limits_differ", now)

    def taken(self, source: str, now: float) -> None:
        """A message of `source` was recorded."""
        self.behind.pop(source, None)
        if self.quiet(now):
            self.room()

    def anew(self) -> None:
        """A configuration was applied, here or at an edge: who is still behind will show it again."""
        self.behind.clear()

    def quiet(self, now: float) -> bool:
        """The queue was full, and nobody has been put off for a while."""
        return self._full_at is not None and now >= self._full_at + QUIET_SECONDS

    def room(self) -> None:
        """The queue is no longer full."""
        self._full_at = None
        self._telemetry.log.info("queue.room", tenant=self._tenant)

    def not_taken(self, source: str, code: str, now: float) -> None:
        """What the edge of `source` submitted was refused or put off."""
        if code == "queue_full":
            if self._full_at is None:
                self._telemetry.log.warning("queue.full", tenant=self._tenant, code=code)
            self._full_at = now
        elif code in ("unknown_key", "limits_differ"):
            self._left_behind(source, code, now)

    def _left_behind(self, source: str, code: str, now: float) -> None:
        """Its edge signs or seals with keys that are retired, or by limits that are not the hub's."""
        self.behind[source] = code
        self._refused[source] += 1
        if now >= self._told_at.get(source, now):
            self._told_at[source] = now + QUIET_SECONDS
            told = {"tenant": self._tenant, "source": source, "code": code}
            self._telemetry.log.warning("source.left_behind", **told, count=self._refused.pop(source))
