"""Other bodies, a municipality and a prefecture: their people, what they answer us, what they ask and can open.

The rule: each knows its people by its own codes, opens with its own key and keeps its own 情報提供等記録.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any, Final

from gateway_intermediate_server.simulated.database import Database, one_way, read
from gateway_intermediate_server.simulated.faults import Faults
from gateway_intermediate_server.simulated.forms import ProvisionAnswer
from gateway_intermediate_server.simulated.matching import TAX
from gateway_intermediate_server.simulated.moments import moment
from gateway_intermediate_server.simulated.network import Wanted
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.sealing import Key, seal

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS people (
  body TEXT, code TEXT, doses TEXT NOT NULL, tax_items TEXT NOT NULL, PRIMARY KEY (body, code)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS questions (
  provision_no TEXT PRIMARY KEY, body TEXT NOT NULL, row TEXT NOT NULL, undisclosed_flag INTEGER NOT NULL,
  jti TEXT NOT NULL, permit TEXT NOT NULL, route_info TEXT NOT NULL, asked_at TEXT NOT NULL,
  replayable INTEGER NOT NULL, state TEXT NOT NULL, enc_ciphertext TEXT
);
CREATE TABLE IF NOT EXISTS body_records (
  body TEXT, kind TEXT, permit_no TEXT, content TEXT NOT NULL, PRIMARY KEY (body, kind, permit_no)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a body is asked for, with the claims of the permit and the inquirer's key."""

    permit: Mapping[str, Any]
    key: Mapping[str, Any]
    inquiry_from: str | None
    inquiry_to: str | None

    @property
    def entries(self) -> str:
        """What the dataset holds."""
        return "tax_items" if self.permit["dataset_code"] == TAX else "doses"

    def covers(self, entry: Mapping[str, Any]) -> bool:
        """Whether a dose was given in the days asked for; of tax items all are told."""
        day = entry.get("vaccinated_on")
        return day is None or bool((self.inquiry_from or "") <= day <= (self.inquiry_to or "9999"))


@dataclass(frozen=True, slots=True)
class Question:
    """What a body asked our city. `replayable`: its permit was good."""

    provision_no: str
    wanted: Wanted
    permit: str
    route_info: str
    replayable: bool


class Bodies:
    """Over a database of their own, with a key for each."""

    def __init__(self, database: Database, keys: Mapping[str, Key], city: str) -> None:
        database.tables(_TABLES)
        self._database = database
        self._keys = keys
        self._city = city

    def key(self, body: str) -> Key:
        """Raises Refusal."""
        if body not in self._keys:
            raise Refusal(404, "unknown_body")
        return self._keys[body]

    def settle(self, body: str, code: str, doses: list[dict[str, Any]], tax_items: list[dict[str, Any]]) -> None:
        """A person of that body, with these doses and tax items and no others."""
        statement = "INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?)"
        self._database.change(statement, body, code, one_way(doses), one_way(tax_items))

    def provide(self, asked: Asked, code: str | None, faults: Faults) -> tuple[str, str | None]:
        """How a body answers us, and the sealed answer if there is one."""
        body, jti = asked.permit["provider"], asked.permit["jti"]
        if faults.strikes("refuses"):
            return "refused", None
        found = self._database.row("SELECT doses, tax_items FROM people WHERE body = ? AND code = ?", body, code)
        entries = [] if found is None else [one for one in read(found[asked.entries]) if asked.covers(one)]
        if not entries:
            return "no_data", None
        self._record(body, "provision", {
            "permit_no": jti, "inquirer_code": self._city, "provider_code": body, "requested_at": moment(),
            "provided_at": moment(), "row": asked.permit["row"], "items": _items(entries),
            "undisclosed_flag": asked.permit["undisclosed_flag"],
        })  # fmt: skip
        if faults.strikes("answer_garbage"):
            return "answered", "Z2FyYmFnZQ"
        key = Key.made().public if faults.strikes("answer_other_key") else asked.key
        return "answered", seal(key, jti, {"inquiry": asked.permit["sub"], asked.entries: entries})

    def ask(self, question: Question) -> None:
        """Keep what a body asked our city."""
        wanted = question.wanted
        self._database.change(
            "INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waiting', NULL)",
            *(question.provision_no, wanted.inquirer, wanted.row, wanted.undisclosed_flag, wanted.jti),
            *(question.permit, question.route_info, moment(), question.replayable),
        )

    def former(self, body: str) -> tuple[str, str]:
        """Permit and route information of the last good question of that body. Raises Refusal."""
        found = self._database.row(
            "SELECT permit, route_info FROM questions WHERE body = ? AND replayable ORDER BY rowid DESC", body
        )
        if found is None:
            raise Refusal(409, "nothing_to_replay")
        return found["permit"], found["route_info"]

    def receive(self, given: ProvisionAnswer) -> None:
        """Our city's answer reaches the body at its destination; who did not ask throws it away."""
        row = self._database.row("SELECT * FROM questions WHERE provision_no = ?", given.provision_no)
        if row is None or given.destination not in (None, row["body"]):
            return
        sealed = None if given.answer is None else given.answer.enc_ciphertext
        if given.result == "answered":
            self._record(row["body"], "inquiry", {
                "permit_no": row["jti"], "inquirer_code": row["body"], "provider_code": self._city,
                "requested_at": row["asked_at"], "provided_at": moment(), "row": row["row"],
                "items": _items(self._opened(row, sealed) or []), "undisclosed_flag": bool(row["undisclosed_flag"]),
            })  # fmt: skip
        statement = "UPDATE questions SET state = ?, enc_ciphertext = ? WHERE provision_no = ?"
        self._database.change(statement, given.result, sealed, given.provision_no)

    def heard(self, provision_no: str) -> dict[str, Any]:
        """State, the doses that the body could open, how many 情報提供等記録 it has of it. Raises Refusal."""
        row = self._database.row("SELECT * FROM questions WHERE provision_no = ?", provision_no)
        if row is None:
            raise Refusal(404, "unknown_provision")
        records = self._database.rows(
            "SELECT 1 FROM body_records WHERE body = ? AND kind = 'inquiry' AND permit_no = ?", row["body"], row["jti"]
        )
        doses = self._opened(row, row["enc_ciphertext"])
        return {"state": row["state"], "doses": doses, "statutory_records": len(records)}

    def records(self) -> list[dict[str, Any]]:
        """情報提供等記録 of all of them."""
        found = self._database.rows("SELECT body, kind, content FROM body_records ORDER BY body, kind, permit_no")
        return [{"body": row["body"], "kind": row["kind"], **read(row["content"])} for row in found]

    def _opened(self, row: Row, sealed: str | None) -> list[dict[str, Any]] | None:
        """The doses, if this body can open the answer and it is one to this question."""
        plain = None if sealed is None else self._keys[row["body"]].open(row["jti"], sealed)
        doses = None if plain is None or plain.get("provision_no") != row["provision_no"] else plain.get("doses")
        return doses if isinstance(doses, list) else None

    def _record(self, body: str, kind: str, content: Mapping[str, Any]) -> None:
        self._database.change(
            "INSERT INTO body_records VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            *(body, kind, content["permit_no"], one_way(content)),
        )


def _items(entries: list[dict[str, Any]]) -> list[str]:
    return sorted({name for entry in entries for name in entry})
