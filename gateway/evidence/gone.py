"""The facts of a log in a folder whose content is gone, held against those that say what was purged."""

from collections.abc import Mapping
from typing import Any

from gateway.evidence.altered import Altered
from gateway.evidence.purged import PURGED, Purged


class Gone:
    """The facts without content: each must be one that a fact of the log says was purged, and old by those before."""

    def __init__(self) -> None:
        self._purged = Purged()
        self._runs: list[tuple[int, int]] = []
        self._days: dict[str, int] = {}
        self.count = 0

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
                after = span.last + 1

    def stale(self) -> int:
        """How many facts have content that the log has purged."""
        return sum(span.last - span.first + 1 for span in self._purged.spans()) - self.count
