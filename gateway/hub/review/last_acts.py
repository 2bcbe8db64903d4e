"""When each person last did something at the operators' listener: an account that nobody uses is looked at (C047)."""

import asyncio
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime

from gateway.config import japanese_day
from gateway.hub.journal import ACT_FACTS, Journal
from gateway.hub.people import same_person
from gateway.hub.review.deeds import doer
from gateway.hub.search import IndexReader, Search, Stretch
from gateway.hub.search.terms import term


async def last_acts(search: Search, journal: Journal, persons: Iterable[str]) -> dict[str, str]:
    """The day in Japan, by casefolded staff id; nothing of whoever never did anything. Raises Deferred."""
    found: dict[str, str] = {}
    with closing(await search.reader()) as index, search.asking():
        for person in sorted({each.casefold() for each in persons}):
            times = [at for kind in ACT_FACTS if (at := await _last(index, journal, person, kind.value)) is not None]
            if times:
                found[person] = japanese_day(datetime.fromisoformat(max(times))).isoformat()
    return found


async def _last(index: IndexReader, journal: Journal, person: str, kind: str) -> str | None:
    """The index names what is by or about a person; only what is by that person counts."""
    words = (term("actor", person), term("kind", kind))
    for seqs in index.chunks(words, None, Stretch(), oldest=False):
        for seq in seqs:
            for fact, _, _ in journal.found([seq]):
                if (who := doer(fact)) is not None and same_person(who, person):
                    return str(fact["at"])
        await asyncio.sleep(0)  # others are served between two reads
    return None
