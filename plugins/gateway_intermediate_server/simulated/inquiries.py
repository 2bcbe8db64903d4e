"""情報照会 by our own city: a permit is asked for, then the inquiry sent, then its result fetched (F24, F25).

The rule: nothing is inquired without a permit of the network's, and one permit is for one inquiry. What a body answers
is kept as it came, sealed, until it is deleted.
"""

import time
from dataclasses import replace
from sqlite3 import Row
from typing import Any, Final

from gateway_intermediate_server.simulated.bodies import Asked, Bodies
from gateway_intermediate_server.simulated.config import Times
from gateway_intermediate_server.simulated.database import Database, new_no, one_way, read
from gateway_intermediate_server.simulated.faults import Faults
from gateway_intermediate_server.simulated.forms import PermitWanted, told
from gateway_intermediate_server.simulated.network import OTHERS, Network, Wanted
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.sealing import thumbprint

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS permit_requests (
  permit_request_no TEXT PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, integrated_addressee_no TEXT NOT NULL,
  code TEXT NOT NULL, asked TEXT NOT NULL, permit TEXT, jti TEXT, decided_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS inquiries (
  inquiry_receipt_no TEXT PRIMARY KEY, request_id TEXT NOT NULL UNIQUE, jti TEXT NOT NULL UNIQUE,
  integrated_addressee_no TEXT NOT NULL, provider_code TEXT NOT NULL, permit TEXT NOT NULL, state TEXT NOT NULL,
  enc_ciphertext TEXT, ended_at REAL, taken INTEGER NOT NULL, deleted INTEGER NOT NULL
) WITHOUT ROWID;
"""


class Inquiries:
    """Over the server's database."""

    def __init__(
        self, database: Database, network: Network, bodies: Bodies, body: str, times: Times, faults: Faults
    ) -> None:
        database.tables(_TABLES)
        self._database = database
        self._network = network
        self._bodies = bodies
        self._body = body
        self._times = times
        self._faults = faults

    def ask(self, integrated_addressee_no: str, code: str, given: PermitWanted) -> str:
        """The number under which the permit can be fetched. Raises Refusal."""
        asked = one_way(
            {name: value for name, value in told(given).items() if name not in ("internal_no", "request_id")}
        )
        known = self._database.row("SELECT * FROM permit_requests WHERE request_id = ?", given.request_id)
        if known is not None:
            if (known["integrated_addressee_no"], known["asked"]) != (integrated_addressee_no, asked):
                raise Refusal(409, "request_reused")
            return str(known["permit_request_no"])
        permit, jti = self._granted(given)
        number = new_no("PQ")
        self._database.change(
            "INSERT INTO permit_requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(number, given.request_id, integrated_addressee_no, code, asked),
            *(permit, jti, time.time() + self._times.permit),
        )
        return number

    def permit(self, permit_request_no: str) -> tuple[str, str | None]:
        """Its state, and the permit if it was granted. Raises Refusal."""
        query = "SELECT permit, decided_at FROM permit_requests WHERE permit_request_no = ?"
        found = self._database.row(query, permit_request_no)
        if found is None:
            raise Refusal(404, "unknown_permit_request")
        if found["decided_at"] > time.time():
            return "pending", None
        return ("denied", None) if found["permit"] is None else ("granted", found["permit"])

    def send(self, request_id: str, permit: str) -> str:
        """The receipt number. Raises Refusal."""
        known = self._database.row("SELECT * FROM inquiries WHERE request_id = ?", request_id)
        if known is not None:
            if known["permit"] != permit:
                raise Refusal(409, "request_reused")
            return str(known["inquiry_receipt_no"])
        claims = self._network.permitted(permit, self._body)
        asked = self._database.row(
            "SELECT * FROM permit_requests WHERE permit = ? AND decided_at <= ?", permit, time.time()
        )
        if claims is None or asked is None or self._database.row("SELECT 1 FROM inquiries WHERE jti = ?", asked["jti"]):
            raise Refusal(409, "no_permit")
        state, enc_ciphertext, ended_at = self._answered(claims, asked)
        number = new_no("IQ")
        self._database.change(
            "INSERT INTO inquiries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
            *(number, request_id, asked["jti"], asked["integrated_addressee_no"], claims["provider"]),
            *(permit, state, enc_ciphertext, ended_at),
        )
        return number

    def kept(self) -> list[dict[str, Any]]:
        """All whose results have not been deleted."""
        return [
            {
                "inquiry_receipt_no": row["inquiry_receipt_no"],
                "request_id": row["request_id"],
                "state": _state(row),
                "taken": bool(row["taken"]),
            }
            | ({} if _state(row) == "waiting" else {"ended_at": int(row["ended_at"])})
            for row in self._database.rows("SELECT * FROM inquiries WHERE deleted = 0 ORDER BY request_id")
        ]

    def result(self, inquiry_receipt_no: str) -> dict[str, Any]:
        """With `integrated_addressee_no`. Raises Refusal."""
        row = self._one(inquiry_receipt_no)
        state = _state(row)
        found = {name: row[name] for name in ("request_id", "integrated_addressee_no", "permit", "provider_code")}
        answer = {"answer": {"enc_ciphertext": row["enc_ciphertext"]}} if state == "answered" else {}
        return found | {"state": state, "row": self._row(row["request_id"])} | answer

    def take(self, inquiry_receipt_no: str) -> None:
        """The city has the result. Raises Refusal."""
        self._one(inquiry_receipt_no)
        self._database.change("UPDATE inquiries SET taken = 1 WHERE inquiry_receipt_no = ?", inquiry_receipt_no)

    def delete(self, inquiry_receipt_no: str) -> bool:
        """Whether there was a result. Its permit stays used."""
        statement = (
            "UPDATE inquiries SET deleted = 1, enc_ciphertext = NULL WHERE inquiry_receipt_no = ? AND deleted = 0"
        )
        return self._database.change(statement, inquiry_receipt_no) == 1

    def abort(self, request_id: str) -> None:
        """The network ends it. Raises Refusal."""
        row = self._database.row("SELECT * FROM inquiries WHERE request_id = ? AND deleted = 0", request_id)
        if row is None or _state(row) != "waiting":
            raise Refusal(409, "not_waiting")
        statement = "UPDATE inquiries SET state = 'aborted', enc_ciphertext = NULL, ended_at = ? WHERE request_id = ?"
        self._database.change(statement, time.time(), request_id)

    def count(self) -> int:
        """How many results are kept, those that are still awaited among them."""
        return self._database.count("inquiries", "deleted = 0")

    def _granted(self, given: PermitWanted) -> tuple[str | None, str | None]:
        """The network's permit and its id, or neither."""
        wanted = Wanted(
            inquirer=self._body,
            provider=given.provider_code,
            row=given.row,
            procedure_code=given.procedure_code,
            dataset_code=given.dataset_code,
            undisclosed_flag=given.undisclosed_flag,
            key=thumbprint(told(given.inquirer_encryption_key)),
        )
        if not self._network.allows(wanted) or self._faults.strikes("denied_permit"):
            return None, None
        permit = self._network.permit(self._misread(wanted), self._body)
        return self._network.key.forged(permit) if self._faults.strikes("forged_permit") else permit, wanted.jti

    def _misread(self, wanted: Wanted) -> Wanted:
        """What the network takes it for."""
        if self._faults.strikes("permit_other_row"):
            return replace(wanted, row="153" if wanted.row == "25" else "25")
        if self._faults.strikes("permit_other_provider"):
            return replace(wanted, provider=next(other for other in OTHERS if other != wanted.provider))
        return wanted

    def _answered(self, claims: dict[str, Any], request: Row) -> tuple[str, str | None, float | None]:
        """State, sealed answer, end; what the body does is done at once and told later."""
        if self._faults.strikes("never_answers"):
            return "waiting", None, None
        ended_at = time.time() + self._times.answer
        if self._faults.strikes("aborts"):
            return "aborted", None, ended_at
        wanted = read(request["asked"])
        code = self._network.counterpart(self._body, request["code"], claims["provider"])
        asked = Asked(claims, wanted["inquirer_encryption_key"], wanted.get("inquiry_from"), wanted.get("inquiry_to"))
        return *self._bodies.provide(asked, code, self._faults), ended_at

    def _row(self, request_id: str) -> str:
        found = self._database.row("SELECT asked FROM permit_requests WHERE request_id = ?", request_id)
        return str(read(found["asked"])["row"]) if found is not None else ""

    def _one(self, inquiry_receipt_no: str) -> Row:
        query = "SELECT * FROM inquiries WHERE inquiry_receipt_no = ? AND deleted = 0"
        found = self._database.row(query, inquiry_receipt_no)
        if found is None:
            raise Refusal(404, "unknown_inquiry")
        return found


def _state(row: Row) -> str:
    """A state is told once its time has come."""
    ended = row["ended_at"] is not None and row["ended_at"] <= time.time()
    return str(row["state"]) if ended else "waiting"
