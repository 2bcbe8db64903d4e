"""What stands out in the deeds of a period, held against what was usual before: bursts, work out of hours, many persons
by one actor, what an actor never did before, repeated refusals. Pure: no clock, no store.

None of it is proof of anything. It says where a person is to look, and which facts to look at (C107-C114).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from statistics import median
from typing import Final, TypeAlias

from gateway.config import ReviewSettings
from gateway.hub.journal import FactKind
from gateway.hub.review.deeds import Deed
from gateway.hub.review.finding import Code, Observation

EVIDENCE: Final = 100
"""So many facts of an observation are named; the others are found by whose they are."""
HOURS_KNOWN: Final = 10
"""In so many hours somebody must have been seen for a rate to be usual."""

Who: TypeAlias = tuple[str | None, str | None, str | None]
"""A person, casefolded; or a connector, and one peer of it by its certificate."""
_NEW: Final = {
    "route": Code.NEW_ROUTE,
    "operation": Code.NEW_OPERATION,
    "terminal": Code.NEW_TERMINAL,
    "certificate": Code.NEW_CERTIFICATE,
}


@dataclass(slots=True)
class _Behind:
    """The facts behind one observation, and whose acts they are."""

    facts: list[int] = field(default_factory=list)
    count: int = 0
    acted: dict[str, str] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)

    def add(self, deed: Deed) -> None:
        self.count += 1
        if self.count <= EVIDENCE:
            self.facts.append(deed.seq)
        for each in (deed.person, deed.responsible):
            if each is not None:
                self.acted.setdefault(each.casefold(), each)


class Unusual:
    """Deeds come in the log's order: first those that only say what is usual, then those that are judged. Memory grows
    with actors, hours and days, not with deeds; persons are counted a day at a time. `young`: the log is younger than
    the time that it is held against, and so nothing is told to be new.

    The review's own acts are no new operation; and where they are about nobody, no burst and not out of hours either.
    """

    def __init__(self, settings: ReviewSettings, *, young: bool) -> None:
        self._settings = settings
        self._young = young
        self._names: dict[str, str] = {}
        self._known: defaultdict[Who, set[tuple[str, str]]] = defaultdict(set)
        self._hours: defaultdict[Who, Counter[datetime]] = defaultdict(Counter)
        self._behind: defaultdict[tuple[Code, Who, object], _Behind] = defaultdict(_Behind)
        self._persons: dict[tuple[Who, str], set[bytes | str]] = {}
        self._most: Counter[tuple[Who, date]] = Counter()
        self._today = date.min

    def see(self, deed: Deed, *, judged: bool) -> None:
        """The next deed."""
        if deed.person is not None:
            self._names.setdefault(deed.person.casefold(), deed.person)
        for who in _whose(deed):
            if not _routine(deed):
                self._count(who, deed, judged=judged)
            self._meet(who, deed, judged=judged)
        if judged:
            self._judge(deed)

    def observed(self) -> list[Observation]:
        """What stands out, in the order of the first facts behind it."""
        found = [*self._bursts(), *self._crowds(), *self._refused()]
        for (code, who, _), behind in self._behind.items():
            if code in (Code.OFF_HOURS, Code.NEW_ACTOR, Code.UNDISCLOSED, *_NEW.values()):
                found.append(self._observation(code, who, [behind]))
        return sorted(found, key=lambda each: (each.facts[0], each.code))

    def _count(self, who: Who, deed: Deed, *, judged: bool) -> None:
        hour = deed.at.replace(minute=0, second=0, microsecond=0)
        self._hours[who][hour] += 1
        if judged:
            self._behind[Code.BURST, who, hour].add(deed)

    def _meet(self, who: Who, deed: Deed, *, judged: bool) -> None:
        stranger, known = who not in self._known, self._known[who]
        said = ((name, getattr(deed, name)) for name in _NEW if not (deed.review and name == "operation"))
        fresh = [each for each in said if each[1] is not None and each not in known]
        known.update(fresh)
        if not judged:
            return
        if stranger:
            known.add(_STRANGER)
        if self._young:
            return
        if _STRANGER in known:
            self._behind[Code.NEW_ACTOR, who, None].add(deed)
            return
        for name, value in fresh:
            behind = self._behind[_NEW[name], who, None]
            behind.add(deed)
            behind.new += [value] if len(behind.new) < EVIDENCE else []

    def _judge(self, deed: Deed) -> None:
        for who in _whose(deed):
            if deed.kind is FactKind.MESSAGE_UNDISCLOSED:  # it hides for good: another person sees each
                self._behind[Code.UNDISCLOSED, who, None].add(deed)
            if who[0] is not None:
                hours = self._settings.hours_of.get(deed.connector or "", self._settings.hours)
                if not hours.at_work(deed.at) and not _routine(deed):
                    self._behind[Code.OFF_HOURS, who, None].add(deed)
                self._crowd(who, deed)
        if deed.code is not None and not deed.undisclosed:  # findings are told to more than those who decide
            who = _person(deed) or (None, deed.connector, deed.certificate)
            self._behind[Code.REFUSALS, who, deed.at.date()].add(deed)

    def _crowd(self, who: Who, deed: Deed) -> None:
        """Marks of persons are kept for the day alone; by another month's key one person has another mark."""
        if not deed.persons:
            return
        if deed.at.date() != self._today:
            self._today = deed.at.date()
            self._persons.clear()
        met = self._persons.setdefault((who, deed.month), set())
        met |= deed.persons
        self._most[who, self._today] = max(self._most[who, self._today], len(met))
        self._behind[Code.MANY_PERSONS, who, self._today].add(deed)

    def _bursts(self) -> Iterator[Observation]:
        for who, hours in self._hours.items():
            if len(hours) < HOURS_KNOWN:
                continue
            bound = max(self._settings.burst_facts, self._settings.burst_times * median(hours.values()))
            over = {hour: self._behind[key] for hour in hours if (key := (Code.BURST, who, hour)) in self._behind}
            if much := [behind for hour, behind in sorted(over.items()) if hours[hour] >= bound]:
                yield self._observation(Code.BURST, who, much, max(behind.count for behind in much))

    def _crowds(self) -> Iterator[Observation]:
        days: defaultdict[Who, dict[date, int]] = defaultdict(dict)
        for (who, day), most in sorted(self._most.items(), key=lambda each: each[0][1]):
            if most >= self._settings.persons_a_day:
                days[who][day] = most
        for who, found in days.items():
            behind = [self._behind[Code.MANY_PERSONS, who, day] for day in found]
            yield self._observation(Code.MANY_PERSONS, who, behind, max(found.values()))

    def _refused(self) -> Iterator[Observation]:
        days: defaultdict[Who, list[_Behind]] = defaultdict(list)
        for (code, who, _), behind in self._behind.items():
            if code is Code.REFUSALS and behind.count >= self._settings.refusals_a_day:
                days[who].append(behind)
        for who, found in days.items():
            yield self._observation(Code.REFUSALS, who, found, max(each.count for each in found))

    def _observation(self, code: Code, who: Who, behind: Iterable[_Behind], most: int = 0) -> Observation:
        parts = list(behind)
        person, connector, certificate = who
        return Observation(
            code=code,
            person=self._names[person] if person is not None else None,
            connector=connector,
            certificate=certificate,
            acted=tuple(dict.fromkeys(name for each in parts for name in each.acted.values())),
            facts=tuple(seq for each in parts for seq in each.facts)[:EVIDENCE],
            count=sum(each.count for each in parts),
            most=most,
            new=tuple(value for each in parts for value in each.new),
        )


_STRANGER: Final = ("", "")
"""Among what is known of whoever was not seen before the period."""


def _routine(deed: Deed) -> bool:
    """A review's own act that is about nobody."""
    return deed.review and not deed.persons


def _whose(deed: Deed) -> Iterator[Who]:
    if (person := _person(deed)) is not None:
        yield person
    if deed.connector is not None:
        yield (None, deed.connector, None)


def _person(deed: Deed) -> Who | None:
    return (deed.person.casefold(), None, None) if deed.person is not None else None
