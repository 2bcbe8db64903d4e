"""The one thread that writes: it takes everything that waits, commits it as one transaction, and only then answers.

Idle, it commits at once; under load the groups grow by themselves, since what arrives during one fsync shares the
next. After a commit the files must still be ours, otherwise nothing more is ever acknowledged until a reopening.
"""

import asyncio
import errno
import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from gateway.errors import Deferred
from gateway.hub.journal.facts import Altered
from gateway.hub.journal.sentinel import FileChanged, FileMoved, Sentinel
from gateway.hub.journal.transaction import Transaction

T = TypeVar("T")
Write: TypeAlias = Callable[[Transaction], T]
MAX_GROUP: Final = 128
"""How many writes share one fsync at most: bounds how long the first of them waits."""


class _Waiting(NamedTuple):
    write: Write[Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"


class Writer:
    """Group commit over one `Transaction`, guarded by the sentinels of database and WAL."""

    def __init__(self, transaction: Transaction, database: Sentinel, wal: Sentinel, *, wal_bytes: int) -> None:
        self._transaction = transaction
        self._database = database
        self._wal = wal
        self._wal_bytes = self._wal_limit = wal_bytes
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._broken: str | None = None
        self.intact = True
        self._stopping = False
        self.acknowledged = transaction.frontier()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    # ---- from the event loop ----------------------------------------------------------------------------------------

    async def commit(self, write: Write[T]) -> T:
        """The write's result, once it is durable. Raises what the write raised, or Deferred if it could not be kept."""
        self.require_whole()
        if self._stopping:
            raise Deferred("stopping")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Waiting(write, loop, future))
        return await future

    def require_whole(self) -> None:
        """Raises Deferred("log_unavailable") once the journal is broken."""
        if self._broken is not None:
            raise Deferred("log_unavailable", cause=self._broken)

    def break_off(self, error: Exception) -> None:
        """Nothing passes any more; the first cause stands.

        `intact` tells `close` whether what lies in the open files is what we wrote, wherever their paths may lead.
        """
        if self._broken is None:
            self.intact = isinstance(error, FileMoved)
            self._broken = _cause(error)

    def health(self) -> tuple[bool, str]:
        """Whether the journal can be written, and if not why. Looks at the files, so that idleness hides nothing."""
        if self._broken is None and not self._stopping:
            try:
                self._check_identity()
            except (FileChanged, OSError) as error:
                self.break_off(error)
        return (True, "") if self._broken is None else (False, self._broken)

    def stop(self) -> None:
        """Commit what waits, sign a last checkpoint, end the thread. Blocks for that long."""
        if not self._stopping:
            self._stopping = True
            self._queue.put(None)
        self._thread.join()

    # ---- in the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        going = True
        while going:
            taken = self._take()
            going = None not in taken
            group = [each for each in taken if each is not None]
            results = self._guarded(partial(self._commit, group, last=not going))
            if results is None:
                results = [Deferred("log_unavailable", cause=self._broken) for _ in group]
            _answer(group, results)
            self._guarded(self._shorten_wal)

    def _take(self) -> list[_Waiting | None]:
        taken = [self._queue.get()]
        while len(taken) < MAX_GROUP:
            try:
                taken.append(self._queue.get_nowait())
            except Empty:
                break
        return taken

    def _guarded(self, step: Callable[[], T]) -> T | None:
        """The step's result; None if the journal is broken or breaks by it. Whatever the cause, nothing passes then."""
        if self._broken is None:
            try:
                return step()
            except Exception as error:  # noqa: BLE001  (no cause, known or not, may let anything pass)
                self.break_off(error)
        return None

    def _commit(self, group: Sequence[_Waiting], *, last: bool) -> list[Any]:
        """One transaction for the whole group. What is raised here breaks the journal.

        A crash before COMMIT returns loses what nobody was told of; one after it keeps what nobody was told of, and
        the sender's repetition finds it by its request key.
        """
        self._check()
        self._transaction.begin()
        results = [self._try(each.write) for each in group]
        self._transaction.sign_if_due(now=last)
        self._transaction.execute("COMMIT")
        self._check()
        self._database.remember()
        self._wal.remember()
        self.acknowledged = self._transaction.frontier()
        return results

    def _try(self, write: Write[Any]) -> Any:
        """The write's result, or its exception if that is a matter of this write alone; it then leaves no trace."""
        mark = self._transaction.mark()
        self._transaction.execute("SAVEPOINT one_write")
        try:
            result = write(self._transaction)
        except Exception as error:
            if _is_of_the_file(error):
                raise
            self._transaction.execute("ROLLBACK TO one_write")
            self._transaction.reset(mark)
            result = error
        self._transaction.execute("RELEASE one_write")
        return result

    def _shorten_wal(self) -> None:
        """Move the WAL into the database once it has grown beyond its limit. A reader in the way only postpones it."""
        if self._wal.size < self._wal_limit:
            return
        self._check()
        busy, _, _ = self._transaction.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._check_identity()
        self._database.remember()
        # Whether truncated or only moved, SQLite may begin the WAL anew, with a new head, at the next commit.
        self._wal.remember(restarting=True)
        self._wal_limit = self._wal_bytes + (self._wal.size if busy else 0)

    def _check(self) -> None:
        self._database.check()
        self._wal.check()

    def _check_identity(self) -> None:
        self._database.check_identity()
        self._wal.check_identity()


def _is_of_the_file(error: Exception) -> bool:
    """Whether an error in one write concerns them all: disk full, input/output, corruption; not a broken constraint."""
    if isinstance(error, Altered):
        return True
    mine = sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.DataError
    return isinstance(error, sqlite3.Error | OSError) and not isinstance(error, mine)


def _cause(error: Exception) -> str:
    """One sentence for the operator. Names the file or the system's error code, never what was being written."""
    match error:
        case FileChanged() | Altered():
            return f"The central log cannot be trusted: {error}."
        case sqlite3.Error():
            return f"The central log cannot be written: {getattr(error, 'sqlite_errorname', type(error).__name__)}."
        case OSError():
            return f"The central log cannot be written: {errno.errorcode.get(error.errno or 0, 'input/output error')}."
        case _:
            return f"The central log stopped by a fault of the gateway: {type(error).__name__}."


def _answer(group: Sequence[_Waiting], results: Sequence[Any]) -> None:
    """Resolve the futures, each in its own loop; a loop that has closed has nobody waiting."""
    for loop in {each.loop for each in group}:
        pairs = [(each.future, result) for each, result in zip(group, results, strict=True) if each.loop is loop]
        try:
            loop.call_soon_threadsafe(_resolve, pairs)
        except RuntimeError:
            continue


def _resolve(pairs: Sequence[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, result in pairs:
        if future.done():
            continue  # whoever waited was cancelled; what was committed stays
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
