"""The tables of an index, and whether a file has these and no others: whoever may write beside the journal could plant
a trigger, and it would run as often as the index is written.
"""

import sqlite3
from contextlib import closing
from functools import cache
from typing import Final

_FORMAT: Final = 1
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
_LONGEST: Final = 1 << 16
"""Bytes that a value may have: bits have some 1,100, terms and tags less."""


def bound(connection: sqlite3.Connection) -> sqlite3.Connection:
    """No longer value than an index has is read by it."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    return connection


def make(connection: sqlite3.Connection) -> None:
    """The tables, in an empty file."""
    connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_FORMAT}; COMMIT;")


def as_made(connection: sqlite3.Connection) -> bool:
    """Whether the file is of this form, with what `make` makes and nothing else."""
    (form,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(form == _FORMAT) and _schema_of(connection) == _known()


def _schema_of(connection: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    return set(connection.execute("SELECT type, name, sql FROM sqlite_master LIMIT 100"))


@cache
def _known() -> set[tuple[str, str, str | None]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as known:
        make(known)
        return _schema_of(known)
