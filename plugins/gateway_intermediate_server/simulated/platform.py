"""システム連携基盤 with 団体内統合宛名機能: the only one here that knows the individual number.

The rule: a number belongs to one 宛名番号 and that one to one number; from here on a person is the
団体内統合宛名番号 alone.
"""

import secrets
from dataclasses import dataclass
from sqlite3 import Row
from typing import Final

from gateway_intermediate_server.simulated.database import Database, new_no, one_way, read
from gateway_intermediate_server.simulated.forms import Addressee, told
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.versions import judged

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS addressees (
  place INTEGER PRIMARY KEY AUTOINCREMENT, internal_no TEXT NOT NULL UNIQUE, individual_number TEXT NOT NULL UNIQUE,
  integrated_addressee_no TEXT NOT NULL UNIQUE, content TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS serials (process_serial_no TEXT PRIMARY KEY, internal_no TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """One allocation. `place` is its rank among all."""

    place: int
    internal_no: str
    integrated_addressee_no: str
    no_auto_response_flag: bool


class Platform:
    """Over a database of its own."""

    def __init__(self, database: Database, body: str) -> None:
        database.tables(_TABLES)
        self._database = database
        self._body = body

    def register(self, given: Addressee) -> str:
        """Allocate, or take the newer state. The result. Raises Refusal."""
        if given.municipality_code != self._body:
            raise Refusal(422, "format")
        with self._database.together():
            known = self._database.rows(
                "SELECT * FROM addressees WHERE internal_no = ? OR individual_number = ?",
                given.internal_no,
                given.individual_number,
            )
            if any((row["internal_no"], row["individual_number"]) != _both(given) for row in known):
                raise Refusal(409, "number_known_otherwise")
            result = "registered" if not known else judged(read(known[0]["content"]), told(given))
            if result != "duplicate":
                self._database.change(
                    "INSERT INTO addressees (internal_no, individual_number, integrated_addressee_no, content)"
                    " VALUES (?, ?, ?, ?) ON CONFLICT (internal_no) DO UPDATE SET content = excluded.content",
                    *_both(given),
                    f"{secrets.randbelow(10**15):015d}",
                    one_way(told(given)),
                )
        return result

    def person(self, internal_no: str) -> Person:
        """Raises Refusal."""
        found = self._database.row("SELECT * FROM addressees WHERE internal_no = ?", internal_no)
        if found is None:
            raise Refusal(404, "unknown_addressee")
        return _person(found)

    def internal_no(self, integrated_addressee_no: str | None) -> str | None:
        """The other way round."""
        found = self._database.row(
            "SELECT internal_no FROM addressees WHERE integrated_addressee_no = ?", integrated_addressee_no
        )
        return None if found is None else str(found["internal_no"])

    def people(self, after: int, limit: int) -> list[Person]:
        """Everybody, in order of allocation."""
        found = self._database.rows("SELECT * FROM addressees WHERE place > ? ORDER BY place LIMIT ?", after, limit)
        return [_person(row) for row in found]

    def serial(self, internal_no: str) -> str:
        """処理通番, for the acquisition of a code. Raises Refusal."""
        self.person(internal_no)
        serial = new_no("PN")
        self._database.change("INSERT INTO serials VALUES (?, ?)", serial, internal_no)
        return serial

    def number_for(self, internal_no: str, process_serial_no: str) -> str:
        """The individual number, for the interface system alone. Raises Refusal."""
        found = self._database.row(
            "SELECT individual_number FROM addressees JOIN serials USING (internal_no)"
            " WHERE internal_no = ? AND process_serial_no = ?",
            internal_no,
            process_serial_no,
        )
        if found is None:
            raise Refusal(409, "unknown_serial")
        return str(found["individual_number"])

    def count(self) -> int:
        """How many people have been allocated a number."""
        return self._database.count("addressees")


def _both(given: Addressee) -> tuple[str, str]:
    return given.internal_no, given.individual_number


def _person(row: Row) -> Person:
    flag = bool(read(row["content"])["no_auto_response_flag"])
    return Person(row["place"], row["internal_no"], row["integrated_addressee_no"], flag)
