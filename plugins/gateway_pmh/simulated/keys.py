"""医療保険者等向け中間サーバー: one PMHキー for one individual number, for good (C167).

The rule: a number is in the store as a keyed digest only; a key, once issued, is found again by every later request.
"""

import hashlib
import hmac
import secrets
import sqlite3
from collections.abc import Iterable
from pathlib import Path

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_TABLES = """
CREATE TABLE IF NOT EXISTS secret (digest_key BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS issued (number BLOB PRIMARY KEY, pmh_key TEXT NOT NULL UNIQUE) WITHOUT ROWID;
"""


class Keys:
    """SQLite, in a file or, without one, in memory."""

    def __init__(self, file: Path | None) -> None:
        self._database = sqlite3.connect(file or ":memory:", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(_TABLES)
        if self._database.execute("SELECT count(*) FROM secret").fetchone() == (0,):
            self._database.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))
        (self._digest_key,) = self._database.execute("SELECT digest_key FROM secret").fetchone()

    def issue(self, numbers: Iterable[str]) -> list[str]:
        """A key for each number, in their order: the one that it has, else a new one. One transaction."""
        digests = [hmac.digest(self._digest_key, number.encode(), hashlib.sha256) for number in numbers]
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany(
            "INSERT INTO issued VALUES (?, ?) ON CONFLICT (number) DO NOTHING", ((each, _new()) for each in digests)
        )
        found = [
            self._database.execute("SELECT pmh_key FROM issued WHERE number = ?", (each,)).fetchone()[0]
            for each in digests
        ]
        self._database.execute("COMMIT")
        return found

    def count(self) -> int:
        """How many keys have ever been issued."""
        return int(self._database.execute("SELECT count(*) FROM issued").fetchone()[0])

    def close(self) -> None:
        self._database.close()


def _new() -> str:
    """16 letters: 73 random bits, and nothing that could be taken for an individual number."""
    return "PMH" + "".join(secrets.choice(_LETTERS) for _ in range(16))
