"""符号 ↔ 団体内統合宛名番号: here and nowhere else, and never the individual number."""

import time
from typing import Final

from gateway_intermediate_server.simulated.database import Database
from gateway_intermediate_server.simulated.refusal import Refusal

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS person_codes (
  integrated_addressee_no TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, acquired_at REAL NOT NULL
) WITHOUT ROWID;
"""


class Codes:
    """Over the server's database."""

    def __init__(self, database: Database) -> None:
        database.tables(_TABLES)
        self._database = database

    def arrive(self, integrated_addressee_no: str, code: str, seconds: float) -> None:
        """The network delivers a code, which is there after so many seconds. Again: nothing changes."""
        self._database.change(
            "INSERT INTO person_codes VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            integrated_addressee_no,
            code,
            time.time() + seconds,
        )

    def state(self, integrated_addressee_no: str) -> str:
        """`none`, `requested` or `acquired`."""
        found = self._database.row(
            "SELECT acquired_at FROM person_codes WHERE integrated_addressee_no = ?", integrated_addressee_no
        )
        if found is None:
            return "none"
        return "acquired" if found["acquired_at"] <= time.time() else "requested"

    def of(self, integrated_addressee_no: str) -> str:
        """Raises Refusal."""
        if self.state(integrated_addressee_no) != "acquired":
            raise Refusal(409, "code_not_acquired")
        query = "SELECT code FROM person_codes WHERE integrated_addressee_no = ?"
        return str(self._database.rows(query, integrated_addressee_no)[0]["code"])

    def whose(self, code: str) -> str | None:
        """The 団体内統合宛名番号, or None: no such person."""
        query = "SELECT integrated_addressee_no FROM person_codes WHERE code = ? AND acquired_at <= ?"
        found = self._database.row(query, code, time.time())
        return None if found is None else str(found["integrated_addressee_no"])

    def count(self) -> int:
        """How many there are, those that are still awaited among them."""
        return self._database.count("person_codes")
