"""The file of one tenant's index: for each term, in which facts it stands, as one bit a fact; and the person tags.

A row has the bits of `CHUNK` facts. So two words that each stand in half of ten million facts are held against each
other in a thousand steps, whether they meet often or never. It is brought after the journal a slice at a time, each in
one transaction with the seq up to which it goes; what a crash loses of it is read again.
"""

import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from gateway.errors import GatewayError

CHUNK: Final = 8192
"""Facts whose bits stand in one row: 1 KiB before it is compressed, so that the last row is quickly written anew."""
_FORMAT: Final = 1
_BITS: Final = CHUNK // 8
_ALL: Final = (1 << CHUNK) - 1
_CHUNKS: Final = 32
_CHUNK_MASK: Final = (1 << _CHUNKS) - 1
"""A posting's row is that of term `row >> 32` and chunk `row & 0xffffffff`."""
_SCHEMA: Final = """
CREATE TABLE goes (upto INTEGER NOT NULL, commitment BLOB);    -- the last fact that it has, and which that is
CREATE TABLE chunk (chunk INTEGER PRIMARY KEY, first_at TEXT NOT NULL, last_at TEXT NOT NULL);
CREATE TABLE term (id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE);
CREATE TABLE posting (row INTEGER PRIMARY KEY, bits BLOB NOT NULL);
CREATE TABLE tag (
    month TEXT NOT NULL,                -- by whose key it was made: of the header's created_at
    tag BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (month, tag, seq)
) WITHOUT ROWID;
INSERT INTO goes VALUES (0, NULL);
"""
_SIDES: Final = ("", "-wal", "-shm")
_NO_DAMAGE: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM,
    }
)  # fmt: skip


def damaged(error: Exception) -> bool:
    """Whether what went wrong at an index says that it is not what was written, and is to be made anew: anything but
    that there is no room, no right, or that somebody holds it.
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
    """The connection that writes; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch(0o600)
        self._identity = path.stat().st_ino
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA secure_delete = ON")
        self._terms: dict[str, int] = {}

    @classmethod
    def open(cls, path: Path, committed: Callable[[int, bytes], bool]) -> Self:
        """The index of the log that `committed` so at that seq; one that is damaged, of another form or of another log
        is thrown away first.
        """
        try:
            if (kept := cls._kept(path, committed)) is not None:
                return kept
        except Exception as error:
            if not damaged(error):
                raise
        cls.discard(path)
        new = cls(path)
        new._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_FORMAT}; COMMIT;")
        return new

    @staticmethod
    def discard(path: Path) -> None:
        """Throw the file away. Raises OSError."""
        for each in _SIDES:
            path.with_name(path.name + each).unlink(missing_ok=True)

    @classmethod
    def _kept(cls, path: Path, committed: Callable[[int, bytes], bool]) -> Self | None:
        if not path.exists():
            return None
        with ExitStack() as otherwise:
            index = cls(path)
            otherwise.callback(index.close)
            (form,) = index._connection.execute("PRAGMA user_version").fetchone()
            seq, kept = index._connection.execute("SELECT upto, commitment FROM goes").fetchone()
            if form == _FORMAT and (seq == 0 or committed(seq, kept)):
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
            return self.path.stat().st_ino == self._identity
        return False

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

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
            row, new = self._id(word) << _CHUNKS | chunk, bytearray(_BITS)
            for place in found:
                new[place >> 3] |= 1 << (place & 7)
            bits = int.from_bytes(new, "little") | _bits(self._connection, row)
            packed = zlib.compress(bits.to_bytes(_BITS, "little"), 1)
            self._connection.execute("INSERT OR REPLACE INTO posting VALUES (?,?)", (row, packed))

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
                    gone[chunk] |= _between(max(first - chunk * CHUNK, 0), min(last - chunk * CHUNK, CHUNK - 1))
            rows = connection.execute("SELECT row FROM posting").fetchall() if gone else ()
            for (row,) in rows:
                if (bits := gone.get(row & _CHUNK_MASK)) is not None:
                    self._forget(row, bits)

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

    def _forget(self, row: int, bits: int) -> None:
        left = _bits(self._connection, row) & ~bits
        if left:
            packed = zlib.compress(left.to_bytes(_BITS, "little"), 1)
            self._connection.execute("UPDATE posting SET bits = ? WHERE row = ?", (packed, row))
        else:
            self._connection.execute("DELETE FROM posting WHERE row = ?", (row,))

    def _id(self, word: str) -> int:
        if word not in self._terms:
            self._connection.execute("INSERT OR IGNORE INTO term (term) VALUES (?)", (word,))
            self._terms = {} if len(self._terms) > CHUNK else self._terms
            self._terms[word] = int(self._connection.execute(_TERM, (word,)).fetchone()[0])
        return self._terms[word]


class IndexReader:
    """One search of the index, as far as it goes now: up to the fact of seq `upto`. `close` it."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        with ExitStack() as otherwise:
            otherwise.callback(self.close)
            self.upto = int(self._connection.execute("SELECT upto FROM goes").fetchone()[0])
            otherwise.pop_all()

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def tagged(self, tags: Mapping[str, Iterable[bytes]]) -> set[int]:
        """The facts with one of these tags of one of these months."""
        asked = ((month, tag) for month, some in tags.items() for tag in some)
        return {seq for each in asked for (seq,) in self._connection.execute(_TAGGED, each)}

    def chunks(
        self, words: Iterable[str], among: set[int] | None, since: str, until: str, *, oldest: bool
    ) -> Iterator[list[int]]:
        """The seqs of the facts with all these terms and, if given, `among` those, a chunk at a time, newest first or
        `oldest` first; chunks of which every fact was before `since` or not before `until` are left out.
        """
        found = [self._connection.execute(_TERM, (word,)).fetchone() for word in words]
        if None in found:
            return
        terms = [row[0] << _CHUNKS for row in found]
        order = "ASC" if oldest else "DESC"
        chunks = self._connection.execute(_BETWEEN + order, (since, until, self.upto // CHUNK)).fetchall()
        few = _masks(among) if among is not None else None
        for (chunk,) in chunks:
            bits = _ALL if few is None else few.get(chunk, 0)
            for each in terms:
                bits = bits and bits & _bits(self._connection, each | chunk)
            last = (1 << self.upto % CHUNK + 1) - 1 if chunk == self.upto // CHUNK else _ALL
            yield _seqs(chunk, bits & last, oldest=oldest)


def _by_chunk(entries: Sequence[Entry]) -> Iterator[tuple[int, list[Entry]]]:
    found: defaultdict[int, list[Entry]] = defaultdict(list)
    for each in entries:
        found[each.seq // CHUNK].append(each)
    yield from found.items()


def _bits(connection: sqlite3.Connection, row: int) -> int:
    found = connection.execute("SELECT bits FROM posting WHERE row = ?", (row,)).fetchone()
    return int.from_bytes(zlib.decompress(found[0]), "little") if found else 0


def _between(first: int, last: int) -> int:
    """The bits of these places, both counted."""
    return (1 << last + 1) - (1 << first)


def _masks(seqs: Iterable[int]) -> dict[int, int]:
    masks: defaultdict[int, int] = defaultdict(int)
    for seq in seqs:
        masks[seq // CHUNK] |= 1 << seq % CHUNK
    return masks


def _seqs(chunk: int, bits: int, *, oldest: bool) -> list[int]:
    """The facts whose bits are set, byte by byte: most bytes of a rare thing are 0."""
    found = [
        chunk * CHUNK + at * 8 + place
        for at, byte in enumerate(bits.to_bytes(_BITS, "little") if bits else b"")
        if byte
        for place in range(8)
        if byte >> place & 1
    ]
    return found if oldest else found[::-1]


_TERM: Final = "SELECT id FROM term WHERE term = ?"
_TAGGED: Final = "SELECT seq FROM tag WHERE month = ? AND tag = ?"
_BETWEEN: Final = "SELECT chunk FROM chunk WHERE last_at >= ? AND first_at < ? AND chunk <= ? ORDER BY chunk "
_CHUNK: Final = (
    "INSERT INTO chunk VALUES (?,?,?) ON CONFLICT (chunk) DO UPDATE SET"
    " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)"
)
