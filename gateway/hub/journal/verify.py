"""Proves that a log is what was written: re-hashes every fact, compares the tree with every signed checkpoint, and what
is due with the facts.

Names the first fact that is altered, missing or out of order. Opening a journal after a crash runs the same walk, from
the last checkpoint on. Reads in batches, so that memory stays constant and a running gateway is not held up.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from gateway.hub.journal.checkpoint_check import Checkpoints
from gateway.hub.journal.fact_check import check_stray, facts
from gateway.hub.journal.facts import PERSON_FACTS, Altered, FactKind
from gateway.hub.journal.people_check import check_people
from gateway.hub.journal.reading import last, told
from gateway.hub.journal.store import WrongStore, connect_reader, identify, wal_of
from gateway.hub.journal.tile_check import check_stray_tiles, check_tiles
from gateway.hub.journal.work_check import check_due, check_indexes, check_recorded, check_work
from gateway.tlog import note
from gateway.tlog.tree import Frontier, leaf_hash

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of facts verified and of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """`facts`, `root` (hex) and `checkpoints` count what was found whole; `problem` says what is not, from `at_seq` on.

    Facts after the last checkpoint (`signed_facts`) agree with themselves only: nobody has signed them yet.
    """

    origin: str
    facts: int
    signed_facts: int
    root: str
    checkpoints: int
    problem: str | None = None
    at_seq: int | None = None


def verify(
    path: Path,
    *,
    verifier: note.Verifier,
    origin: str | None = None,
    progress: Progress | None = None,
    known: Iterable[tuple[int, str]] = (),
) -> VerifyReport:
    """Verify the whole log in the file, of a stopped or a running gateway. Writes nothing.

    `known` are sizes and roots (hex) that the log is known to have had, from elsewhere. `origin` is the log that is
    expected; without it the file may be any log that the key signed. A file that cannot be
    read at all is a problem like any other.
    """
    walk: _Walk | None = None
    problem, at_seq, named = None, None, ""
    try:
        with closing(_connect(path)) as connection:
            named = identify(connection)[1]
            if origin is not None and named != origin:
                raise WrongStore("is the log of another origin")
            walk = _Walk(connection, Checkpoints(connection, verifier, named), known)
            walk.run(progress)
            check_indexes(connection)
            check_work(connection, walk.frontier.size)
            check_people(connection, walk.frontier.size)
    except Altered as error:
        problem, at_seq = str(error), error.seq
    except WrongStore as error:
        problem = f"{path.name} {error}"
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        at_seq = walk.frontier.size + 1 if walk else None
        problem = f"{path.name} cannot be read{f' beyond fact {at_seq - 1}' if at_seq else ''} ({name})"
    frontier = walk.frontier if walk else Frontier()
    return VerifyReport(
        origin=named,
        facts=frontier.size,
        signed_facts=walk.checkpoints.signed_size if walk else 0,
        root=frontier.root().hex(),
        checkpoints=walk.checkpoints.count if walk else 0,
        problem=problem,
        at_seq=at_seq,
    )


def anchors(path: Path) -> Mapping[str, tuple[int, str]]:
    """Facts and root (hex) of each tenant's log at its last start or clean stop, by the system's own log."""
    found: dict[str, tuple[int, str]] = {}
    with contextlib.suppress(WrongStore, Altered, sqlite3.Error), closing(_connect(path)) as connection:
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
    walk = _Walk(connection, Checkpoints(connection, verifier, origin))
    walk.frontier = walk.checkpoints.trust_last()
    proven = walk.frontier.size
    walk.run(None)
    check_indexes(connection, "message")
    check_due(connection)
    check_recorded(connection, proven, walk.frontier.size)
    told(connection, PERSON_FACTS, 0)
    return walk.frontier, walk.checkpoints.signed_size


class _Walk:
    """Fact after fact, growing the tree, and at each checkpoint's size a comparison with what it signs."""

    def __init__(
        self, connection: sqlite3.Connection, checkpoints: Checkpoints, known: Iterable[tuple[int, str]] = ()
    ) -> None:
        self._connection = connection
        self._known = sorted(known)
        self.checkpoints = checkpoints
        self.frontier = Frontier()

    def run(self, progress: Progress | None) -> None:
        """Walk to the end as it is now; what a running gateway adds meanwhile is for the next time."""
        least, total, signed = self._connection.execute(_EXTENT).fetchone()
        if least < 1:
            raise Altered(1, "a checkpoint stands before fact 1")
        self.checkpoints.start(signed)
        for fact in facts(self._connection, self.frontier.size + 1, total):
            check_tiles(self._connection, fact.seq, self.frontier.append(leaf_hash(fact.commitment)))
            self.checkpoints.check(self.frontier)
            self._check_known()
            if progress and (fact.seq % 1000 == 0 or fact.seq == total):
                progress(fact.seq, total)
        if signed > total:
            raise Altered(
                total + 1, f"facts {total + 1} to {signed} are missing: the checkpoint of {signed} counts them"
            )
        if self._known and self._known[-1][0] > total:
            raise Altered(
                total + 1, f"facts {total + 1} to {self._known[-1][0]} are missing: an earlier stop counted them"
            )
        check_stray(self._connection, total)
        check_stray_tiles(self._connection)

    def _check_known(self) -> None:
        for size, root in self._known:
            if size == self.frontier.size and root != self.frontier.root().hex():
                raise Altered(self.checkpoints.signed_size + 1, f"facts up to {size} are not those of an earlier stop")


_EXTENT: Final = (
    "SELECT (SELECT coalesce(min(size), 1) FROM checkpoint), (SELECT coalesce(max(seq), 0) FROM fact),"
    " (SELECT coalesce(max(size), 0) FROM checkpoint)"
)


def _connect(path: Path) -> sqlite3.Connection:
    """Read-only. Raises WrongStore if there is no such file: SQLite's own word for that helps nobody."""
    if not path.is_file():
        raise WrongStore("does not exist")
    return connect_reader(path, at_rest=not wal_of(path).exists())
