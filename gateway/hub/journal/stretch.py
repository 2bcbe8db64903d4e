"""A stretch of a log, as far as it can be checked by itself: its facts, its checkpoints, and what is due by them.

What this leaves to whoever puts the stretches together is that the facts' leaves give the roots that were signed.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from gateway.hub.journal.checkpoint_check import Checkpoints
from gateway.hub.journal.fact_check import facts
from gateway.hub.journal.facts import Altered
from gateway.hub.journal.store import WrongStore, connect_reader, wal_of
from gateway.hub.journal.work_check import check_indexes, check_recorded
from gateway.tlog import note
from gateway.tlog.tree import leaf_hash

FACTS: Final = 2048
"""How many a stretch has at most."""
_SHORT: Final = 20_000
"""Up to how many facts are checked sooner than other processes would have started."""


class Stretch(NamedTuple):
    """The leaf hashes of the facts; by size, the tree hashes that are proven by what a checkpoint signs; by fact, of
    how many records the person tag is missing; and what ended the stretch before its last fact.
    """

    leaves: list[bytes]
    signed: dict[int, bytes]
    missing: dict[int, int]
    problem: Altered | sqlite3.Error | None


def spans(first: int, last: int) -> Iterator[tuple[int, int]]:
    """First and last fact of each stretch."""
    return ((start, min(start + FACTS - 1, last)) for start in range(first, last + 1, FACTS))


def processes(facts: int) -> int:
    """How many are to share so many facts: as many as there are cores for us, or this one alone."""
    return 1 if facts <= _SHORT else len(os.sched_getaffinity(0))


def read(connection: sqlite3.Connection, checkpoints: Checkpoints, span: tuple[int, int]) -> Stretch:
    """Each fact of it, and each checkpoint that is made at one of them, checked by itself."""
    leaves: list[bytes] = []
    signed: dict[int, bytes] = {}
    missing: dict[int, int] = {}
    problem: Altered | sqlite3.Error | None = None
    try:
        sizes = checkpoints.sizes(*span)
        for fact, lacks in facts(connection, *span):
            leaves.append(leaf_hash(fact.commitment))
            if lacks:
                missing[fact.seq] = lacks
            if fact.seq in sizes:
                signed[fact.seq] = checkpoints.at(fact.seq).pack()
    except (Altered, sqlite3.Error) as error:
        problem = error
    return Stretch(leaves, signed, missing, problem)


# ---- in a process of their own, by a connection of their own. Each raises WrongStore and sqlite3.Error ---------------


def read_in(path: Path, vkey: str, origin: str, span: tuple[int, int]) -> Stretch:
    """As `read`."""
    with closing(connect(path)) as connection:
        return read(connection, Checkpoints(connection, note.Verifier.parse(vkey), origin), span)


def check_recorded_in(path: Path, span: tuple[int, int]) -> int:
    """As `check_recorded`. Returns the last fact. Raises Altered."""
    first, last = span
    with closing(connect(path)) as connection:
        check_recorded(connection, first - 1, last)
    return last


def check_indexes_in(path: Path) -> int:
    """As `check_indexes`; no fact is done with by it. Raises Altered."""
    with closing(connect(path)) as connection:
        check_indexes(connection)
    return 0


def connect(path: Path) -> sqlite3.Connection:
    """Read-only. Raises WrongStore if there is no such file: SQLite's own word for that helps nobody."""
    if not path.is_file():
        raise WrongStore("does not exist")
    return connect_reader(path, at_rest=not wal_of(path).exists())
