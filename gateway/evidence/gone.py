"""The facts of a log in a folder whose content is gone, held against those that say what was purged."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.evidence.altered import Altered
from gateway.evidence.purged import CLOCKS_DIFFER, LEAPT, PURGED, Purged, Span, time_of


class Gone:
    """The facts without content: each must be one that a fact of the log says was purged, and old by those before, by
    the time `now` of whoever asks, and by what witnesses saw.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._seen: list[tuple[int, datetime]] = []
        self._purged = Purged()
        self._runs: list[tuple[int, int]] = []
        self._days: dict[str, int] = {}
        self.count = 0

    def seen(self, size: int, at: int) -> None:
        """Before the first fact: a witness saw the log with `size` facts at that time, in seconds since 1970."""
        self._seen.append((size, datetime.fromtimestamp(at, UTC)))

    def see(self, seq: int, fact: Mapping[str, Any] | None) -> None:
        """The next fact; None if its content is gone. Raises Altered."""
        try:
            if fact is None:
                self.count += 1
                first = self._runs.pop()[0] if self._runs and self._runs[-1][1] == seq - 1 else seq
                self._runs.append((first, seq))
            else:
                self._days.setdefault(fact["at"][:10], seq)
                if fact["kind"] == PURGED:
                    self._purged.add(fact)
                    self._check_time(seq, time_of(fact["at"]))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Altered(f"fact {seq} is not a fact, or says what cannot be of facts that were purged", seq) from None

    def check(self) -> None:
        """At the end. Raises Altered."""
        for first, last in self._runs:
            after = first
            while after <= last:
                span = self._purged.span(after)
                if span is None:
                    raise Altered(f"fact {after} is without content, and no fact says that it was purged", after)
                if any(seq < first and span.before[:10] < day <= span.at[:10] for day, seq in self._days.items()):
                    raise Altered(f"facts {first} to {last} were purged too early, by those before them", first)
                if self._seen_later(span):
                    raise Altered(
                        f"facts {first} to {last} were purged too early: a witness saw the log end before", first
                    )
                after = span.last + 1

    def stale(self) -> int:
        """How many facts have content that the log has purged."""
        return sum(span.last - span.first + 1 for span in self._purged.spans()) - self.count

    def _check_time(self, seq: int, at: datetime) -> None:
        """Of a purging: by the time that it claims it is judged what was old. Raises Altered."""
        if at - self._now > CLOCKS_DIFFER:
            raise Altered(f"fact {seq} says that it purged at a time that is yet to come", seq)
        if any(size >= seq and at - saw > LEAPT for size, saw in self._seen):
            raise Altered(f"fact {seq}: a witness saw it earlier than it claims to be, so it purged too early", seq)

    def _seen_later(self, span: Span) -> bool:
        """Whether a witness saw the log without these facts when they would have been too young already."""
        before = time_of(span.before)
        return any(size < span.last and saw - before >= CLOCKS_DIFFER for size, saw in self._seen)
