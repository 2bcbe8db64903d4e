"""Proves that a log is what was written: re-hashes every fact, compares the tree with every signed checkpoint, and what
is due with the facts.

Names the first fact that is altered, missing or out of order. Opening a journal after a crash runs the same walk, from
the last checkpoint on. What a stretch of the log shows by itself is found in as many processes as there are cores, if
the log is long; memory stays constant, and a running gateway is not held up.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

from gateway.hub.journal import stretch
from gateway.hub.journal.checkpoint_check import Checkpoints, check_signed
from gateway.hub.journal.cosignature_check import check_cosignatures
from gateway.hub.journal.fact_check import check_stray
from gateway.hub.journal.facts import PERSON_FACTS, Altered, FactKind
from gateway.hub.journal.people_check import check_people
from gateway.hub.journal.purge_check import check_erased, check_not_ahead, check_purged, erased
from gateway.hub.journal.reading import last, told
from gateway.hub.journal.spread import Spread, spread
from gateway.hub.journal.store import WrongStore, identify
from gateway.hub.journal.stretch import Stretch, connect
from gateway.hub.journal.succeeding import succeeded
from gateway.hub.journal.tile_check import check_stray_tiles, check_tiles
from gateway.hub.journal.work_check import check_due, check_indexes, check_recorded, check_stray_work
from gateway.tlog import note
from gateway.tlog.tree import Frontier

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of facts verified and of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """`facts`, `root` (hex) and `checkpoints` count what was found whole; `problem` says what is not, from `at_seq` on.

    Facts after the last checkpoint (`signed_facts`) agree with themselves only: nobody has signed them yet. `follows`
    has a sentence for each lost log that this one follows. `unread`: the problem is that it could not be read to its
    end, which tells nothing of what is there.
    """

    origin: str
    facts: int
    signed_facts: int
    root: str
    checkpoints: int
    problem: str | None = None
    at_seq: int | None = None
    unread: bool = False
    follows: Sequence[str] = ()


def verify(  # noqa: PLR0913  (each is one thing to hold the log against)
    path: Path,
    *,
    verifier: note.Verifier,
    origin: str | None = None,
    progress: Progress | None = None,
    known: Iterable[tuple[int, str]] = (),
    witnesses: Sequence[note.Verifier] = (),
    now: datetime | None = None,
) -> VerifyReport:
    """Verify the whole log in the file, of a stopped or a running gateway. Writes nothing.

    `known` are sizes and roots (hex) that the log is known to have had, from elsewhere; `witnesses`, whose lines below
    its checkpoints are held against their keys; and `now` is the time of a clock that is not the gateway's own, which
    no purging may be ahead of. `origin` is the log that is expected; without it the file may be any log that the key
    signed. A file that cannot be read at all is a problem
    like any other. For a long log the main module must be one that other processes can import.
    """
    walk: _Walk | None = None
    problem, at_seq, named, unread, follows = None, None, "", False, list[str]()
    try:
        with closing(connect(path)) as connection:
            named = identify(connection)[1]
            if origin is not None and named != origin:
                raise WrongStore("is the log of another origin")
            walk = _Walk(connection, Frontier(), known)
            with spread(stretch.processes(walk.total)) as over:
                _verify(path, verifier, walk, over, progress or (lambda _done, _total: None), named)
            check_cosignatures(connection, witnesses)
            if now is not None:
                check_not_ahead(connection, now)
            check_stray_work(connection)
            check_people(connection, walk.total)
            follows = [each.sentence() for each in succeeded(connection)]
    except Altered as error:
        problem, at_seq = str(error), error.seq
    except WrongStore as error:
        problem = f"{path.name} {error}"
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        at_seq = walk.frontier.size + 1 if walk else None
        problem = f"{path.name} cannot be read{f' beyond fact {at_seq - 1}' if at_seq else ''} ({name})"
        unread = name.split("_")[1:2] not in (["CORRUPT"], ["NOTADB"])
    except BrokenExecutor:
        problem = f"{path.name} was not verified to its end: one of the processes that did so was killed"
        unread = True
    frontier = walk.frontier if walk else Frontier()
    return VerifyReport(
        origin=named,
        facts=frontier.size,
        signed_facts=walk.signed_size if walk else 0,
        root=frontier.root().hex(),
        checkpoints=walk.checkpoints if walk else 0,
        problem=problem,
        at_seq=at_seq,
        unread=unread,
        follows=follows,
    )


def _verify(path: Path, verifier: note.Verifier, walk: "_Walk", over: Spread, progress: Progress, origin: str) -> None:
    """The facts first, for what is due is held against them: each fact counts half with either. Raises as they do."""
    total, spans = walk.total, list(walk.spans())
    facts = (partial(stretch.read_in, path, verifier.vkey, origin, span) for span in spans)
    walk.run(over(facts), lambda done: progress(done // 2, total))
    walk.check_gone()
    due = (partial(stretch.check_recorded_in, path, span) for span in spans)
    for done in over(chain([partial(stretch.check_indexes_in, path)], due)):
        progress((total + done) // 2, total)


def anchors(path: Path) -> Mapping[str, tuple[int, str]]:
    """Facts and root (hex) of each tenant's log at its last start or clean stop, by the system's own log."""
    found: dict[str, tuple[int, str]] = {}
    with contextlib.suppress(WrongStore, Altered, sqlite3.Error), closing(connect(path)) as connection:
        for kind in (FactKind.GATEWAY_STARTED, FactKind.GATEWAY_STOPPED):
            fact = last(connection, kind) or {}
            for code, size in fact.get("logs", {}).items():
                found[code] = max(found.get(code, (0, "")), (size, fact["roots"][code]))
    return found


def resume(connection: sqlite3.Connection, *, verifier: note.Verifier, origin: str) -> tuple[Frontier, int]:
    """The tree to work on, verified from the last checkpoint on, and that checkpoint's size. Raises Altered.

    Of the messages, those recorded since and those of which something is due are held against their facts; of the
    persons, each fact against its commitment, for who may act is told by them alone.
    """
    checkpoints = Checkpoints(connection, verifier, origin)
    walk = _Walk(connection, checkpoints.last())
    proven = walk.frontier.size
    walk.run(stretch.read(connection, checkpoints, span) for span in walk.spans())
    check_signed(connection, walk.signed_size, walk.total)
    check_indexes(connection, "message")
    check_due(connection)
    check_recorded(connection, proven, walk.total)
    told(connection, PERSON_FACTS, 0)
    return walk.frontier, walk.signed_size


class _Walk:
    """Stretch after stretch, growing the tree, and at each checkpoint's size a comparison with what it signs.

    It goes from a `frontier` that is proven to the end as it is now: `total` is what a running gateway has by now, and
    what it adds meanwhile is for the next time. `signed_size` and `checkpoints` are of those that were found whole.
    """

    def __init__(
        self, connection: sqlite3.Connection, frontier: Frontier, known: Iterable[tuple[int, str]] = ()
    ) -> None:
        self._connection = connection
        self._known = sorted(known)
        self.frontier = frontier
        self.signed_size = frontier.size
        self.checkpoints = 0
        self._succeeded = {each.taken: each for each in succeeded(connection)}
        self._lacking = 0, 0
        self._erased = erased(connection)
        self._least, self.total, self._signed = connection.execute(_EXTENT).fetchone()

    def spans(self) -> Iterable[tuple[int, int]]:
        """First and last fact of each stretch that is still to be walked."""
        return stretch.spans(self.frontier.size + 1, self.total)

    def run(self, stretches: Iterable[Stretch], progress: Callable[[int], None] = lambda _done: None) -> None:
        """Raises Altered or sqlite3.Error."""
        if self._least < 1:
            raise Altered(1, "a checkpoint stands before fact 1")
        for each in stretches:
            self._grow(each)
            progress(self.frontier.size)
        if self._signed > self.total:
            raise self._missing(self._signed, f"the checkpoint of {self._signed} counts them")
        if self._known and self._known[-1][0] > self.total:
            raise self._missing(self._known[-1][0], "an earlier stop counted them")
        check_stray(self._connection, self.total)
        check_stray_tiles(self._connection)

    def check_gone(self) -> None:
        """Of what was walked nothing is missing but what its facts say was taken out. Raises Altered."""
        check_signed(self._connection, max(self._succeeded, default=0), self.total)
        check_erased(self._connection, self._erased, self._lacking)
        check_purged(self._connection, self.total)

    def _missing(self, upto: int, why: str) -> Altered:
        return Altered(self.total + 1, f"facts {self.total + 1} to {upto} are missing: {why}")

    def _grow(self, read: Stretch) -> None:
        for leaf in read.leaves:
            completed = self.frontier.append(leaf)
            if completed:
                check_tiles(self._connection, self.frontier.size, completed)
            if self.frontier.size in read.signed:
                self._check_signed(read.signed[self.frontier.size])
            self._check_known()
        if read.missing:
            first, count = self._lacking
            self._lacking = first or next(iter(read.missing)), count + sum(read.missing.values())
        if read.problem is not None:
            raise read.problem

    def _check_signed(self, packed: bytes) -> None:
        first, size = self.signed_size + 1, self.frontier.size
        if packed != self.frontier.pack():
            raise Altered(
                first,
                f"facts {first} to {size} do not give the root that the checkpoint of {size} signs:"
                " at least one of them was altered together with its commitment",
            )
        self.signed_size = size
        self.checkpoints += 1

    def _check_known(self) -> None:
        for size, root in self._known:
            if size == self.frontier.size and root != self.frontier.root().hex():
                raise Altered(self.signed_size + 1, f"facts up to {size} are not those of an earlier stop")
        if (follows := self._succeeded.get(self.frontier.size)) and follows.root != self.frontier.root().hex():
            raise Altered(1, f"facts up to {follows.taken} are not those that fact {follows.seq} says it follows")


_EXTENT: Final = (
    "SELECT (SELECT coalesce(min(size), 1) FROM checkpoint), (SELECT coalesce(max(seq), 0) FROM fact),"
    " (SELECT coalesce(max(size), 0) FROM checkpoint)"
)
