"""The address under which people search a tenant's log."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

from aiohttp import web

from gateway.errors import Refused
from gateway.hub.callers import Callers
from gateway.hub.hub import TenantHub
from gateway.hub.parsing import parsed
from gateway.hub.people import Role
from gateway.hub.search import Asked, IndexReader, term
from gateway.hub.streaming import streamed

_SEARCHES: Final = tuple(Role)
"""Whoever has any role: some are told less (`telling`), and each search is a fact."""


class SearchRoutes:
    """What is answered are facts, which hold no personal value."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Its place on the operators' listener."""
        router.add_post("/v1/{tenant}/search", self.search)

    async def search(self, request: web.Request) -> web.StreamResponse:
        """The facts that meet every condition, and up to which fact of how many was looked. The searching is a fact
        before anything is told: with the conditions; of a person's trail with the reason, the case and how many facts.
        """
        asked = parsed(Asked, await self._callers.body(request, "search", *_SEARCHES))
        async with self._callers.acting(request, "search", *_SEARCHES) as (hub, reader):
            if asked is None:
                raise Refused("bad_search")
            with closing(await hub.search.reader()) as index:
                about = _about(hub, index, asked)
                if asked.person is not None:
                    found = 0
                    for page in hub.search.pages(index, asked, reader):
                        found += len(page)
                        await asyncio.sleep(0)  # others are served between two reads
                    about |= {"reason": asked.person.reason, "case": asked.person.case, "found": found}
                head = {"up_to": index.upto, "of": hub.journal.size_and_root()[0]}
                await self._callers.acted(request, hub, reader, "search", about=about)
                return await streamed(request, hub.search.pages(index, asked, reader), head)


def _about(hub: TenantHub, index: IndexReader, asked: Asked) -> dict[str, Any]:
    """The conditions. What stands nowhere in the log does not get into it by being asked for: it is left empty."""
    words = {name: word if index.known(term(name, word)) else "" for name, word in asked.words()}
    if asked.message is not None:
        words["message"] = asked.message if hub.journal.of_message(asked.message) else ""
    if asked.person is not None:
        words["person_of"] = asked.person.connector if index.known(term("connector", asked.person.connector)) else ""
    days: Mapping[str, Any] = {"since": asked.since, "until": asked.until}
    return {"asked": words | {name: day.isoformat() for name, day in days.items() if day}}
