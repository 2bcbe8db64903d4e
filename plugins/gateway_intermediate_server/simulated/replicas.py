"""副本: what other bodies may ask for, a copy of the original, in step with it (F21–F23).

The rule: a レコード識別番号 is one person's and one dataset's for good; a deletion is remembered with its version.
"""

from sqlite3 import Row
from typing import Any, Final

from gateway_intermediate_server.simulated.database import Database, one_way, read
from gateway_intermediate_server.simulated.forms import Replica, ReplicaGone, told
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.versions import judged, version

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS replicas (
  dataset_record_no TEXT PRIMARY KEY, integrated_addressee_no TEXT NOT NULL, dataset_code TEXT NOT NULL,
  content TEXT NOT NULL, gone INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS replicas_of_person ON replicas (integrated_addressee_no);
"""


class Replicas:
    """Over the server's database."""

    def __init__(self, database: Database) -> None:
        database.tables(_TABLES)
        self._database = database

    def register(self, integrated_addressee_no: str, given: Replica) -> str:
        """The result. Raises Refusal."""
        content = {name: value for name, value in told(given).items() if name != "internal_no"}
        with self._database.together():
            kept = self._kept(given.dataset_record_no)
            if kept is None:
                result = "registered"
            elif (kept["integrated_addressee_no"], kept["dataset_code"]) != (
                integrated_addressee_no,
                given.dataset_code,
            ):
                raise Refusal(409, "record_no_taken")
            else:
                result = judged(read(kept["content"]), content)
                if kept["gone"] and result == "updated":
                    result = "registered"
            if result != "duplicate":
                self._database.change(
                    "INSERT OR REPLACE INTO replicas VALUES (?, ?, ?, ?, 0)",
                    given.dataset_record_no,
                    integrated_addressee_no,
                    given.dataset_code,
                    one_way(content),
                )
        return result

    def delete(self, integrated_addressee_no: str, given: ReplicaGone) -> str:
        """The content is erased, the version kept. The result. Raises Refusal."""
        content = {"updated_at": given.updated_at, "update_seq": given.update_seq}
        with self._database.together():
            kept = self._kept(given.dataset_record_no)
            if kept is None or kept["gone"] or kept["integrated_addressee_no"] != integrated_addressee_no:
                return "absent"
            if version(content) < version(read(kept["content"])):
                raise Refusal(409, "superseded")
            self._database.change(
                "UPDATE replicas SET gone = 1, content = ? WHERE dataset_record_no = ?",
                one_way(content),
                given.dataset_record_no,
            )
        return "deleted"

    def of(self, integrated_addressee_no: str, dataset_code: str | None = None) -> list[dict[str, Any]]:
        """In order of their numbers."""
        found = self._database.rows(
            "SELECT content FROM replicas WHERE integrated_addressee_no = ? AND gone = 0"
            " AND (?2 IS NULL OR dataset_code = ?2) ORDER BY dataset_record_no",
            integrated_addressee_no,
            dataset_code,
        )
        return [read(row["content"]) for row in found]

    def count(self) -> int:
        """How many there are."""
        return self._database.count("replicas", "gone = 0")

    def deleted(self) -> int:
        """How many there were."""
        return self._database.count("replicas", "gone = 1")

    def _kept(self, dataset_record_no: str) -> Row | None:
        return self._database.row("SELECT * FROM replicas WHERE dataset_record_no = ?", dataset_record_no)
