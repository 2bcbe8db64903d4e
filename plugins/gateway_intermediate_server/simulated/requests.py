"""What comes from outside and waits for the city's answer: provisions, and residents' requests for their own.

The rule: an answer is for good; the same again changes nothing, another one is refused.
"""

from sqlite3 import Row
from typing import Any, Final

from gateway_intermediate_server.simulated.database import Database, one_way, read
from gateway_intermediate_server.simulated.moments import moment
from gateway_intermediate_server.simulated.refusal import Refusal

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS requests (
  number TEXT PRIMARY KEY, name TEXT NOT NULL, received_at TEXT NOT NULL,
  integrated_addressee_no TEXT, content TEXT NOT NULL, answer TEXT
);
"""


class Requests:
    """Those of one kind, over the server's database; `name` is what their number is called."""

    def __init__(self, database: Database, name: str) -> None:
        database.tables(_TABLES)
        self._database = database
        self._name = name

    def arrive(self, number: str, integrated_addressee_no: str | None, content: dict[str, Any]) -> None:
        """One more."""
        self._database.change(
            "INSERT INTO requests VALUES (?, ?, ?, ?, ?, NULL)",
            *(number, self._name, moment(), integrated_addressee_no, one_way(content)),
        )

    def waiting(self) -> list[dict[str, Any]]:
        """Those not answered, in the order in which they came."""
        found = self._database.rows(
            "SELECT * FROM requests WHERE name = ? AND answer IS NULL ORDER BY rowid", self._name
        )
        return [{self._name: row["number"], "received_at": row["received_at"]} for row in found]

    def fetch(self, number: str) -> dict[str, Any]:
        """With `integrated_addressee_no`, and with `result` once it is answered. Raises Refusal."""
        row = self._one(number)
        known = {self._name: number} | {name: row[name] for name in ("received_at", "integrated_addressee_no")}
        content: dict[str, Any] = read(row["content"])
        answered = {} if row["answer"] is None else {"result": read(row["answer"])["result"]}
        return known | content | answered

    def answer(self, number: str, answer: dict[str, Any]) -> None:
        """Raises Refusal."""
        kept = self._one(number)["answer"]
        if kept not in (None, one_way(answer)):
            raise Refusal(409, "answered_otherwise")
        self._database.change("UPDATE requests SET answer = ? WHERE number = ?", one_way(answer), number)

    def count(self) -> int:
        """How many are not answered."""
        return len(self.waiting())

    def answered(self) -> int:
        """How many are, however."""
        return self._database.count("requests", f"name = '{self._name}' AND answer IS NOT NULL")

    def _one(self, number: str) -> Row:
        found = self._database.row("SELECT * FROM requests WHERE number = ? AND name = ?", number, self._name)
        if found is None:
            raise Refusal(404, f"unknown_{self._name.removesuffix('_no')}")
        return found
