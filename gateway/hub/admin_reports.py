"""The address under which people have reports made of a tenant's log."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from typing import Any, Final

from aiohttp import web

from gateway.config import japanese_clock, japanese_day
from gateway.errors import Deferred, Refused
from gateway.evidence.purged import spans
from gateway.evidence.succeeded import Succeeded
from gateway.hub.callers import Callers
from gateway.hub.copies import acts_on
from gateway.hub.days import days_can_be
from gateway.hub.hub import TenantHub
from gateway.hub.journal import FactKind, Followed
from gateway.hub.parsing import parsed
from gateway.hub.people import Person, Role
from gateway.hub.reports import REPORTS, Asked, Given, Report, made
from gateway.hub.reports.making import Period, of_period, of_person, records_of
from gateway.hub.reports.report import Said
from gateway.hub.streaming import streamed_lines
from gateway.messages import stamp
from gateway.tlog.note import Checkpoint

_ANY: Final = tuple(Role)


class ReportRoutes:
    """A report is made while it is told: a line of what it is, a line for each row, and a last one that says so."""

    def __init__(self, callers: Callers, clock: Callable[[], datetime]) -> None:
        self._callers = callers
        self._clock = clock

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Its place on the operators' listener."""
        router.add_post("/v1/{tenant}/reports/{report}", self.report)

    async def report(self, request: web.Request) -> web.StreamResponse:
        """The report of that name over the facts of a checkpoint that is signed for it. That it was asked for is a fact
        before anything is told: which, and of which days; of a person also the reason, the case, and how many rows.
        """
        report = REPORTS.get(request.match_info["report"])
        asked = parsed(Asked, await self._callers.body(request, "report", *_ANY))
        roles = report.roles if report is not None else _ANY
        async with self._callers.acting(request, "report", *roles) as (hub, reader):
            if report is None or asked is None or (asked.person is None) == report.of_person:
                raise Refused("bad_report")
            today = japanese_day(self._clock())
            if not days_can_be(asked.since, asked.until, today):
                raise Refused("bad_report")
            copies = await asyncio.to_thread(acts_on, hub.journal.path, hub.rules.tenant.code)
            making = await _Making.of(hub, reader, report, asked, today, copies)
            about: dict[str, Any] = {"asked": {"report": report.name} | _days(asked)}
            if asked.person is not None:
                about |= {"reason": asked.person.reason, "case": asked.person.case, "found": await making.count()}
            fact = await self._callers.acted(request, hub, reader, "report", about=about)
            head = making.head(japanese_clock(stamp(self._clock())), fact)
            return await streamed_lines(request, making.lines(), head)


class _Making:
    """One report under way, over the facts of one checkpoint."""

    def __init__(  # noqa: PLR0913  (each is one thing that a report is made of)
        self,
        hub: TenantHub,
        reader: Person,
        report: Report,
        asked: Asked,
        today: date,
        copies: Sequence[Mapping[str, Any]],
        signed: Checkpoint,
        seqs: Sequence[int],
    ) -> None:
        self._hub = hub
        self._reader = reader
        self._report = report
        self._asked = asked
        self._day = min(asked.until or today, today)
        self._copies = copies
        self._signed = signed
        self._seqs = seqs

    @classmethod
    async def of(
        cls,
        hub: TenantHub,
        reader: Person,
        report: Report,
        asked: Asked,
        today: date,
        copies: Sequence[Mapping[str, Any]],
    ) -> "_Making":
        """Of all facts so far. Raises Deferred, also if the index is behind: of a person, nothing may be missing."""
        text, _, _ = (await hub.journal.checkpoint()).partition("\n\n")
        signed, seqs = Checkpoint.parse(f"{text}\n"), set[int]()
        if asked.person is not None:
            with closing(await hub.search.reader()) as index, hub.search.asking():
                if index.upto < signed.size:
                    raise Deferred("index_unavailable")
                for each in asked.person.by:
                    seqs |= index.tagged(each.by_month())
        return cls(hub, reader, report, asked, today, copies, signed, sorted(seqs))

    def head(self, at: str, fact: int) -> dict[str, Any]:
        """What the report is, made at that time; `fact` says that it was asked for."""
        given = self._given()
        return {
            "report": self._report.name,
            "title": self._report.title,
            "of_person": self._report.of_person,
            "tenant": self._hub.rules.tenant.code,
            "name": self._hub.rules.tenant.file.name,
            **_period(self._asked),
            "made_at": at,
            "made_by": self._reader.id,
            "asked_in": fact,
            "began": _day(given.began),
            "purged_before": _day(given.before),
            "size": self._signed.size,
            "root": self._signed.root.hex(),
            "columns": self._report.columns,
            "above": self._report.above(given),
            "notes": (*self._report.notes, *self._follows()),
        }

    def _follows(self) -> Iterator[Said]:
        """What no report can tell: it is lost with the log that this one follows."""
        for seq, _, fact in self._hub.journal.told((FactKind.LOG_SUCCEEDED,)):
            follows = Succeeded.read(seq, fact)
            yield Said(follows.sentence(), _follows_in_japanese(follows))

    def lines(self) -> Iterator[list[dict[str, Any]]]:
        """Its rows, some at a time, and a last line with their number: without it, it is not whole."""
        count = 0
        for rows in self._rows():
            count += len(rows)
            yield [{"cells": self._report.cells(row), "facts": str(row.facts)} for row in rows]
        yield [{"rows": count}]

    async def count(self) -> int:
        """How many rows it will have."""
        count = 0
        for rows in self._rows():
            count += len(rows)
            await asyncio.sleep(0)  # others are served between two reads
        return count

    def _rows(self) -> Iterator[list[Any]]:
        return made(self._report, self._given(), self._slices())

    def _given(self) -> Given:
        journal, asked, size = self._hub.journal, self._asked, self._signed.size
        gone = journal.told((FactKind.FACTS_PURGED,))

        def message(message_id: str) -> list[Any]:
            seqs = [seq for seq in journal.of_message(message_id) if seq <= size]
            return [found.fact for found in journal.found(seqs)]

        return Given(
            rules=self._hub.rules,
            reader=self._reader,
            since=Period.of(asked).since or "",
            day=self._day,
            began=journal.following.time_of(1),
            about=asked.person,
            people=self._hub.people.configured,
            copies=self._copies,
            persons=lambda fact: journal.following.persons(fact.seq - 1, fact.seq).get(fact.seq, frozenset()),
            purged=_purged(gone),
            before=_before(gone),
            message=message,
            records=records_of(asked.person, journal.tagged_records),
        )

    def _slices(self) -> Iterator[list[Followed]]:
        period, size, following = Period.of(self._asked), self._signed.size, self._hub.journal.following
        if self._asked.person is None:
            return of_period(following, self._report, period, size)
        return of_person(following, self._report, period, self._seqs, size)


def _before(told: Iterable[tuple[int, FactKind, Mapping[str, Any]]]) -> str:
    """The latest time before which facts were purged; empty if none ever was."""
    return max((fact["before"] for _, _, fact in told), default="")


def _purged(told: Iterable[tuple[int, FactKind, Mapping[str, Any]]]) -> Callable[[int, int], bool]:
    gone = [span for _, _, fact in told for span in spans(fact["facts"])]
    return lambda first, last: any(begin <= last and first <= end for begin, end in gone)


def _day(at: str) -> str:
    return japanese_day(datetime.fromisoformat(at)).isoformat() if at else ""


def _days(asked: Asked) -> dict[str, str]:
    days = {"since": asked.since, "until": asked.until}
    return {name: day.isoformat() for name, day in days.items() if day is not None}


def _period(asked: Asked) -> dict[str, str]:
    """The days that a report is of; of a person not beyond the months of the tags, behind which nothing was sought."""
    days = _days(asked)
    if asked.person is None or not (months := asked.person.months()):
        return days
    since, until = days.get("since", ""), days.get("until", "9999-12-31")
    return {"since": max(since, months[0]), "until": until if until[:7] <= months[-1] else months[-1]}


def _follows_in_japanese(follows: Succeeded) -> str:
    told = f"記録{follows.seq}からは新しいログ。それより前の{follows.taken}件は{follows.former}から引き継いだもの"
    if follows.lost is None:
        return f"{told}。元のログのうち何が失われたかは分からない。"
    first, last = follows.lost
    return f"{told}。元のログの記録{first}から{last}までと、その後の記録は失われた。"
