"""Holds what is due against the facts: what is forgotten, made up or altered beside the log is found.

At a start this is asked of the messages recorded since the last checkpoint and of those of which something is due, by
verification of every one.
"""

import hashlib
import math
import re
import sqlite3
from typing import Any, Final

from gateway.errors import Refused
from gateway.hub.journal.facts import Altered
from gateway.hub.journal.work import Work, read_work
from gateway.messages import Envelope, encode

_BATCH: Final = 200
_STAMP: Final = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}Z")


def check_due(connection: sqlite3.Connection) -> None:
    """Each message that by its row is open, or is to be heard of, is so by its facts. Raises Altered.

    Takes as long as there are such, however long the log.
    """
    for seq, stored_id in connection.execute(_DUE).fetchall():
        _check_row(connection, seq, stored_id)


def check_recorded(connection: sqlite3.Connection, after: int, total: int) -> None:
    """Each message recorded by the proven facts from `after` + 1 to `total` has its row and envelope. Raises Altered.

    A running gateway goes on meanwhile: each batch is one moment of it, in which facts and rows agree.
    """
    while recorded := connection.execute(_RECORDED, (after, total, _BATCH)).fetchall():
        connection.execute("BEGIN")
        for seq, stored_id in recorded:
            _check_envelope(connection, seq, _check_row(connection, seq, stored_id))
        connection.execute("COMMIT")
        after = recorded[-1][0]


def check_work(connection: sqlite3.Connection, total: int) -> None:
    """All of the first `total` facts, which are proven, and no row that belongs to none. Raises Altered."""
    check_recorded(connection, 0, total)
    for table, query in _STRAY.items():
        stray = connection.execute(query).fetchone()
        if stray is not None:
            raise _contradiction(stray[0], f"a row of `{table}` belongs to no recorded message ({stray[0]})")


def _check_row(connection: sqlite3.Connection, seq: int, stored_id: Any) -> Work:
    """The row of the message that was recorded as fact `seq`."""
    work = read_work(connection, stored_id, repeats=True)
    if work is None:
        raise _contradiction(seq, f"no message was recorded as fact {seq}")
    message = f"message {work.message_id}"
    cursor = connection.execute("SELECT * FROM message WHERE seq = ?", (seq,))
    values = cursor.fetchone()
    if values is None:
        raise _contradiction(seq, f"{message} is not in it")
    row = dict(zip((column[0] for column in cursor.description), values, strict=True))
    for name, value in work.row().items():
        if row[name] != value:
            raise _contradiction(seq, f"{message} has another `{name}` than its facts give")
    told, next_at = row["settle_told"], row["next_at"]
    if not isinstance(told, int) or not 0 <= told <= work.asked:
        raise _contradiction(seq, f"{message} has a `settle_told` that cannot be")
    if next_at is not None and not (isinstance(next_at, float) and math.isfinite(next_at)):
        raise _contradiction(seq, f"{message} has a `next_at` that cannot be")
    _check_ended(seq, work, row["ended_at"], row["kept_until"])
    return work


def _check_ended(seq: int, work: Work, ended_at: Any, kept_until: Any) -> None:
    message = f"message {work.message_id}"
    for name, at in (("ended_at", ended_at), ("kept_until", kept_until)):
        if at is not None and not (isinstance(at, str) and _STAMP.fullmatch(at)):
            raise _contradiction(seq, f"{message} has an `{name}` that cannot be")
    if (ended_at is not None) != work.kept:
        raise _contradiction(seq, f"{message} has an `ended_at`, or none, against its facts")
    if kept_until is not None and (ended_at is None or kept_until < ended_at):
        raise _contradiction(seq, f"{message} has a `kept_until` against its facts")


def _check_envelope(connection: sqlite3.Connection, seq: int, work: Work) -> None:
    """It is the one that was recorded, kept until the log says that it was deleted."""
    row = connection.execute("SELECT packed FROM envelope WHERE message = ?", (seq,)).fetchone()
    if work.deleted and row is None:
        return
    if work.deleted:
        raise _contradiction(seq, f"message {work.message_id} has an envelope that was deleted by its facts")
    packed = row[0] if row else None
    digest = hashlib.sha256(packed).hexdigest() if isinstance(packed, bytes) else None
    if packed is not None and digest == work.envelope and not _same_header(packed, work):
        raise _contradiction(seq, f"message {work.message_id} has another header in its fact than in its envelope")
    if digest != work.envelope or (row is None) != (work.envelope is None):
        said = "has not the envelope that its fact gives the digest of" if row else "has lost its envelope"
        raise _contradiction(seq, f"message {work.message_id} {said}")


def _same_header(packed: bytes, work: Work) -> bool:
    try:
        return Envelope.unpack(packed).header == encode(work.header)
    except Refused:
        return False


def check_indexes(connection: sqlite3.Connection, table: str | None = None) -> None:
    """What is found by an index is what stands in its table, or everything in the file. Raises Altered."""
    found = connection.execute(f"PRAGMA integrity_check({table})" if table else "PRAGMA integrity_check(1)").fetchone()[
        0
    ]
    if found != "ok":
        raise Altered(1, "SQLite finds the file inconsistent with itself: an index or a page was changed or damaged")


def _contradiction(seq: int, problem: str) -> Altered:
    return Altered(seq, f"the work list contradicts the log: {problem}")


_DUE: Final = (
    "SELECT due.seq, (SELECT message_id FROM fact WHERE seq = due.seq AND kind = 'message.recorded') FROM"
    " (SELECT seq FROM message WHERE open > 0"
    " UNION ALL SELECT seq FROM message WHERE open = 0 AND settle_asked > settle_told) AS due"
)
_RECORDED: Final = (
    "SELECT seq, message_id FROM fact WHERE kind = 'message.recorded' AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
)
_STRAY: Final = {
    "message": (
        "SELECT seq FROM message WHERE NOT EXISTS"
        " (SELECT 1 FROM fact WHERE fact.seq = message.seq AND kind = 'message.recorded') ORDER BY seq LIMIT 1"
    ),
    "envelope": (
        "SELECT message FROM envelope WHERE NOT EXISTS"
        " (SELECT 1 FROM message WHERE seq = envelope.message) ORDER BY message LIMIT 1"
    ),
}
