"""The one writer: it takes everything that waits, commits it as one transaction, and only then answers.

Idle, it commits at once; under load the groups grow by themselves, since what arrives during one fsync shares the
next. Small writes are filled in on the event loop, so that only the disk is waited for in the writer's thread (decision
0019). After a commit the files must still be ours, otherwise nothing more is ever acknowledged until a reopening.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

from gateway.errors import Deferred
from gateway.hub.journal.faults import cause
from gateway.hub.journal.group import Held, Write, fill
from gateway.hub.journal.sentinel import FileChanged, FileMoved, Sentinel
from gateway.hub.journal.transaction import Transaction

T = TypeVar("T")
MAX_GROUP: Final = 128
"""How many writes share one fsync at most: bounds how long the first of them waits."""
LAZY_SECONDS: Final = 0.2
"""How long a write at most waits for others whose fsync it may share, if nobody's patience hangs on it."""


class _Waiting(NamedTuple):
    write: Write[Any]
    large: bool
    by: float
    future: "asyncio.Future[Any]"


class Writer:
    """Group commit over one `Transaction`, guarded by the sentinels of database and WAL."""

    def __init__(self, transaction: Transaction, database: Sentinel, wal: Sentinel, *, wal_bytes: int) -> None:
        self._transaction = transaction
        self._database = database
        self._wal = wal
        self.unswept = wal.size > 0  # what a killed process had deleted may lie there
        self._wal_bytes, self._wal_limit = wal_bytes, 0 if self.unswept else wal_bytes
        self._waiting: deque[_Waiting] = deque()
        self._under_way = False
        self._filled: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._broken: str | None = None
        self._breaking = threading.Lock()
        self._held: str | None = None
        self.intact = True
        self._stopping = False
        self.acknowledged = transaction.frontier()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    # ---- on the event loop ------------------------------------------------------------------------------------------

    def keep(self, seconds: Mapping[str, float]) -> None:
        """See `Journal.keep`."""
        self._transaction.keeps = seconds

    async def commit(self, write: Write[T], *, large: bool = False, lazy: bool = False) -> T:
        """The write's result, once it is durable. Raises what the write raised, or Deferred if it could not be kept.

        A `large` one is filled in by the thread; a `lazy` one waits a moment for others.
        """
        self.require_whole()
        if self._stopping:
            raise Deferred("stopping")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Waiting(write, large, loop.time() + (LAZY_SECONDS if lazy else 0.0), future))
        self._begin(loop)
        return await future

    def shorten(self) -> None:
        """Have the WAL moved into the database after the next commit, so that nothing deleted stays in it. `unswept`
        until that was done: a reader in the way has it done another time.
        """
        self._wal_limit, self.unswept = 0, True

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Unless a group is under way, the next begins once everything has run that runs just now."""
        if not self._under_way:
            self._under_way = True
            loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """One group at a time has the transaction: here until it is filled in, then in the thread."""
        self._under_way = False
        if self._stopping or not self._waiting:
            return
        if (patience := min(each.by for each in self._waiting) - loop.time()) > 0:  # nobody waits but what is lazy
            loop.call_later(patience, self._begin, loop)
            return
        self._under_way, group = True, self._take()
        slow = self._held is not None or any(each.large for each in group)  # the loop waits for no other program twice
        results = None if slow else self._guarded(partial(self._fill, group))
        self._filled.put(partial(self._finish, group, results, loop))

    def _answer(self, group: Sequence[_Waiting], results: Sequence[Any], loop: asyncio.AbstractEventLoop) -> None:
        _resolve(group, results)
        self._next(loop)

    def _take(self) -> list[_Waiting]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP))]

    def require_whole(self) -> None:
        """Raises Deferred("log_unavailable") once the journal is broken."""
        if self._broken is not None:
            raise Deferred("log_unavailable", cause=self._broken)

    def break_off(self, error: Exception) -> None:
        """Nothing passes any more; the first cause stands.

        `intact` tells `close` whether what lies in the open files is what we wrote, wherever their paths may lead.
        """
        why = cause(self._behind(error))
        with self._breaking:
            if self._broken is None:
                self.intact = isinstance(error, FileMoved)
                self._broken = why

    def health(self) -> tuple[bool, str]:
        """Whether the journal can be written, and if not why. Looks at the files, so that idleness hides nothing."""
        if self._broken is None and not self._stopping:
            try:
                self._check_any_time()
            except (FileChanged, OSError) as error:
                self.break_off(error)
        why = self._broken or self._held
        return (True, "") if why is None else (False, why)

    def _behind(self, error: Exception) -> Exception:
        """What was done to a file, if that is what was stumbled over before anybody looked: a person can act on it."""
        if self._stopping:  # the files may be closed, and their descriptors somebody else's
            return error
        try:
            self._check_any_time()
        except FileChanged as changed:
            return changed
        except OSError:
            return error
        return error

    def _check_any_time(self) -> None:
        """All that no write of ours changes, even while one is under way: the database never gets shorter."""
        self._database.check_length()
        self._wal.check_identity()

    def stop(self) -> None:
        """Commit what waits, sign a last checkpoint, end the thread. Blocks for that long."""
        if self._stopping:
            return
        self._stopping = True
        self._filled.put(None)
        self._thread.join()
        while True:
            group = self._take()
            filled = self._guarded(partial(self._fill, group, last=not self._waiting))
            _resolve(group, self._committed(group, filled))
            if not self._waiting:
                break

    # ---- in the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (finish := self._filled.get()) is not None:
            finish()

    def _finish(self, group: Sequence[_Waiting], filled: list[Any] | None, loop: asyncio.AbstractEventLoop) -> None:
        if filled is None:
            filled = self._guarded(partial(self._fill, group))
        results = self._committed(group, filled)
        if self._wal.size < self._wal_limit:
            _soon(loop, self._answer, group, results, loop)
        else:
            _soon(loop, _resolve, group, results)
            self._guarded(self._shorten_wal)
            _soon(loop, self._next, loop)

    def _committed(self, group: Sequence[_Waiting], filled: list[Any] | None) -> Sequence[Any]:
        """Each write's result, now durable; that the log is not available, if it is not."""
        if filled is None or self._guarded(self._commit) is None:
            return [Deferred("log_unavailable", cause=self._broken or self._held) for _ in group]
        return filled

    def _guarded(self, step: Callable[[], T]) -> T | None:
        """The step's result; None if the journal is broken or breaks by it. Whatever the cause, nothing passes then."""
        if self._broken is None:
            try:
                return step()
            except Exception as error:  # noqa: BLE001  (no cause, known or not, may let anything pass)
                self.break_off(error)
        return None

    def _fill(self, group: Sequence[_Waiting], *, last: bool = False) -> list[Any] | None:
        """One transaction for the whole group, all but its commit; None if another program holds the database.

        What is raised here breaks the journal. A lock of somebody else's does not: nothing was written, and once it is
        let go, `begin` sees whether the other has.
        """
        self._check()
        try:
            results = fill(self._transaction, [each.write for each in group])
        except Held as held:
            self._held = str(held)
            return None
        self._held = None
        self._transaction.sign_if_due(now=last)
        return results

    def _commit(self) -> bool:
        """A crash before COMMIT returns loses what nobody was told of; one after it keeps what nobody was told of, and
        the sender's repetition finds it by its request key.
        """
        self._transaction.execute("COMMIT")
        self._check()
        self._database.remember()
        self._wal.remember()
        self.acknowledged = self._transaction.frontier()
        return True

    def _shorten_wal(self) -> None:
        """Move the WAL into the database, for it has grown beyond its limit. A reader in the way only postpones it."""
        self._check()
        unswept, self.unswept = self.unswept, False
        busy, _, _ = self._transaction.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._check_identity()
        self._database.remember()
        # Whether truncated or only moved, SQLite may begin the WAL anew, with a new head, at the next commit.
        self._wal.remember(restarting=True)
        self._wal_limit = self._wal_bytes + (self._wal.size if busy else 0)
        self.unswept = self.unswept or (unswept and bool(busy))

    def _check(self) -> None:
        self._database.check()
        self._wal.check()

    def _check_identity(self) -> None:
        self._database.check_identity()
        self._wal.check_identity()


def _soon(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: Any) -> None:
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:  # it has closed: nobody waits
        return


def _resolve(group: Sequence[_Waiting], results: Sequence[Any]) -> None:
    for each, result in zip(group, results, strict=True):
        if each.future.done() or each.future.get_loop().is_closed():
            continue  # whoever waited was cancelled; what was committed stays
        if isinstance(result, Exception):
            each.future.set_exception(result)
        else:
            each.future.set_result(result)
