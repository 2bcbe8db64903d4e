"""What a witness remembers: of each log the last checkpoint that it cosigned, in one SQLite file."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from gateway.errors import Misconfigured
from gateway.keys.at_rest import make_directory
from gateway.tlog.note import Checkpoint
from gateway.tlog.tree import EMPTY_ROOT

_APPLICATION_ID: Final = 0x524E4B57
"""'RNKW'."""
_BUSY_SECONDS: Final = 1.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS log (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL      -- the signed checkpoint: what proves to others what the log said of itself
) WITHOUT ROWID, STRICT;
"""


class Store:
    """Made by `open`. One step at a time: what `last` says holds until the `step` is over."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the file. Raises Misconfigured."""
        try:
            make_directory(path.parent)
            connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            found = connection.execute("PRAGMA application_id").fetchone()[0]
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] and found != _APPLICATION_ID:
                raise Misconfigured((f"{path}: is not the store of a witness",))
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(f"PRAGMA application_id = {_APPLICATION_ID}; {_SCHEMA}")
        except (sqlite3.Error, OSError) as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            raise Misconfigured((f"{path}: the store of the witness cannot be opened ({name})",)) from None
        return cls(connection)

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """What is kept within is on disk when it ends, or, if anything is raised, not at all. Raises sqlite3.Error."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def last(self, origin: str) -> Checkpoint:
        """The last one that was cosigned; that of an empty log, if none was."""
        row = self._connection.execute("SELECT size, root FROM log WHERE origin = ?", (origin,)).fetchone()
        return Checkpoint(origin, *row) if row else Checkpoint(origin, 0, EMPTY_ROOT)

    def keep(self, checkpoint: Checkpoint, note: str) -> None:
        """It is the last one from now on."""
        row = (checkpoint.origin, checkpoint.size, checkpoint.root, note)
        self._connection.execute("INSERT OR REPLACE INTO log (origin, size, root, note) VALUES (?,?,?,?)", row)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
