"""How a report gets its facts: those of a period, found by halving, or those of one person, found by tags."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.config import japanese_midnight
from gateway.hub.journal import Followed, Following
from gateway.hub.journal.finding import made_in
from gateway.hub.reports.asked import About, Asked
from gateway.hub.reports.report import Given, Report, Row
from gateway.messages import stamp

_FEW: Final = 50
"""Facts of a person that one read looks at."""
_AT_ONCE: Final = 10
"""Facts that are turned into rows before others are served: each may read all facts of its message."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` on and before `until`, as facts have their times; None where it has no end."""

    since: str | None
    until: str | None

    @classmethod
    def of(cls, asked: Asked) -> "Period":
        """Of these days in Japan."""
        since = stamp(japanese_midnight(asked.since)) if asked.since else None
        return cls(since, stamp(japanese_midnight(asked.until + timedelta(1))) if asked.until else None)

    def with_before(self, before: timedelta | None) -> "Period":
        """It, and so long before it, or all."""
        if self.since is None or before is None:
            return Period(None, self.until)
        return Period(stamp(datetime.fromisoformat(self.since) - before), self.until)

    def has(self, fact: Followed) -> bool:
        """Whether it was then."""
        at = fact.fact["at"]
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


def made(report: Report, given: Given, slices: Iterator[Sequence[Followed]]) -> Iterator[list[Row]]:
    """The report's rows, some at a time; none now and then, for others to be served. Raises Deferred."""
    rows = report.rows(given)
    for facts in slices:
        for first in range(0, max(len(facts), 1), _AT_ONCE):
            yield [row for fact in facts[first : first + _AT_ONCE] for row in rows.add(fact)]
    yield list(rows.end())


def of_period(following: Following, report: Report, period: Period, size: int) -> Iterator[list[Followed]]:
    """The facts of that period among the first `size`, of the report's kinds. Raises Deferred."""
    period = period.with_before(report.before)
    at, last = following.between(period.since, period.until)
    while at < min(last, size):
        facts, at = following.after(at, [kind.value for kind in report.kinds])
        yield [fact for fact in facts if fact.seq <= size and period.has(fact)]


def of_person(
    following: Following, report: Report, period: Period, seqs: Sequence[int], size: int
) -> Iterator[list[Followed]]:
    """Those of these facts that are of that period and of the report's kinds. Raises Deferred."""
    known = sorted(seq for seq in seqs if seq <= size)
    for first in range(0, len(known), _FEW):
        facts = following.these(known[first : first + _FEW])
        yield [fact for fact in facts if fact.kind in report.kinds and period.has(fact)]


def records_of(
    about: About | None, tagged: Callable[[int, frozenset[bytes]], frozenset[int]]
) -> Callable[[Followed], frozenset[int]]:
    """See `Given.records`: a tag is held against the connector and the month that it was made in."""
    if about is None:
        return lambda fact: frozenset(index for index, _, _ in fact.header.get("records", ()))
    tags: Mapping[str, Mapping[str, frozenset[bytes]]] = {each.connector: each.by_month() for each in about.by}

    def records(fact: Followed) -> frozenset[int]:
        its = tags.get(fact.header.get("source", ""), {}).get(made_in(fact.fact), frozenset[bytes]())
        return tagged(fact.seq, its) if its else frozenset()

    return records
