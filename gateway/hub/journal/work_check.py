"""Holds what is due against the facts: what is forgotten, made up or altered beside the log is found.

At a start this is asked of the messages recorded since the last checkpoint and of those of which something is due, by
verification of every one.
"""

import hashlib
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.errors import Refused
from gateway.hub.journal.facts import Altered
from gateway.hub.journal.work import Work, read_work, read_works
from gateway.messages import Envelope, encode

_BATCH: Final = 500
_NONE: Final = (None, None)
_STAMP: Final = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}Z")


def check_due(connection: sqlite3.Connection) -> None:
    """Each message that by its row is open, or is to be heard of, is so by its facts. Raises Altered.

    Takes as long as there are such, however long the log.
    """
    for row in _rows(connection, _DUE):
        stored_id = row["stored_id"]
        _check_row(row, read_work(connection, stored_id, repeats=True) if stored_id is not None else None)


def check_recorded(connection: sqlite3.Connection, after: int, upto: int) -> None:
    """Each message recorded by the proven facts from `after` + 1 to `upto` has its row and envelope. Raises Altered.

    A running gateway goes on meanwhile: each batch is one moment of it, in which facts and rows agree.
    """
    for first in range(after + 1, upto + 1, _BATCH):
        last = min(first + _BATCH - 1, upto)
        connection.execute("BEGIN")
        works = read_works(connection, first, last)
        for row in _rows(connection, _RECORDED, first, last):
            seq, work = next(works, _NONE) if row["stored_id"] is not None else _NONE
            _check_envelope(row, _check_row(row, work if seq == row["recorded"] else None))
        connection.execute("COMMIT")


def check_stray_work(connection: sqlite3.Connection) -> None:
    """No row belongs to no recorded message. Raises Altered."""
    for table, query in _STRAY.items():
        stray = connection.execute(query).fetchone()
        if stray is not None:
            raise _contradiction(stray[0], f"a row of `{table}` belongs to no recorded message ({stray[0]})")


def _rows(connection: sqlite3.Connection, query: str, *parameters: int) -> Iterator[Mapping[str, Any]]:
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, values, strict=True)) for values in cursor)


def _check_row(row: Mapping[str, Any], work: Work | None) -> Work:
    """The row of the message that was recorded as fact `recorded`, against what its facts come to."""
    seq = row["recorded"]
    if work is None:
        raise _contradiction(seq, f"no message was recorded as fact {seq}")
    message = f"message {work.message_id}"
    if row["seq"] is None:
        raise _contradiction(seq, f"{message} is not in it")
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


def _check_envelope(row: Mapping[str, Any], work: Work) -> None:
    """It is the one that was recorded, kept until the log says that it was deleted."""
    seq, packed, stored = row["recorded"], row["packed"], row["stored"]
    if work.deleted and not stored:
        return
    if work.deleted:
        raise _contradiction(seq, f"message {work.message_id} has an envelope that was deleted by its facts")
    digest = hashlib.sha256(packed).hexdigest() if isinstance(packed, bytes) else None
    if packed is not None and digest == work.envelope and not _same_header(packed, work):
        raise _contradiction(seq, f"message {work.message_id} has another header in its fact than in its envelope")
    if digest != work.envelope or stored != (work.envelope is not None):
        said = "has not the envelope that its fact gives the digest of" if stored else "has lost its envelope"
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
    "SELECT message.seq AS recorded, fact.message_id AS stored_id, message.* FROM"
    " (SELECT seq FROM message WHERE open > 0"
    " UNION ALL SELECT seq FROM message WHERE open = 0 AND settle_asked > settle_told) AS due"
    " JOIN message ON message.seq = due.seq"
    " LEFT JOIN fact ON fact.seq = due.seq AND fact.kind = 'message.recorded'"
)
_RECORDED: Final = (
    "SELECT fact.seq AS recorded, fact.message_id AS stored_id, message.*, packed, envelope.message NOTNULL AS stored"
    " FROM fact LEFT JOIN message ON message.seq = fact.seq LEFT JOIN envelope ON envelope.message = fact.seq"
    " WHERE kind = 'message.recorded' AND fact.seq BETWEEN ? AND ? ORDER BY fact.seq"
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
