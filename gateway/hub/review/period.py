"""A period of the log as a review shows it: how many facts of each kind, what was refused, what people did, and what
stands out against the time before.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.config import ReviewSettings
from gateway.hub.journal import Following
from gateway.hub.review.deeds import KINDS, Deed, deed
from gateway.hub.review.finding import Observation
from gateway.hub.review.unusual import Unusual
from gateway.messages import stamp

BEFORE: Final = timedelta(days=90)
"""So long before the period anything counts as known: what is done each month was done three times."""


@dataclass(frozen=True, slots=True)
class Period:
    """The facts from `since` to `to`, both inclusive; none if `to` is smaller. `compared`: the log goes back far enough
    to tell what is new in it.
    """

    since: int
    to: int
    began: str
    kinds: Counter[str]
    refused: Counter[tuple[str, str]]
    acts: Counter[tuple[str, str, str]]
    unusual: tuple[Observation, ...]
    compared: bool

    def told(self) -> dict[str, Any]:
        """As plain JSON, for people."""
        return {
            "since": self.since,
            "to": self.to,
            "began": self.began,
            "kinds": dict(sorted(self.kinds.items())),
            "refused": [
                {"who": who, "code": code, "count": count} for (who, code), count in sorted(self.refused.items())
            ],
            "acts": [
                {"person": person, "act": act, "code": code or None, "count": count}
                for (person, act, code), count in sorted(self.acts.items())
            ],
            "unusual": [each.told() for each in self.unusual],
            "compared": self.compared,
        }


async def period(log: Following, since: int, to: int, settings: ReviewSettings, *, discloses: bool = False) -> Period:
    """Read it, a slice at a time beside the line, and the time before it; `discloses` if it is for somebody who is told
    what is not to be disclosed. Raises Deferred.
    """
    began = log.time_of(min(since, max(to, 1)))
    young = is_young(log.time_of(1), began)
    unusual, kinds = Unusual(settings, young=young), Counter[str]()
    refused, acts = Counter[tuple[str, str]](), Counter[tuple[str, str, str]]()
    before, _ = log.between(stamp(datetime.fromisoformat(began) - BEFORE) if began else None, None)
    async for each in _deeds(log, min(before, since - 1), to):
        unusual.see(each, judged=each.seq >= since)
        if each.seq < since:
            continue
        code = each.code if discloses or not each.undisclosed else None
        if code is not None:
            refused[each.connector or each.person or "", code] += 1
        if each.person is not None and each.connector is None:
            acts[each.person, each.operation or "", code or ""] += 1
    for upto in range(since - 1, to, _COUNTED):
        kinds.update(log.kinds(upto, min(upto + _COUNTED, to)))
        await asyncio.sleep(0)
    return Period(since, to, began, kinds, refused, acts, tuple(unusual.observed()), not young)


def is_young(first: str, began: str) -> bool:
    """Whether a log whose first fact is of that time is younger than `BEFORE` when a period begins, or the period
    has no begin: what was never seen in it may well have been usual.
    """
    return not first or not began or first > stamp(datetime.fromisoformat(began) - BEFORE)


async def _deeds(log: Following, after: int, to: int) -> AsyncIterator[Deed]:
    while after < to:
        began = time.monotonic()
        followed, upto = log.after(after, KINDS)
        tags = log.persons(after, upto)
        found = [each for fact in followed if fact.seq <= to if (each := deed(fact, tags.get(fact.seq, frozenset())))]
        for each in found:
            yield each
        after = upto
        await asyncio.sleep(time.monotonic() - began)  # the line has as much time as this takes


_COUNTED: Final = 5000
"""Facts that are counted at a time."""
