"""SQLite, in a file or, without one, in memory: what a call has changed is on the disk before it is answered."""

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"


class Database:
    """One file; each part of it brings its own tables."""

    def __init__(self, file: Path | None) -> None:
        self._connection = sqlite3.connect(file or ":memory:", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")

    def tables(self, script: str) -> None:
        """Make them unless they are there."""
        self._connection.executescript(script)

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """The first one."""
        found: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return found

    def count(self, table: str, condition: str = "1") -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()[0])  # noqa: S608 - our own words

    def change(self, statement: str, *values: object) -> int:
        """How many rows were changed."""
        return self._connection.execute(statement, values).rowcount

    @contextmanager
    def together(self) -> Iterator[None]:
        """All changes within, or none."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def one_way(content: object) -> str:
    """JSON, always written the same way."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def read(text: str) -> Any:
    """What `one_way` wrote."""
    return json.loads(text)


def new_no(prefix: str) -> str:
    """A number of a transaction: 73 random bits in letters, which nobody takes for an individual number."""
    return f"{prefix}-" + "".join(secrets.choice(_LETTERS) for _ in range(16))
