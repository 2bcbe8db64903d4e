"""One tenant's search: the index is brought after the journal beside the line, and asked page by page."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any, Final

from gateway.config import japanese_midnight
from gateway.errors import Deferred
from gateway.hub import telling
from gateway.hub.journal import Journal
from gateway.hub.journal.finding import committed, size, slice_after, tagged
from gateway.hub.journal.store import connect_reader
from gateway.hub.people import Person
from gateway.hub.search.asked import Asked
from gateway.hub.search.entries import entries_of, erased_after, erased_by
from gateway.hub.search.index_file import IndexFile, damaged
from gateway.hub.search.index_reader import IndexReader, Stretch
from gateway.hub.search.terms import terms, way
from gateway.messages import stamp

SLICE: Final = 512
"""Facts that are indexed at a time: some milliseconds of a thread."""
PATIENCE: Final = 2.0
"""Seconds that a search waits for the index to have all that the journal has."""
_PAGE: Final = 50
_CHUNKS: Final = 64
"""Of how many chunks in vain the index is asked before others are served."""
_PAUSE: Final = 1.0
_REST: Final = 4
"""How many times as long as it works the follower leaves the line alone."""


class _Damaged(Exception):
    """The index is not what was written."""


class Search:
    """The index lies beside the journal's file, as `<tenant>-search.db`, and may be deleted at any time."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._path = journal.path.with_name(f"{journal.path.stem}-search.db")
        self._index: IndexFile | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._damaged = False
        self._unswept: int | None = None

    async def follow(self, bug: Callable[[Exception], None]) -> None:
        """Until cancelled: the index has all but the last few facts of the journal. What should not happen is told to
        `bug`, and stops nothing.
        """
        while True:
            began, full = time.monotonic(), False
            try:
                full = await self._step(least=SLICE)
            except Deferred:  # who searches hears it
                pass
            except Exception as error:  # noqa: BLE001  (the line does not end with its index)
                bug(error)
            await asyncio.sleep((time.monotonic() - began) * _REST if full else _PAUSE)

    def close(self) -> None:
        """Give the file back. A slice that is under way fails soon."""
        self._closed = True
        with self._lock:
            self._put_down()

    async def reader(self) -> IndexReader:
        """The index as it is, after it had some time to catch up; close it. Raises Deferred."""
        await self._catch_up()
        with self.asking():
            return IndexReader(self._path)

    async def upto(self) -> int:
        """Up to which fact the index goes, after it had some time to catch up; what the log says until there to have
        gone out of it stands nowhere in its files. Raises Deferred.
        """
        with closing(await self.reader()) as index:
            unswept = self._unswept
            return index.upto if unswept is None else min(index.upto, unswept - 1)

    async def forget(self) -> None:
        """What the log says was erased or purged goes out of the index's files now; what stands in the way only delays
        it.
        """
        with suppress(Deferred):
            await self._catch_up()

    async def _catch_up(self) -> None:
        ends = time.monotonic() + PATIENCE
        while await self._step(least=1) and time.monotonic() < ends:
            pass

    @contextmanager
    def asking(self) -> Iterator[None]:
        """To be around whatever the index is asked. Raises Deferred if it cannot answer; a damaged one is made anew."""
        with _deferred(), self._index_side():
            yield

    def pages(self, index: IndexReader, asked: Asked, reader: Person) -> Iterator[list[dict[str, Any]]]:
        """What was asked for, as this person may have it, some facts at a time; a page may be empty. Raises Deferred.

        Of what is not to be disclosed, nobody learns by asking what it is: it is found by its number, message,
        kind and time.
        """
        stretch = _stretch(asked)
        wanted, tags, left = asked.terms(), asked.person.by_month() if asked.person else None, asked.limit
        for seqs in self._places(index, asked, stretch):
            met = [
                each
                for each in self._journal.found(seqs, tags)
                if stretch.since <= each.fact["at"] < stretch.until
                and wanted <= terms(each.fact) | way(each.recorded)
                and asked.message in (None, each.fact.get("message_id"))
            ]
            told = telling.found(met, reader, blind=asked.blind())[:left]
            yield told
            if left is not None and not (left := left - len(told)):
                return

    def _places(self, index: IndexReader, asked: Asked, stretch: Stretch) -> Iterator[list[int]]:
        """Where to look, in order, a few facts at a time; none now and then, for others to be served."""
        with self.asking():
            among = None
            if asked.message is not None:  # few: each is held against the person's tags
                among = set(self._journal.of_message(asked.message))
            elif asked.person is not None:
                among = index.tagged(asked.person.by_month())
            if asked.facts:
                among = {*asked.facts} if among is None else among & {*asked.facts}
            chunks = index.chunks(asked.terms(), among, stretch, oldest=asked.oldest)
            for number, seqs in enumerate(chunks):
                if not seqs and number % _CHUNKS == 0:
                    yield []
                if (asked.since or asked.until) and len(seqs) > _PAGE:  # else each is looked at anyway
                    seqs = self._journal.within(seqs, stretch.since, stretch.until)  # noqa: PLW2901
                for first in range(0, len(seqs), _PAGE):
                    yield seqs[first : first + _PAGE]

    async def _step(self, least: int) -> bool:
        """Index the next slice if it has so many facts, or if anything is to go out of the index; whether there may be
        more. Raises Deferred.
        """
        return await asyncio.to_thread(self._slice, least)

    def _slice(self, least: int) -> bool:
        with self._lock, _deferred():
            if self._closed:
                return False
            try:
                with closing(connect_reader(self._journal.path)) as journal:
                    return self._index_next(journal, least)
            except _Damaged:
                return True  # made anew from here on
            except Exception:
                self._put_down()
                raise

    def _index_next(self, journal: sqlite3.Connection, least: int) -> bool:
        with self._index_side():
            index = self._opened(journal)
            self._sweep(index)
            upto = index.upto
        if (behind := size(journal) - upto) < least and not (behind and erased_after(journal, upto)):
            return False
        rows = slice_after(journal, upto, SLICE)
        entries, erased = list(entries_of(journal, rows)), list(erased_by(rows))
        with self._index_side():
            if erased and self._unswept is None:
                self._unswept = rows[0].seq
            for each in erased:  # first: after a crash in between it is done once more
                index.erase(each.facts, each.month)
            if any(each.trail for each in erased):
                index.forget_tags(partial(_of_the_log, tagged, journal))
            index.add(entries, rows[-1].commitment)
            self._sweep(index)
        return len(rows) == SLICE

    def _opened(self, journal: sqlite3.Connection) -> IndexFile:
        if self._damaged:
            self._put_down()
            IndexFile.discard(self._path)
            self._damaged = False
        if self._index is None or not self._index.there:
            self._put_down()
            self._unswept = 1  # of what its WAL may have from before, nobody knows
            said = partial(_of_the_log, committed, journal)
            self._index = IndexFile.open(self._path, said, lambda: self._closed)
        return self._index

    def _sweep(self, index: IndexFile) -> None:
        """Whoever reads there is done in a moment, and the next step tries again."""
        if self._unswept is not None and index.swept():
            self._unswept = None

    def _put_down(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None

    @contextmanager
    def _index_side(self) -> Iterator[None]:
        """Whatever happens at a damaged index is one thing: it will be made anew. Raises _Damaged then."""
        try:
            yield
        except Exception as error:
            if not damaged(error):
                raise
            self._damaged = True
            raise _Damaged from None


def _stretch(asked: Asked) -> Stretch:
    """Between its days, and behind the fact after which it goes on."""
    said: dict[str, Any] = {}
    if asked.since:
        said["since"] = stamp(japanese_midnight(asked.since))
    if asked.until:
        said["until"] = stamp(japanese_midnight(asked.until + timedelta(1)))
    if asked.after is not None:
        said |= {"first": asked.after + 1} if asked.oldest else {"last": asked.after - 1}
    return Stretch(**said)


def _of_the_log(
    question: Callable[[sqlite3.Connection, int, bytes], bool], journal: sqlite3.Connection, seq: int, what: bytes
) -> bool:
    """What is asked of the log while the index is at work; that it does not answer is no damage of the index."""
    with _deferred():
        return question(journal, seq, what)


@contextmanager
def _deferred() -> Iterator[None]:
    """What stands in the way of the index is no fault of the log."""
    try:
        yield
    except (sqlite3.Error, OSError, _Damaged):
        raise Deferred("index_unavailable") from None
