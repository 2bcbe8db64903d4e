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

from gateway_vaccination_records.record_system.layout import LAYOUT, TABLES, upgrade
from gateway_vaccination_records.record_system.seal import TenantKey

_PRAGMAS: Final = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "wal_autocheckpoint=16384",  # pages, 64 MiB: a page that changes in many transactions is written home once
    "cache_size=-65536",  # KiB: the blind indexes are random, so a large area needs its pages at hand
)


class WrongKey(Exception):
    """The database belongs to another area, was sealed under another key, or has another layout."""


def open_database(path: Path, municipality_code: str, key: TenantKey) -> tuple[sqlite3.Connection, int]:
    """The connection, and the layout that the file was written in. Raises WrongKey, sqlite3.Error.

    The tables are up to date; what they hold is the caller's matter, who then says so by `up_to_date`.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        db.executescript(TABLES)
        layout = _prove(db, municipality_code, key)
        with transaction(db):
            upgrade(db)
    except BaseException:
        db.close()
        raise
    return db, layout


def up_to_date(db: sqlite3.Connection) -> None:
    """The file is of the newest layout from here on. Call it in the transaction that made it so."""
    db.execute("UPDATE area SET layout = ?", (LAYOUT,))


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
