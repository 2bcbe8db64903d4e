"""What the log adds to a message: the journal's own operations with it, and without it, in turn.

Without it nothing is left out but the facts and their tree, with their hashes, indexes and checkpoints; what is due,
envelopes and person tags are written as ever. So the difference is the log's.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench import long_log
from bench.figures import Table, percentile
from bench.load import CONCURRENT
from gateway.hub.journal import FactKind, JournalLimits, store
from gateway.hub.journal.transaction import Transaction
from gateway.tlog.note import Signer
from gateway.tlog.tree import Frontier

_TENANT: Final = "999997"
_GROUPS: Final = 60
_LIMITS: Final = JournalLimits(max_open_records=1000, checkpoint_every_facts=1000, wal_bytes=1 << 24)


@dataclass(slots=True)
class LogCost:
    """One case with the log, one without."""

    table: Table
    wrong: list[str]

    @classmethod
    def new(cls) -> "LogCost":
        """Nothing measured yet."""
        return cls(Table("What the log adds: the journal's part of a message, on its own"), [])

    def rounds(self, rounds: int, singles: int) -> None:
        """Both in turn, round by round: groups as under full load, then messages one at a time."""
        for number in range(rounds):
            ways = (("with the log", Transaction), ("without it", _Unlogged))
            for name, kind in ways if number % 2 else reversed(ways):
                with _opened(kind) as transaction:
                    self.table.add(name, {**_full(transaction), **_low(transaction, singles)})


class _Unlogged(Transaction):
    """Facts are counted, and nothing of them is kept."""

    count = 0

    def append(
        self,
        kind: FactKind,
        fields: Mapping[str, Any],
        *,
        at: str,
        message_id: str | None = None,
        tag_salt: bytes | None = None,
    ) -> int:
        self.count += 1
        return self.count


@contextmanager
def _opened(kind: type[Transaction]) -> Iterator[Transaction]:
    signer = Signer("bench", Ed25519PrivateKey.generate())
    with (
        TemporaryDirectory(prefix="renkei-log-") as folder,
        closing(store.connect_writer(Path(folder) / f"{_TENANT}.db")) as connection,
    ):
        store.prepare(connection, tenant=_TENANT, origin="bench")
        connection.execute("PRAGMA foreign_keys = OFF")  # without facts, what stands beside them refers to nothing
        yield kind(connection, frontier=Frontier(), signed_size=0, origin="bench", signer=signer, limits=_LIMITS)


def _full(transaction: Transaction) -> Mapping[str, float]:
    """As many in a group as are under way at full load; each is prepared before the clock starts."""
    cpu = 0.0
    for group in range(_GROUPS):
        numbers = range(group * CONCURRENT, (group + 1) * CONCURRENT)
        messages = {number: long_log.message(number, _TENANT) for number in numbers}
        began = time.process_time()
        with _committed(transaction):
            for number, message in messages.items():
                long_log.take(transaction, message, number)
        with _committed(transaction):
            for number in numbers:
                long_log.end(transaction, number, _TENANT)
        cpu += time.process_time() - began
    return {f"{CONCURRENT} at a time: CPU seconds per 1,000": cpu / (_GROUPS * CONCURRENT) * 1000}


def _low(transaction: Transaction, singles: int) -> Mapping[str, float]:
    """The commits that a message waits for: until its 202, and until its end stands."""
    took = []
    for number in range(_GROUPS * CONCURRENT, _GROUPS * CONCURRENT + singles):
        message = long_log.message(number, _TENANT)
        began = time.perf_counter()
        with _committed(transaction):
            long_log.take(transaction, message, number)
        with _committed(transaction):
            long_log.end(transaction, number, _TENANT)
        took.append((time.perf_counter() - began) * 1e3)
    return {"1 at a time: both commits, p50, ms": percentile(took, 0.5)}


@contextmanager
def _committed(transaction: Transaction) -> Iterator[None]:
    transaction.begin()
    yield
    transaction.sign_if_due()
    transaction.execute("COMMIT")
