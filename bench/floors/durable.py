"""Rows on disk before anyone is answered: SQLite in WAL mode with synchronous=FULL, and one thread that commits groups.

What arrives during one fsync shares the next.
"""

import asyncio
import sqlite3
import threading
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple

_MAX_GROUP: Final = 128
_SCHEMA: Final = """
CREATE TABLE envelope (id BLOB PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE attempt (id BLOB NOT NULL, at REAL NOT NULL);
CREATE TABLE outcome (id BLOB NOT NULL, at REAL NOT NULL);
"""


class _Row(NamedTuple):
    statement: str
    values: tuple[Any, ...]
    durable: "asyncio.Future[None]"


class Durable:
    """One new database and the thread that writes it."""

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Row] = SimpleQueue()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA wal_autocheckpoint = 16384")  # pages: 64 MB, as the line's journal by default
        self._connection.executescript(_SCHEMA)
        threading.Thread(target=self._run, daemon=True).start()

    async def write(self, statement: str, *values: Any) -> None:
        """Returns when the row is on disk."""
        durable: asyncio.Future[None] = self._loop.create_future()
        self._queue.put(_Row(statement, values, durable))
        await durable

    def _run(self) -> None:
        while True:
            group = [self._queue.get()]
            while len(group) < _MAX_GROUP:
                try:
                    group.append(self._queue.get_nowait())
                except Empty:
                    break
            self._connection.execute("BEGIN IMMEDIATE")
            for row in group:
                self._connection.execute(row.statement, row.values)
            self._connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_answer, group)


def _answer(group: list[_Row]) -> None:
    for row in group:
        if not row.durable.done():
            row.durable.set_result(None)
