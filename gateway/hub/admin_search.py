"""The addresses under which people search a tenant's log, and configured operators the system's."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import closing
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from aiohttp import web

from gateway.config import japanese_day
from gateway.errors import Refused
from gateway.hub.acts import acted
from gateway.hub.callers import Callers, certificate, said_terminal, whole_body
from gateway.hub.days import days_can_be
from gateway.hub.journal import FactKind, Journal
from gateway.hub.parsing import parsed
from gateway.hub.people import Person, Role
from gateway.hub.rules import HubRules
from gateway.hub.search import Asked, IndexReader, Search
from gateway.hub.streaming import streamed_lines
from gateway.messages import Ending, stamp

_ALL: Final = tuple(Role)
_BY_WORDS: Final = (Role.OPERATOR, Role.ADMINISTRATOR, Role.AUDITOR)
"""Who looks after the gateway and its people, and who looks at what these do. Who confirms holds answers for single
persons (開示請求), and follows the messages that were found: each has any role for that.
"""
_ANYBODY: Final = Person("", "", frozenset())


class Searched(NamedTuple):
    """A log, its search, and the words of each dimension that everybody may read elsewhere."""

    journal: Journal
    search: Search
    words: Mapping[str, AbstractSet[str]]


class SearchRoutes:
    """What is answered are facts, which hold no personal value."""

    def __init__(self, callers: Callers, clock: Callable[[], datetime]) -> None:
        self._callers = callers
        self._clock = clock

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Its place on the operators' listener."""
        router.add_post("/v1/{tenant}/search", self.search)

    async def search(self, request: web.Request) -> web.StreamResponse:
        """The facts that meet every condition, each on a line as it is found, and a last line that says so: how many
        they are, up to which fact of how many was looked, after which to go on if there are more, and which words
        nobody knows if there is none. The searching is a fact before anything is told: with the conditions; of a
        person's trail with the reason, the case and how many facts.
        """
        asked = parsed(Asked, await self._callers.body(request, "search", *_ALL))
        async with self._callers.acting(request, "search", *_may(asked)) as (hub, reader):
            if asked is None or not days_can_be(asked.since, asked.until, japanese_day(self._clock())):
                raise Refused("bad_search")
            with closing(await hub.search.reader()) as index:
                log = Searched(hub.journal, hub.search, _configured(hub.rules))
                conditions = await _conditions(log, index, asked)
                about: dict[str, Any] = {"asked": conditions}
                if asked.person is not None:
                    found = 0
                    for page in hub.search.pages(index, asked, reader):
                        found += len(page)
                        await asyncio.sleep(0)  # others are served between two reads
                    about |= {"reason": asked.person.reason, "case": asked.person.case, "found": found}
                of = hub.journal.size_and_root()[0]
                await self._callers.acted(request, hub, reader, "search", about=about)
                return await streamed_lines(
                    request, _lines(log, index, asked, reader, of, _unknown(log, asked, conditions))
                )


class SystemSearchRoute:
    """`name` is that of the system's log. It has no messages and no persons whom records are about."""

    def __init__(
        self, callers: Callers, clock: Callable[[], datetime], name: str, journal: Journal, search: Search
    ) -> None:
        self._callers = callers
        self._clock = clock
        self._name = name
        self._log = Searched(journal, search, {"kind": frozenset(map(str, FactKind))})

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Its place on the operators' listener: no tenant has such a code."""
        router.add_post(f"/v1/{self._name}/search", self.search)

    async def search(self, request: web.Request) -> web.StreamResponse:
        """As of a tenant's log, for whoever acts on the whole process; the searching is a fact of the system's log."""
        asked = parsed(Asked, await whole_body(request))
        name, log = await self._callers.operator(request, "search"), self._log
        if asked is None or asked.person is not None:
            raise Refused("bad_search")
        if not days_can_be(asked.since, asked.until, japanese_day(self._clock())):
            raise Refused("bad_search")
        by = Person(name, certificate(request), frozenset({Role.OPERATOR}))
        with closing(await log.search.reader()) as index:
            conditions, of = await _conditions(log, index, asked), log.journal.size_and_root()[0]
            fact = acted(by, said_terminal(request), "search", about={"asked": conditions})
            await log.journal.fact(FactKind.OPERATOR_ACTED, fact, at=stamp(self._clock()))
            return await streamed_lines(request, _lines(log, index, asked, by, of, _unknown(log, asked, conditions)))


def _lines(
    log: Searched, index: IndexReader, asked: Asked, reader: Person, of: int, unknown: Mapping[str, str | None]
) -> Iterator[list[dict[str, Any]]]:
    """As many as were asked for, and the last line: one more is looked for, to say whether there is. `of` is how many
    facts the log had before this was asked.
    """
    one_more = asked if asked.limit is None else asked.model_copy(update={"limit": asked.limit + 1})
    found, last, more = 0, None, False
    for page in log.search.pages(index, one_more, reader):
        told = page if asked.limit is None else page[: asked.limit - found]
        more = len(told) < len(page)
        found += len(told)
        last = told[-1]["seq"] if told else last
        yield told
    ended = {"up_to": index.upto, "of": of, "found": found, "more": more, "next": last if more else None}
    yield [{**ended, **({"unknown": unknown} if unknown and not found else {})}]


def _unknown(log: Searched, asked: Asked, conditions: Mapping[str, str]) -> dict[str, str | None]:
    """Dimensions whose every word is known beforehand, and the word that was asked for is none of them, nor in a fact
    that everybody may be told; each with the known word that comes nearest, if one does.
    """
    return {
        name: next(iter(get_close_matches(word, sorted(log.words[name]), n=1)), None)
        for name, word in asked.words()
        if name in log.words and not conditions[name]
    }


def _may(asked: Asked | None) -> tuple[Role, ...]:
    return _ALL if asked is None or asked.person is not None or asked.blind() else _BY_WORDS


async def _conditions(log: Searched, index: IndexReader, asked: Asked) -> dict[str, str]:
    """As the search's fact has them, for all to read. A word is left empty unless it stands in the configuration, or in
    a fact that everybody may be told: nothing new gets into the log by being asked for, and nobody learns by asking
    that a word stands in what is not to be disclosed.
    """
    told = {name: word if await _may_be_told(log, index, name, word) else "" for name, word in asked.words()}
    if asked.message is not None:
        told["message"] = asked.message if log.journal.of_message(asked.message) else ""
    if asked.facts:  # a number that no fact has could be anything
        size = log.journal.size_and_root()[0]
        told["facts"] = ",".join(str(seq) for seq in sorted({*asked.facts}) if seq <= size)
    if asked.person is not None:
        connector = asked.person.connector
        told["person_of"] = connector if await _may_be_told(log, index, "connector", connector) else ""
    days = {"since": asked.since, "until": asked.until}
    return told | {name: day.isoformat() for name, day in days.items() if day}


async def _may_be_told(log: Searched, index: IndexReader, name: str, word: str) -> bool:
    if word in log.words.get(name, ()):
        return True
    for page in log.search.pages(index, Asked(**{name: word}, limit=1), _ANYBODY):
        if page:
            return True
        await asyncio.sleep(0)  # others are served between two reads
    return False


def _configured(rules: HubRules) -> Mapping[str, AbstractSet[str]]:
    """The words of each dimension that anybody may read in the configuration, or in the manual."""
    return {
        "kind": frozenset(map(str, FactKind)),
        "connector": rules.operations.keys(),
        "operation": frozenset().union(*rules.operations.values()),
        "route": frozenset(route.id for route in rules.tenant.file.routes),
        "code": rules.codes.union(map(str, Ending)),
        "item": rules.paths,
        "basis": rules.legal_basis.keys(),
    }
