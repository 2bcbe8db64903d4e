"""Residents at their portal, who ask the city for what it has about them (F27).

The rule: each request has a key of its own, and what the portal can open is all that it shows.
"""

from typing import Any, Final

from gateway_intermediate_server.simulated.database import Database, one_way, read
from gateway_intermediate_server.simulated.forms import SelfAnswer
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.sealing import Key

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS own_questions (
  self_request_no TEXT PRIMARY KEY, jti TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, enc_ciphertext TEXT
) WITHOUT ROWID;
"""


class Residents:
    """Over the database of what is elsewhere."""

    def __init__(self, database: Database) -> None:
        database.tables(_TABLES)
        self._database = database

    def ask(self, self_request_no: str, jti: str, key: Key) -> None:
        """Keep what is to be opened."""
        statement = "INSERT INTO own_questions VALUES (?, ?, ?, 'waiting', NULL)"
        self._database.change(statement, self_request_no, jti, one_way(key.private))

    def receive(self, given: SelfAnswer) -> None:
        """The city's answer."""
        sealed = None if given.answer is None else given.answer.enc_ciphertext
        statement = "UPDATE own_questions SET state = ?, enc_ciphertext = ? WHERE self_request_no = ?"
        self._database.change(statement, given.result, sealed, given.self_request_no)

    def heard(self, self_request_no: str) -> dict[str, Any]:
        """State, and the doses that the portal could open. Raises Refusal."""
        row = self._database.row("SELECT * FROM own_questions WHERE self_request_no = ?", self_request_no)
        if row is None:
            raise Refusal(404, "unknown_self_request")
        key, sealed = Key.of(read(row["key"])), row["enc_ciphertext"]
        plain = None if sealed is None else key.open(row["jti"], sealed)
        if plain is None or plain.get("self_request_no") != self_request_no:
            return {"state": row["state"], "doses": None}
        return {"state": row["state"], "doses": plain.get("doses")}
