"""The tables of one tenant's journal, and the connections to them.

`fact`, `tag`, `checkpoint` and `cosignature` are the central log: appended to, and changed only where what is not to be
kept any longer is taken out, of which a fact tells. `tile` has what proofs are made of; it follows from the facts.
`envelope` holds what the facts give the digest of, and `message` is an index over the facts: what is due is found by
it, and told by the facts alone.
"""

import contextlib
import re
import sqlite3
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

from gateway.hub.journal.facts import ACT_FACTS

APPLICATION_ID: Final = 0x524E4B4A
"""'RNKJ', so that `file` and `gateway log verify` know what they look at."""
FORMAT: Final = 9
BUSY_SECONDS: Final = 0.1
"""How long to wait for a lock: only a stranger to the journal can hold one."""
_MESSAGE_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

ACTS: Final = "kind IN ('" + "', '".join(ACT_FACTS) + "')"
"""What persons did. SQLite uses the index for what asks for just this, word for word."""
_SCHEMA: Final = f"""
CREATE TABLE log (tenant TEXT NOT NULL, origin TEXT NOT NULL);

CREATE TABLE fact (
    seq INTEGER PRIMARY KEY,            -- from 1, without a gap; leaf seq - 1 of the tree
    at TEXT NOT NULL,
    kind TEXT NOT NULL,                 -- of a purged fact empty, as is `at`
    message_id BLOB,
    commitment BLOB NOT NULL,           -- SHA-256(salt, body)
    salt BLOB,                          -- salt and body may be purged together
    body BLOB,
    tag_salt BLOB                       -- salt of the header's tags_digest
);
CREATE INDEX fact_of_message ON fact (message_id, kind) WHERE message_id IS NOT NULL;
CREATE INDEX fact_of_gateway ON fact (kind, seq) WHERE message_id IS NULL;
CREATE INDEX fact_of_act ON fact (at, seq) WHERE {ACTS};

CREATE TABLE tag (
    seq INTEGER NOT NULL REFERENCES fact,
    idx INTEGER NOT NULL,               -- the record's index in its arrival
    tag BLOB NOT NULL,
    PRIMARY KEY (seq, idx)
) WITHOUT ROWID;

CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL,
    frontier BLOB NOT NULL              -- proven by the signed root
);

CREATE TABLE cosignature (
    size INTEGER NOT NULL REFERENCES checkpoint,
    witness TEXT NOT NULL,
    line TEXT NOT NULL,                 -- as it stands below the note
    PRIMARY KEY (size, witness)
) WITHOUT ROWID;

CREATE TABLE tile (
    level INTEGER NOT NULL,             -- from 1: a root of 256**level facts
    idx INTEGER NOT NULL,               -- from 0
    root BLOB NOT NULL,
    PRIMARY KEY (level, idx)
) WITHOUT ROWID;

CREATE TABLE message (
    seq INTEGER PRIMARY KEY REFERENCES fact,    -- of its recording fact
    id BLOB NOT NULL UNIQUE,
    source TEXT NOT NULL,
    route TEXT,
    request_key BLOB,
    body_tag BLOB,
    answers BLOB UNIQUE,                -- of a reply: the id of the request, which is answered once
    open INTEGER NOT NULL,              -- how many records have not ended
    dead INTEGER NOT NULL,              -- how many ended dead
    held INTEGER NOT NULL DEFAULT 0,    -- 1 while what is open waits for people, and is not due
    settle_asked INTEGER NOT NULL,      -- how often the source was to hear how it ended
    settle_told INTEGER NOT NULL DEFAULT 0,     -- up to which of them it has heard; not in the facts
    next_at REAL,                       -- when the next attempt is due; not in the facts
    ended_at TEXT,                      -- when nothing was open any more, while the envelope is kept; not in the facts
    kept_until TEXT                     -- how long the envelope is kept, by its route as it was then; not in the facts
);
CREATE UNIQUE INDEX message_of_request ON message (source, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX message_open ON message (seq) WHERE open > 0;
CREATE INDEX message_held ON message (seq) WHERE held = 1;
CREATE INDEX message_dead ON message (seq) WHERE dead > 0;
CREATE INDEX message_ended ON message (route, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX message_kept ON message (kept_until) WHERE kept_until IS NOT NULL;
CREATE INDEX message_to_settle ON message (source, seq) WHERE open = 0 AND settle_asked > settle_told;

CREATE TABLE envelope (
    message INTEGER PRIMARY KEY REFERENCES message,
    packed BLOB NOT NULL
);
"""


class WrongStore(Exception):
    """The file is not the journal that was asked for. The text says what it is instead."""


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; event loop and writer's thread use it in turn, the opening thread made it."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # The WAL is moved into the database by the writer alone: the sentinel must know when the files' heads change.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted does not stay in free pages
    return connection


SYSTEM_DB: Final = "system.db"
"""The log of what belongs to no tenant; it lies beside the others."""


def connect_reader(path: Path, *, at_rest: bool = False) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.Error.

    `at_rest`: no gateway has the file open; then SQLite takes no lock and leaves no file of its own beside it.
    """
    address = path.absolute().as_uri() + ("?immutable=1" if at_rest else "?mode=ro")
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON")
    # Only a connection that has read holds the file open in SQLite's eyes.
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return connection


def wal_of(path: Path) -> Path:
    """Where SQLite keeps the WAL of a database; it is there as long as a gateway runs on it, and after a crash."""
    return path.with_name(path.name + "-wal")


def prepare(connection: sqlite3.Connection, *, tenant: str, origin: str) -> None:
    """Make the tables in an empty file; in any other, raise WrongStore unless it is this tenant's journal."""
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
        )
        connection.execute("INSERT INTO log (tenant, origin) VALUES (?, ?)", (tenant, origin))
        connection.execute("COMMIT")
    if identify(connection) != (tenant, origin):
        raise WrongStore("is the journal of another tenant or origin")


def identify(connection: sqlite3.Connection) -> tuple[str, str]:
    """Tenant and origin as the file names them. Raises WrongStore if it is no journal of a format that we know."""
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise WrongStore("is not a journal")
    if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
        raise WrongStore("has a format that this version does not know")
    if _schema_of(connection) != _known_schema():
        raise WrongStore("has other tables, indexes or triggers than a journal: somebody changed it")
    rows = connection.execute("SELECT tenant, origin FROM log").fetchall()
    if len(rows) != 1:
        raise WrongStore("does not name one tenant and origin")
    return str(rows[0][0]), str(rows[0][1])


def _schema_of(connection: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    """All but what `ANALYZE` keeps for itself: tables, of names that nobody else can give."""
    return set(connection.execute(_SCHEMA_OF))


_SCHEMA_OF: Final = (
    "SELECT type, name, sql FROM sqlite_master WHERE NOT (type = 'table' AND name GLOB 'sqlite_stat[0-9]')"
)


@cache
def _known_schema() -> set[tuple[str, str, str | None]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as known:
        known.executescript(_SCHEMA)
        return _schema_of(known)


def id_bytes(message_id: str) -> bytes:
    """A message id's 16 bytes: the form in the tables. Raises ValueError if it is not written in the one form."""
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("not a message id")
    return bytes.fromhex(message_id.replace("-", ""))


def id_sought(message_id: str) -> bytes:
    """What to look a message up by; what cannot be an id is simply not found."""
    return id_bytes(message_id) if _MESSAGE_ID.fullmatch(message_id) else b""


def id_text(stored: bytes) -> str:
    """The reverse of `id_bytes`."""
    return str(UUID(bytes=stored))
