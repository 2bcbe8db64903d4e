"""What 予防接種DB keeps: the newest state of each dose, by (ID5, 予防接種記録ID), and the verdict of each row.

The rule: a later state wins whatever the order of arrival, a deletion is a state, and a row is judged once. Verdicts
and states are kept in one transaction.
"""

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS doses (
  id5 TEXT, vaccination_record_id TEXT, updated_at TEXT, update_seq INTEGER, content BLOB, is_deleted INTEGER,
  record BLOB, PRIMARY KEY (id5, vaccination_record_id));
CREATE TABLE IF NOT EXISTS verdicts (message_id TEXT, place INTEGER, verdict TEXT, PRIMARY KEY (message_id, place));
"""
_WRITE: Final = "INSERT OR REPLACE INTO doses VALUES (?, ?, ?, ?, ?, ?, ?)"


class Doses:
    """One SQLite file, or memory. Raises sqlite3.Error where it cannot be used."""

    def __init__(self, file: Path | None) -> None:
        self._db = sqlite3.connect(file or ":memory:", isolation_level=None)
        self._db.executescript(_SCHEMA)

    def register(self, message_id: str, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> list[str]:
        """A verdict for each (index, record): accepted, duplicate, superseded or version_conflict."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            verdicts = [self._once(message_id, index, record) for index, record in rows]
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
        return verdicts

    def counts(self) -> dict[str, int]:
        """Doses that stand, doses that were deleted, and persons (by ID5) who have one that stands."""
        one = self._db.execute("SELECT count(*), coalesce(sum(is_deleted), 0) FROM doses").fetchone()
        persons = self._db.execute("SELECT count(DISTINCT id5) FROM doses WHERE NOT is_deleted").fetchone()
        return {"doses": one[0] - one[1], "deleted": one[1], "persons": persons[0]}

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _once(self, message_id: str, index: int, record: Mapping[str, Any]) -> str:
        asked = "SELECT verdict FROM verdicts WHERE (message_id, place) = (?, ?)"
        if known := self._db.execute(asked, (message_id, index)).fetchone():
            return str(known[0])
        verdict = self._judge(record)
        self._db.execute("INSERT INTO verdicts VALUES (?, ?, ?)", (message_id, index, verdict))
        return verdict

    def _judge(self, record: Mapping[str, Any]) -> str:
        key = (record["id5"], record["vaccination_record_id"])
        version = (_comparable(record["updated_at"]), record["update_seq"])
        written = to_json(dict(sorted(record.items())))
        content = hashlib.sha256(written).digest()
        asked = "SELECT updated_at, update_seq, content FROM doses WHERE (id5, vaccination_record_id) = (?, ?)"
        known = self._db.execute(asked, key).fetchone()
        if known and version < known[:2]:
            return "superseded"
        if known and version == known[:2]:
            return "duplicate" if content == known[2] else "version_conflict"
        self._db.execute(_WRITE, (*key, *version, content, record["is_deleted"], written))
        return "accepted"


def _comparable(instant: str) -> str:
    """The same instant is the same text, and later ones are greater, whatever offset they were written with."""
    return datetime.fromisoformat(instant).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
