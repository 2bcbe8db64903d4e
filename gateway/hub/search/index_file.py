"""The file of one tenant's index, and what writes it: for each term, in which facts it stands; and the person tags.

A row has the bits of `CHUNK` facts. So two words that each stand in half of ten million facts are held against each
other in a thousand steps, whether they meet often or never. It is brought after the journal a slice at a time, each in
one transaction with the seq up to which it goes; what a crash loses of it is read again.
"""

import os
import sqlite3
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from gateway.errors import GatewayError
from gateway.hub.search import bits
from gateway.hub.search.bits import CHUNK
from gateway.hub.search.index_schema import as_made, bound, make

_SIDES: Final = ("", "-wal", "-shm")
_BUSY_SECONDS: Final = 0.2
"""How long to wait for a lock: only who searches holds one, for some milliseconds."""
_STEPS: Final = 10_000
"""Of SQLite's machine, some tenths of a millisecond: how often a statement asks whether it is to end."""
_NO_DAMAGE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_INTERRUPT,
    }
)  # fmt: skip


def damaged(error: Exception) -> bool:
    """Whether what went wrong at an index says that it is not what was written, and is to be made anew: anything but
    that there is no room, no right, that somebody holds it, or that it was to end.
    """
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF not in _NO_DAMAGE
    return not isinstance(error, (OSError, MemoryError, GatewayError))


class Entry(NamedTuple):
    """A fact as the index has it. `tags` are those of its message's records, each once, made in `month`."""

    seq: int
    at: str
    terms: frozenset[str]
    month: str = ""
    tags: Sequence[bytes] = ()


class IndexFile:
    """The connection that writes; used by one thread at a time. Whatever it does fails soon once it `ends`."""

    def __init__(self, path: Path, ends: Callable[[], bool]) -> None:
        self.path = path
        self._identity = path.lstat().st_ino
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection = bound(connection)
        self._connection.set_progress_handler(ends, _STEPS)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA secure_delete = ON")
        self._terms: dict[str, int] = {}

    @classmethod
    def open(cls, path: Path, committed: Callable[[int, bytes], bool], ends: Callable[[], bool]) -> Self:
        """The index of the log that `committed` so at that seq; one that is damaged, of another form or of another log
        is thrown away first, and so is what is no file of its own.
        """
        try:
            if (kept := cls._kept(path, committed, ends)) is not None:
                return kept
        except Exception as error:
            if not damaged(error):
                raise
        cls.discard(path)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        new = cls(path, ends)
        make(new._connection)
        return new

    @staticmethod
    def discard(path: Path) -> None:
        """Throw the file away. Raises OSError."""
        for each in _SIDES:
            path.with_name(path.name + each).unlink(missing_ok=True)

    @classmethod
    def _kept(cls, path: Path, committed: Callable[[int, bytes], bool], ends: Callable[[], bool]) -> Self | None:
        if not (os.path.lexists(path) and _of_its_own(path)):
            return None
        with ExitStack() as otherwise:
            index = cls(path, ends)
            otherwise.callback(index.close)
            if not as_made(index._connection):
                return None
            seq, kept = index._connection.execute("SELECT upto, commitment FROM goes").fetchone()
            if seq == 0 or committed(seq, kept):
                otherwise.pop_all()
                return index
        return None

    @property
    def upto(self) -> int:
        """The seq of the last fact that it has."""
        return int(self._connection.execute("SELECT upto FROM goes").fetchone()[0])

    @property
    def there(self) -> bool:
        """Whether its path still leads to it: whoever wants it built anew deletes it."""
        with suppress(OSError):
            return self.path.lstat().st_ino == self._identity
        return False

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def swept(self) -> bool:
        """Nothing of what went out of it so far stands in its files any more; False if somebody reads there now."""
        (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def add(self, entries: Sequence[Entry], commitment: bytes) -> None:
        """What follows on the last fact that it has; `commitment` is that of the last of them."""
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for chunk, few in _by_chunk(entries):
                times = [each.at for each in few]
                connection.execute(_CHUNK, (chunk, min(times), max(times)))
                self._post(chunk, few)
            tags = sorted({(each.month, tag, each.seq) for each in entries for tag in each.tags})
            connection.executemany("INSERT OR IGNORE INTO tag VALUES (?,?,?)", tags)
            connection.execute("UPDATE goes SET upto = ?, commitment = ?", (entries[-1].seq, commitment))

    def _post(self, chunk: int, entries: Iterable[Entry]) -> None:
        places: defaultdict[str, list[int]] = defaultdict(list)
        for each in entries:
            for word in each.terms:
                places[word].append(each.seq % CHUNK)
        for word, found in places.items():
            row = bits.row_of(self._id(word), chunk)
            both = bits.at(found) | bits.stored(self._connection, row)
            self._connection.execute("INSERT OR REPLACE INTO posting VALUES (?,?)", (row, bits.packed(both)))

    def erase(self, spans: Iterable[tuple[int, int]], month: str) -> None:
        """Nothing leads to these facts any more, by first and last; their tags were made in `month` or before.

        Terms that no fact has stay known, and say nothing of anybody.
        """
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            gone: defaultdict[int, int] = defaultdict(int)
            for first, last in spans:
                connection.execute("DELETE FROM tag WHERE month <= ? AND seq BETWEEN ? AND ?", (month, first, last))
                for chunk in range(first // CHUNK, last // CHUNK + 1):
                    gone[chunk] |= bits.between(max(first - chunk * CHUNK, 0), min(last - chunk * CHUNK, CHUNK - 1))
            rows = connection.execute("SELECT row FROM posting").fetchall() if gone else ()
            for (row,) in rows:
                if (its := gone.get(bits.chunk_of(row))) is not None:
                    self._forget(row, its)

    def forget_tags(self, stands: Callable[[int, bytes], bool]) -> None:
        """Only the tags stay that stand beside their fact still, of whichever month: somebody said of which those were
        that were erased, and they went by themselves.
        """
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            for (month,) in connection.execute("SELECT DISTINCT month FROM tag").fetchall():
                for tag, seq in connection.execute("SELECT tag, seq FROM tag WHERE month = ?", (month,)).fetchall():
                    if not stands(seq, tag):
                        row = (month, tag, seq)
                        connection.execute("DELETE FROM tag WHERE month = ? AND tag = ? AND seq = ?", row)

    def _forget(self, row: int, gone: int) -> None:
        if left := bits.stored(self._connection, row) & ~gone:
            self._connection.execute("UPDATE posting SET bits = ? WHERE row = ?", (bits.packed(left), row))
        else:
            self._connection.execute("DELETE FROM posting WHERE row = ?", (row,))

    def _id(self, word: str) -> int:
        if word not in self._terms:
            self._connection.execute("INSERT OR IGNORE INTO term (term) VALUES (?)", (word,))
            self._terms = {} if len(self._terms) > CHUNK else self._terms
            self._terms[word] = int(self._connection.execute(bits.TERM, (word,)).fetchone()[0])
        return self._terms[word]


def _of_its_own(path: Path) -> bool:
    """Whether each of its files is one, under no other name: what is written into it goes nowhere else."""
    for side in _SIDES:
        with suppress(FileNotFoundError):
            found = path.with_name(path.name + side).lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                return False
    return True


def _by_chunk(entries: Sequence[Entry]) -> Iterator[tuple[int, list[Entry]]]:
    found: defaultdict[int, list[Entry]] = defaultdict(list)
    for each in entries:
        found[each.seq // CHUNK].append(each)
    yield from found.items()


_CHUNK: Final = (
    "INSERT INTO chunk VALUES (?,?,?) ON CONFLICT (chunk) DO UPDATE SET"
    " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)"
)
