"""Which facts a log itself says were purged, and whether they were old enough.

A purged fact has nothing left but its commitment, which cannot show how old it was. Those before it can show a lie:
facts are purged in their order, so none that stands before a purged one may be younger than that purge reached.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

PURGED: Final = "facts.purged"
"""The kind of the facts that say it; they are never purged."""
KEPT_YEARS: Final = 3
"""No fact is purged sooner than so many years after its time (C116)."""

CLOCKS_DIFFER: Final = timedelta(days=1)
"""By so much the clocks of a gateway, a witness and a reader may differ, without one of them saying a lie."""
LEAPT: Final = timedelta(days=32)
"""So much later than a witness saw it a purging may claim to be: a gateway whose clock is ahead by less than a month
believes it where there are facts of that month, and what it purged by it is gone.
"""

_OPEN: Final = 2**63 - 1


def years_before(at: datetime, years: int) -> datetime:
    """The same time of that year; of 29 February, the 28th."""
    try:
        return at.replace(year=at.year - years)
    except ValueError:
        return at.replace(year=at.year - years, day=28)


class Span(NamedTuple):
    """Facts `first` to `last`, purged at `at`: of those before them none was from `before` or younger, by then."""

    first: int
    last: int
    before: str
    at: str


class Purged:
    """What `facts.purged` say, as far as they were `add`ed. `tags`: of how many records in these facts the person tag
    had been erased before.
    """

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self.tags = 0

    def add(self, fact: Mapping[str, Any]) -> None:
        """Let one more count. Raises ValueError, LookupError, TypeError or AttributeError if it cannot be."""
        at, before = fact["at"], fact["before"]
        if time_of(before) > years_before(time_of(at), KEPT_YEARS):
            raise ValueError("purged too early")
        for first, last in spans(fact["facts"]):
            place = bisect_right(self._spans, last, key=lambda each: each.first)
            if last >= fact["seq"] or (place and self._spans[place - 1].last >= first):
                raise ValueError("not earlier facts, or purged twice")
            former = self._spans[place - 1] if place else None
            if former is not None and (former.last, former.before, former.at) == (first - 1, before, at):
                self._spans[place - 1] = former._replace(last=last)
            else:
                self._spans.insert(place, Span(first, last, before, at))
        self.tags += int(fact["tags"])

    def spans(self) -> Sequence[Span]:
        """In the order of their facts."""
        return self._spans

    def gaps(self, after: int) -> Iterator[tuple[int, int]]:
        """First and last fact of each stretch behind fact `after` that was not purged; the last is open."""
        for each in self._spans[bisect_right(self._spans, after, key=lambda each: each.last) :]:
            if each.first > after + 1:
                yield after + 1, each.first - 1
            after = each.last
        yield after + 1, _OPEN

    def span(self, seq: int) -> Span | None:
        """That of a fact; None if it was not purged."""
        place = bisect_right(self._spans, seq, key=lambda each: each.first)
        found = self._spans[place - 1] if place else None
        return found if found is not None and seq <= found.last else None


def time_of(at: str) -> datetime:
    """A time as facts have it. Raises ValueError."""
    return datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """First and last of each range: "1-4,7" is 1 to 4 and 7 to 7. Raises ValueError."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not 0 < int(first) <= int(last or first):
            raise ValueError("not a range")
        yield int(first), int(last or first)
