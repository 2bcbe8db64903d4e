"""One area's database file: opened, laid out, and proven to be this area's, sealed under this key.

The rule: one file, one key and one connection per area, so that no statement can reach another tenant's data (C156,
C158).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag

from gateway_vaccination_records.record_system.seal import TenantKey

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "wal_autocheckpoint=16384",  # pages, 64 MiB: a page that changes in many transactions is written home once
    "cache_size=-65536",  # KiB: the blind indexes are random, so a large area needs its pages at hand
)
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS area (
    layout INTEGER NOT NULL, municipality_code TEXT NOT NULL, key_proof BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS person (
    id INTEGER PRIMARY KEY,
    internal_no BLOB NOT NULL UNIQUE,             -- blind
    individual_number BLOB,                       -- blind, of the latest state; correctable, so not unique
    vaccination_subject_no BLOB NOT NULL UNIQUE,  -- blind
    sealed_subject_no BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS person_by_number ON person (individual_number) WHERE individual_number IS NOT NULL;
CREATE TABLE IF NOT EXISTS state (
    person INTEGER NOT NULL REFERENCES person,
    instant INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (person, instant, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS one_latest ON state (person) WHERE latest;
CREATE TABLE IF NOT EXISTS outcome (
    message_id TEXT NOT NULL, row INTEGER NOT NULL, verdict TEXT NOT NULL,
    PRIMARY KEY (message_id, row)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wanted (               -- a PMH key is to be had for this number
    id INTEGER PRIMARY KEY,
    number BLOB NOT NULL UNIQUE,                  -- blind
    sealed BLOB NOT NULL,
    due INTEGER NOT NULL,                         -- microseconds since 1970: not asked before
    asked INTEGER NOT NULL,                       -- how often
    batch TEXT, position INTEGER                  -- where it is being asked now
) STRICT;
CREATE INDEX IF NOT EXISTS wanted_due ON wanted (due) WHERE batch IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS wanted_asked ON wanted (batch, position) WHERE batch IS NOT NULL;
CREATE TABLE IF NOT EXISTS pmh_key (
    number BLOB PRIMARY KEY,                      -- blind
    pmh_key BLOB NOT NULL UNIQUE,                 -- blind
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dispute (              -- for people to look at; such a number is asked no more
    number BLOB NOT NULL,                         -- blind
    why TEXT NOT NULL,
    sealed BLOB NOT NULL,                         -- the number
    instant INTEGER NOT NULL,
    PRIMARY KEY (number, why)
) STRICT, WITHOUT ROWID;
"""
LAYOUT: Final = 2
"""1 had no keys."""


class WrongKey(Exception):
    """The database belongs to another area, was sealed under another key, or has another layout."""


def open_database(path: Path, municipality_code: str, key: TenantKey) -> tuple[sqlite3.Connection, int]:
    """The connection, and the layout that the file was written in. Raises WrongKey, sqlite3.Error."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        db.executescript(_TABLES)
        return db, _prove(db, municipality_code, key)
    except BaseException:
        db.close()
        raise


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; durable when it is left."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _prove(db: sqlite3.Connection, municipality_code: str, key: TenantKey) -> int:
    """An area opens with its own key only: a wrong one must show at start-up, not as a second, invisible city."""
    with transaction(db):
        known = db.execute("SELECT layout, municipality_code, key_proof FROM area").fetchone()
        if known is None:
            proof = key.seal(b"record system", b"proof")
            db.execute("INSERT INTO area VALUES (?, ?, ?)", (LAYOUT, municipality_code, proof))
            return LAYOUT
    layout, code, proof = known
    try:
        key.open(proof, b"proof")
    except InvalidTag:
        raise WrongKey from None
    if code != municipality_code or not 1 <= layout <= LAYOUT:
        raise WrongKey
    return int(layout)
