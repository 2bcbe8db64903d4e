"""The reviews of one tenant: shown, signed, and what they find tracked to its end; all of it by facts, as accounts are.

Whoever reads is told what the log says by then. What is written is asked for once more inside the write.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateway.config import ReviewSettings, japanese_day
from gateway.config.files import Closed, StaffId, Whole
from gateway.errors import Refused
from gateway.hub.accounts import Accounts
from gateway.hub.acts import done_by
from gateway.hub.journal import REVIEW_FACTS, FactKind, Journal
from gateway.hub.journal.reading import told
from gateway.hub.people import Person, same_person
from gateway.hub.review.deeds import whose
from gateway.hub.review.finding import COMPARES, SIGNS, Code, Observation, Outcome
from gateway.hub.review.last_acts import last_acts
from gateway.hub.review.period import Period, period
from gateway.hub.review.standing import Standing, Subject
from gateway.hub.review.users import Table, compared, to_look_into
from gateway.hub.search import Search
from gateway.messages import stamp

MOST_FLAGGED: Final = 100


class Sign(Closed):
    """The log was looked at up to this fact."""

    to: Whole


class Flag(Closed):
    """These facts are to be looked into."""

    facts: tuple[Whole, ...]


class Take(Closed):
    """Somebody looks into it, under a case."""

    case: StaffId


class Close(Closed):
    """What became of it; the case is the one under which it was taken."""

    outcome: Outcome


class Reviews:
    """Each call raises Deferred("log_unavailable") if the log cannot be read or written. `settings` are today's."""

    def __init__(
        self, journal: Journal, search: Search, people: Accounts, settings: Callable[[], ReviewSettings]
    ) -> None:
        self._journal = journal
        self._search = search
        self._people = people
        self._settings = settings
        self._standing = Standing()
        self._followed = 0
        self._purged = 0

    async def period(self, to: int | None = None, *, discloses: bool = False) -> Period:
        """What nobody has signed yet, up to that fact or to the last, for a reader who is told what is not to be
        disclosed or is not.
        """
        since, log = self.standing().reviewed(Subject.LOG) + 1, self._journal.following
        return await period(log, since, log.size if to is None else to, self._settings(), discloses=discloses)

    async def sign(self, said: Sign, by: Person, terminal: str, clock: Callable[[], datetime]) -> Mapping[str, int]:
        """The log was reviewed up to that fact; whatever stands out by then is a finding from now on. Tells how many
        those are. Raises Refused: bad_review if that is no fact that is to be reviewed, not_looked_at if it was not
        shown to this person, reviewed_meanwhile, role_missing.
        """
        since = self.standing().reviewed(Subject.LOG) + 1
        if not since <= said.to <= self._journal.following.size:
            raise Refused("bad_review")
        found = (await period(self._journal.following, since, said.to, self._settings())).unusual
        body = {"subject": Subject.LOG.value, "since": since, "to": said.to, "findings": len(found)}

        def check(connection: sqlite3.Connection) -> None:
            self._people.requiring(by, SIGNS, now)(connection)
            if self._within(connection).reviewed(Subject.LOG) + 1 != since:
                raise Refused("reviewed_meanwhile")
            if not _looked(connection, by, said.to):
                raise Refused("not_looked_at")

        now = clock()
        await self._write(FactKind.REVIEW_SIGNED, body, found, by, terminal, now, check)
        return {"to": said.to, "findings": len(found)}

    async def users(self, table: Table, now: datetime) -> list[dict[str, Any]]:
        """Every right, here or in the table, how they agree, and when that person last did something here."""
        rights = self._people.listed(now)
        acted = await last_acts(self._search, self._journal, (each["person"] or "" for each in rights))
        return list(compared(rights, table, acted, japanese_day(now)))

    async def sign_users(self, table: Table, by: Person, terminal: str, now: datetime) -> Mapping[str, int]:
        """The users were held against that table; whatever differs is a finding from now on. Raises
        Refused("role_missing").
        """
        rows = list(compared(self._people.listed(now), table, {}, japanese_day(now)))
        counts: dict[str, int] = {word: sum(row["found"] == word for row in rows) for word in _FOUND}
        found = to_look_into(rows)
        body = {"subject": Subject.USERS.value, "to": self._journal.following.size, "table": table.table, **counts}
        check = self._people.requiring(by, COMPARES, now)
        await self._write(FactKind.REVIEW_SIGNED, body | {"findings": len(found)}, found, by, terminal, now, check)
        return counts | {"findings": len(found)}

    async def flag(self, said: Flag, by: Person, terminal: str, now: datetime) -> int:
        """Somebody finds that these facts are to be looked into. Tells the finding. Raises Refused: bad_finding,
        unknown_fact, role_missing.
        """
        seqs = sorted({*said.facts})
        if not 0 < len(seqs) <= MOST_FLAGGED:
            raise Refused("bad_finding")
        found = Observation(code=Code.FLAGGED, acted=self._acted(seqs), facts=tuple(seqs), count=len(seqs))
        body = found.told() | done_by(by.id, by.certificate, terminal)
        return await self._journal.fact(
            FactKind.FINDING_OPENED, body, at=stamp(now), check=self._people.requiring(by, SIGNS, now)
        )

    async def take(self, finding: int, said: Take, by: Person, terminal: str, now: datetime) -> None:
        """Somebody works on it. Raises Refused: unknown_finding, finding_closed, own_finding, role_missing."""
        await self._move(FactKind.FINDING_TAKEN, finding, {"case": said.case}, by, terminal, now)

    async def close(self, finding: int, said: Close, by: Person, terminal: str, now: datetime) -> None:
        """It has come to its end. Raises as `take` does, and not_taken if nobody has looked into it yet."""
        await self._move(FactKind.FINDING_CLOSED, finding, {"outcome": said.outcome.value}, by, terminal, now)

    def standing(self) -> Standing:
        """What was reviewed and found, brought after the log; what it says no more is known no more."""
        if gone := self._journal.told((FactKind.FACTS_PURGED,), after=self._purged):
            self._standing, self._followed, self._purged = Standing(), 0, gone[-1][0]
        for seq, kind, fact in self._journal.told(REVIEW_FACTS, after=self._followed):
            self._standing.apply(seq, kind, fact)
            self._followed = seq
        return self._standing

    def due(self, subject: Subject) -> datetime | None:
        """When it is to be reviewed next; None as long as the log is empty."""
        if not self._journal.following.size:
            return None
        settings, standing = self._settings(), self.standing()
        days = settings.log_days if subject is Subject.LOG else settings.users_days
        first = self._journal.following.time_of(1)
        if not first:  # it was purged: the log is at least as old as what went last
            first = max(fact["before"] for _, _, fact in self._journal.told((FactKind.FACTS_PURGED,)))
        return standing.due(subject, days, first)

    async def _move(
        self, kind: FactKind, finding: int, body: Mapping[str, Any], by: Person, terminal: str, now: datetime
    ) -> None:
        def check(connection: sqlite3.Connection) -> None:
            self._people.requiring(by, SIGNS, now)(connection)
            self._within(connection).require_open(finding, by.id, taken=kind is FactKind.FINDING_CLOSED)

        await self._journal.fact(
            kind, {"finding": finding, **body, **done_by(by.id, by.certificate, terminal)}, at=stamp(now), check=check
        )

    async def _write(  # noqa: PLR0913  (a review is this much)
        self,
        kind: FactKind,
        body: Mapping[str, Any],
        found: Sequence[Observation],
        by: Person,
        terminal: str,
        now: datetime,
        check: Callable[[sqlite3.Connection], None],
    ) -> None:
        said = done_by(by.id, by.certificate, terminal)
        opened = [(FactKind.FINDING_OPENED, each.told() | said) for each in found]
        await self._journal.facts([(kind, {**body, **said}), *opened], at=stamp(now), check=check)

    def _acted(self, seqs: Sequence[int]) -> tuple[str, ...]:
        """Whose acts these facts may tell of. Raises Refused("unknown_fact")."""
        acted: dict[str, str] = {}
        for seq in seqs:
            if not 0 < seq <= self._journal.following.size:
                raise Refused("unknown_fact")
            for followed in self._journal.following.these([seq]):
                for each in whose(followed, self._request(followed.header)):
                    acted.setdefault(each.casefold(), each)
        return tuple(acted.values())

    def _request(self, header: Mapping[str, Any]) -> Mapping[str, Any]:
        """The header of the request that a reply of this header answers; empty if there is none, or it was purged."""
        if (asked := header.get("correlation_id")) is None:
            return {}
        first = self._journal.following.these(self._journal.of_message(asked)[:1])
        return first[0].header if first else {}

    def _within(self, connection: sqlite3.Connection) -> Standing:
        """As a write finds it: by every fact before it."""
        standing = Standing()
        for each in told(connection, REVIEW_FACTS, 0):
            standing.apply(*each)
        return standing


def _looked(connection: sqlite3.Connection, by: Person, to: int) -> bool:
    """Whether the log tells that this person was shown what is up to that fact: a look stands behind what it showed."""
    return any(
        fact["act"] == "review" and fact.get("to", 0) >= to and same_person(fact["operator"], by.id)
        for _, _, fact in told(connection, (FactKind.OPERATOR_ACTED,), to)
    )


_FOUND: Final = ("agrees", "differs", "missing_here", "missing_there")
