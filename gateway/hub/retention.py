"""What is not to be kept is deleted by itself, with a fact: the sealed payloads of routes that say so (C117), and the
content of facts three years old (C116).

How long a payload is kept is settled when a message ends, by its route as it is then. A route that says less later
counts for what has ended, too; one that says more, is renamed or taken away does not. With its facts each payload goes
at the latest. What a legal hold covers stays. After logs were restored nothing goes before a person says so, for holds
may be forgotten. A clock is not believed that runs away from the log: what is deleted does
not come back.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from gateway.config import Tenant, japanese_day, japanese_midnight
from gateway.errors import Refused
from gateway.evidence.purged import KEPT_YEARS, years_before
from gateway.hub.journal import FIRST, Journal, Looked, Outdated
from gateway.messages import stamp

LOOK_SECONDS: Final = 60.0
"""How often at least payloads are looked at."""
PURGE_SECONDS: Final = 3600.0
"""How often facts are: their limit moves by days."""
REST_SECONDS: Final = 0.1
"""The line's share between two transactions of purging, which take some tens of milliseconds each."""
_NEVER: Final = "2000-01-01T00:00:00.000000Z"
"""No fact is from before that time."""
_RUNS_AWAY: Final = timedelta(days=31)
_LATELY: Final = timedelta(days=1)
_SET: Final = 3600.0


@dataclass(slots=True)
class Retained:
    """What went, or would go: `envelopes` and `facts`. What is over and stays, by why: how many facts; and
    `held`, how many payloads a legal hold keeps, told of what would go.
    """

    before: str
    envelopes: int = 0
    held: int = 0
    facts: int = 0
    stay: dict[str, int] = field(default_factory=dict)


def pause(tenant: Tenant) -> float:
    """Seconds until the next look: not much longer than anything may be kept."""
    return min([LOOK_SECONDS, *(max(1.0, keep) for keep in keeps(tenant).values())])


def runs_away(journal: Journal, now: datetime) -> bool:
    """Whether the log has nothing from the month before yesterday: then, unless the clock has been `Steady`,
    this may be no time that has passed. Raises Deferred.
    """
    return journal.retention.silent(stamp(now - _RUNS_AWAY), stamp(now - _LATELY))


class Steady:
    """Whether the clock has gone as time passes: a quiet log says nothing of it, and a clock that is set does not."""

    def __init__(self) -> None:
        self._last: tuple[datetime, float] | None = None
        self._since = 0.0

    def look(self, now: datetime, passed: float) -> bool:
        """Whether for a day, by all looks so far, it went within an hour as the seconds `passed` of the process say."""
        if self._last is None or abs((now - self._last[0]).total_seconds() - (passed - self._last[1])) > _SET:
            self._since = passed
        self._last = now, passed
        return passed - self._since >= _LATELY.total_seconds()


async def would_go(tenant: Tenant, journal: Journal, now: datetime) -> Retained:
    """What would be deleted and purged now. Raises Deferred."""
    found = Retained(limit(now))
    gone, held = set[str](), set[str]()
    for number, each in enumerate(_outdated(tenant, journal, now)):
        if not journal.retention.held(each.message_id):
            gone.add(each.message_id)
        else:
            held.add(each.message_id)
        await _others(number)
    after = 0
    while (looked := journal.retention.due(after, before=found.before, at=stamp(now))).end is not None:
        _count(found, looked)
        gone.update(looked.envelopes)
        after = looked.end
        await asyncio.sleep(0)
    found.envelopes, found.held = len(gone), len(held)
    return found


async def retain(tenant: Tenant, journal: Journal, now: datetime) -> Retained:
    """Delete and purge whatever is over, as a person has said; nothing of it stays in the WAL. Raises Deferred."""
    deleted = await _delete_outdated(tenant, journal, now)
    found = await _purge_old(journal, now)
    found.envelopes += deleted
    return found


async def delete_outdated(tenant: Tenant, journal: Journal, now: datetime) -> int:
    """Delete the payloads whose time is over, as was settled at their end or by today's routes; returns how many: none
    after a restore, until somebody has said that they may go.

    Raises Deferred.
    """
    return 0 if await asyncio.to_thread(journal.retention.waits) else await _delete_outdated(tenant, journal, now)


async def purge_old(journal: Journal, now: datetime) -> Retained:
    """Purge the facts that are old enough, and before them the payloads of their messages: none after a restore, until
    somebody has said that they may go. Raises Deferred.
    """
    if await asyncio.to_thread(journal.retention.waits):
        return Retained(_NEVER)
    return await _purge_old(journal, now)


async def _delete_outdated(tenant: Tenant, journal: Journal, now: datetime) -> int:
    deleted = 0
    for number, each in enumerate(_outdated(tenant, journal, now)):
        deleted += await _delete(journal, each.message_id, now)
        await _others(number)
    if deleted or journal.retention.unswept():
        await journal.retention.swept()
    return deleted


async def _purge_old(journal: Journal, now: datetime) -> Retained:
    found, after = Retained(limit(now)), 0
    while (looked := journal.retention.due(after, before=found.before, at=stamp(now))).end is not None:
        for message_id in looked.envelopes:
            found.envelopes += await _delete(journal, message_id, now)
        if looked.go or looked.envelopes:
            looked = await journal.retention.purge(after, before=found.before, at=stamp(now))
        await asyncio.sleep(REST_SECONDS if looked.go else 0)
        _count(found, looked)
        after = looked.end or after
    if found.facts or found.envelopes or journal.retention.unswept():
        await journal.retention.swept()
    return found


def limit(now: datetime) -> str:
    """Facts from before that time are old enough: it is a midnight in Japan, so that one fact a day says what went."""
    return stamp(japanese_midnight(japanese_day(years_before(now, KEPT_YEARS))))


def _count(found: Retained, looked: Looked) -> None:
    found.facts += len(looked.go)
    for why, seqs in looked.stay.items():
        found.stay[why] = found.stay.get(why, 0) + len(seqs)


def _outdated(tenant: Tenant, journal: Journal, now: datetime) -> Iterator[Outdated]:
    over = [partial(journal.kept_too_long, stamp(now))]
    over += [
        partial(journal.outdated, route, stamp(now - timedelta(seconds=keep))) for route, keep in keeps(tenant).items()
    ]
    for find in over:
        after = FIRST
        while found := find(after):
            yield from found
            after = found[-1]


async def _delete(journal: Journal, message_id: str, now: datetime) -> bool:
    if journal.retention.held(message_id):
        return False
    try:
        await journal.delete_envelope(message_id, at=stamp(now))
    except Refused:  # replayed or deleted just now
        return False
    return True


async def _others(number: int) -> None:
    """Others are served now and then."""
    if number % 100 == 0:
        await asyncio.sleep(0)


def keeps(tenant: Tenant) -> dict[str, float]:
    """Seconds for which each route keeps the payloads of what has ended, where it says so."""
    return {route.id: route.keep_seconds for route in tenant.file.routes if route.keep_seconds is not None}
