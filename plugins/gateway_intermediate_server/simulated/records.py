"""情報提供等記録 of our own city (番号法第23条): one of each inquiry and of each request of another body, for good."""

from typing import Any, Final, Literal

from gateway_intermediate_server.simulated.database import Database, one_way, read
from gateway_intermediate_server.simulated.forms import StatutoryRecord, told

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS statutory_records (
  kind TEXT, number TEXT, content TEXT NOT NULL, PRIMARY KEY (kind, number)
) WITHOUT ROWID;
"""


class StatutoryRecords:
    """Over the server's database. `number` is the inquiry's permit, or the request's own."""

    def __init__(self, database: Database) -> None:
        database.tables(_TABLES)
        self._database = database

    def make(self, kind: Literal["inquiry", "provision"], number: str, given: StatutoryRecord) -> None:
        """Again: nothing changes."""
        statement = "INSERT INTO statutory_records VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        self._database.change(statement, kind, number, one_way(told(given)))

    def of(self, provision_no: str) -> dict[str, Any] | None:
        """That of one request, if there is one."""
        query = "SELECT content FROM statutory_records WHERE kind = 'provision' AND number = ?"
        row = self._database.row(query, provision_no)
        return None if row is None else dict(read(row["content"]))

    def made(self) -> list[dict[str, Any]]:
        """All of them."""
        found = self._database.rows("SELECT kind, content FROM statutory_records ORDER BY kind, number")
        return [{"kind": row["kind"], **read(row["content"])} for row in found]
