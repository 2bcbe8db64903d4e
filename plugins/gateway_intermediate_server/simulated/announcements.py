"""お知らせ to a person's portal, with their status later on (F28): 1 送信済, 2 既読, 9 送信不可."""

import time
from sqlite3 import Row
from typing import Any, Final

from gateway_intermediate_server.simulated.config import Times
from gateway_intermediate_server.simulated.database import Database, one_way, read
from gateway_intermediate_server.simulated.faults import Faults
from gateway_intermediate_server.simulated.forms import Announcement, told
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.versions import judged

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS announcements (
  announcement_no TEXT PRIMARY KEY, integrated_addressee_no TEXT NOT NULL, content TEXT NOT NULL,
  undeliverable INTEGER NOT NULL, arrives_at REAL NOT NULL, read_at REAL, taken TEXT NOT NULL
) WITHOUT ROWID;
"""


class Announcements:
    """Over the server's database."""

    def __init__(self, database: Database, times: Times, faults: Faults) -> None:
        database.tables(_TABLES)
        self._database = database
        self._times = times
        self._faults = faults

    def send(self, integrated_addressee_no: str, given: Announcement) -> None:
        """The same again changes nothing; a newer text begins anew. Raises Refusal."""
        content = {name: value for name, value in told(given).items() if name != "internal_no"}
        kept = self._kept(given.announcement_no)
        if kept is not None:
            if kept["integrated_addressee_no"] != integrated_addressee_no:
                raise Refusal(409, "announcement_no_taken")
            if judged(read(kept["content"]), content) == "duplicate":
                return
        self._database.change(
            "INSERT OR REPLACE INTO announcements VALUES (?, ?, ?, ?, ?, NULL, '')",
            *(given.announcement_no, integrated_addressee_no, one_way(content)),
            *(self._faults.strikes("undeliverable"), time.time() + self._times.announcement),
        )

    def read(self, announcement_no: str) -> None:
        """The person reads it. Raises Refusal."""
        kept = self._kept(announcement_no)
        if kept is None or _response(kept)[0] not in ("1", "2"):
            raise Refusal(409, "not_delivered")
        statement = "UPDATE announcements SET read_at = ifnull(read_at, ?) WHERE announcement_no = ?"
        self._database.change(statement, time.time(), announcement_no)

    def statuses(self) -> list[dict[str, Any]]:
        """Those not taken yet, with `integrated_addressee_no`."""
        found = self._database.rows("SELECT * FROM announcements ORDER BY announcement_no")
        return [
            {
                "announcement_no": row["announcement_no"],
                "integrated_addressee_no": row["integrated_addressee_no"],
                "response": _response(row)[0],
                "changed_at": _response(row)[1],
            }
            for row in found
            if _response(row)[0] not in ("", row["taken"])
        ]

    def take(self, announcement_no: str, response: str) -> None:
        """The city knows that response; a later one is another. Raises Refusal."""
        if self._kept(announcement_no) is None:
            raise Refusal(404, "unknown_announcement")
        statement = "UPDATE announcements SET taken = max(taken, ?) WHERE announcement_no = ?"
        self._database.change(statement, response, announcement_no)

    def count(self) -> int:
        """How many were sent."""
        return self._database.count("announcements")

    def _kept(self, announcement_no: str) -> Row | None:
        return self._database.row("SELECT * FROM announcements WHERE announcement_no = ?", announcement_no)


def _response(row: Row) -> tuple[str, int]:
    """What became of it and since when; an empty text: nothing yet."""
    if row["arrives_at"] > time.time():
        return "", 0
    if row["undeliverable"]:
        return "9", int(row["arrives_at"])
    return ("1", int(row["arrives_at"])) if row["read_at"] is None else ("2", int(row["read_at"]))
