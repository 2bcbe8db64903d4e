"""情報提供等記録 of our own city (番号法第23条): one of each kind for each permit, and the first one stays."""

from typing import Any, Final

from gateway_intermediate_server.simulated.database import Database, one_way, read
from gateway_intermediate_server.simulated.forms import StatutoryRecord, told

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS statutory_records (
  kind TEXT, permit_no TEXT, content TEXT NOT NULL, PRIMARY KEY (kind, permit_no)
) WITHOUT ROWID;
"""


class StatutoryRecords:
    """Over the server's database."""

    def __init__(self, database: Database) -> None:
        database.tables(_TABLES)
        self._database = database

    def make(self, given: StatutoryRecord) -> None:
        """Again: nothing changes."""
        statement = "INSERT INTO statutory_records VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        self._database.change(statement, given.kind, given.permit_no, one_way(told(given)))

    def made(self) -> list[dict[str, Any]]:
        """All of them."""
        found = self._database.rows("SELECT content FROM statutory_records ORDER BY kind, permit_no")
        return [read(row["content"]) for row in found]
