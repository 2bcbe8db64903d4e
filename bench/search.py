"""A page out of a long log: by each condition, and by two that each stand in half of it and meet once.

The facts are put straight into a journal's tables, as a city's year would leave them: a message, its attempt, its end.
"""

import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.figures import Table
from gateway.hub.journal import FactKind, Journal, JournalLimits
from gateway.hub.journal.facts import commitment, fact_body
from gateway.hub.journal.store import id_bytes
from gateway.hub.people import Person, Role
from gateway.hub.search import Asked, Search
from gateway.messages import stamp
from gateway.tlog.note import Signer

_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_READER: Final = Person("staff-0001", "0" * 64, frozenset({Role.OFFICER}))
_PERSONS: Final = 100_000
_PAGE: Final = 50


@dataclass(slots=True)
class Searches:
    """One case for each question."""

    table: Table
    wrong: list[str]

    @classmethod
    def new(cls) -> "Searches":
        """Nothing measured yet."""
        return cls(Table(f"A search of the log, first {_PAGE} facts"), [])

    async def rounds(self, rounds: int, facts: int) -> None:
        """Make a log of so many facts and its index; then every question in turn, round by round."""
        with tempfile.TemporaryDirectory(prefix="renkei-search-") as folder:
            path = Path(folder) / "999997.db"
            signer = Signer("bench", Ed25519PrivateKey.generate())
            limits = JournalLimits(max_open_records=1, checkpoint_every_facts=1, wal_bytes=1 << 24)
            journal = Journal.open(path, tenant="999997", origin="bench", signer=signer, limits=limits)
            _fill(path, facts)
            search = Search(journal)
            await self._indexed(search, path, facts)
            for _ in range(rounds):
                for name, question in _questions(facts // 3).items():
                    await self._ask(name, search, Asked(**question, limit=_PAGE), at_least=1)
                await self._ask("nothing meets", search, Asked(terminal="desk-0", code="accepted"), at_least=0)
            search.close()
            journal.close()

    async def _indexed(self, search: Search, path: Path, facts: int) -> None:
        """What making the index costs; nobody else rests meanwhile."""
        began = time.perf_counter()
        upto = 0
        while upto < facts:
            with closing(await search.reader()) as index:
                upto = index.upto
        seconds = time.perf_counter() - began
        size = sum(each.stat().st_size for each in path.parent.glob("*-search.db*"))
        self.table.add("making the index", {"facts/s": facts / seconds, "bytes a fact": size / facts})

    async def _ask(self, name: str, search: Search, asked: Asked, *, at_least: int) -> None:
        began = time.perf_counter()
        with closing(await search.reader()) as index:
            found = sum(len(page) for page in search.pages(index, asked, _READER))
        self.table.add(name, {"ms": (time.perf_counter() - began) * 1e3})
        if found < at_least:
            self.wrong.append(f"search by {name}: found {found} facts")


def _questions(messages: int) -> Mapping[str, Mapping[str, Any]]:
    """`_message` says what stands where."""
    odd = messages // 2 | 1
    seen = _day(odd)
    tags = {f"{seen:%Y-%m}": [_tag(odd, f"{seen:%Y-%m}").hex()]}
    person = {"connector": "health_management", "tags": tags, "reason": "audit", "case": "R8-1"}
    return {
        "message": {"message": _id(odd)},
        "kind": {"kind": "delivery.concluded"},
        "connector": {"connector": "pmh"},
        "actor, one of a thousand": {"actor": "staff-0777"},
        "code, one of a thousand": {"code": "wrong_type"},
        "item, oldest first": {"item": "guardians[].guardian_name", "oldest": True},
        "a day": {"since": seen.date(), "until": seen.date()},
        "person": {"person": person},
        "two of half each, meet once": {"terminal": "desk-0", "item": "guardians[].guardian_name"},
    }


def _fill(path: Path, facts: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as tables:
        tables.execute("PRAGMA synchronous = OFF")
        tables.execute("BEGIN")
        for number in range(-(-facts // 3)):
            month = f"{_day(number):%Y-%m}"
            for offset, (kind, body) in enumerate(_message(number, facts // 3)):
                seq, salt, at = number * 3 + offset + 1, os.urandom(32), stamp(_day(number))
                whole = fact_body(seq, at, kind, {**body, "message_id": _id(number)})
                row = (seq, at, kind.value, id_bytes(_id(number)), commitment(salt, whole), salt, whole)
                tables.execute(_FACT, row)
                if offset == 0:
                    tables.execute("INSERT INTO tag VALUES (?,0,?)", (seq, _tag(number, month)))
        tables.execute("COMMIT")


def _message(number: int, messages: int) -> Iterator[tuple[FactKind, Mapping[str, Any]]]:
    """Terminals and items go with the message's parity, but for one message in the middle."""
    odd = number % 2
    crossed = odd if number != messages // 2 | 1 else 0
    basic = ("internal_no", "name", "name_kana", "birth_date", "address", "updated_at", "update_seq")
    header = {
        "version": 1, "message_id": _id(number), "kind": "event", "tenant": "999997",
        "source": "health_management", "source_operation": "subject.register",
        "destination": "pmh" if number % 10 == 0 else "vaccination_records", "operation": "subject.put",
        "route": f"R{number % 18:02}", "source_interface": "a" * 64, "destination_interface": "b" * 64,
        "item_sets": [[*basic, "guardians[].guardian_name"] if odd else basic], "records": [[0, 0, 7]], "withheld": [],
        "created_at": stamp(_day(number)), "expires_at": stamp(_day(number)), "responsible": "staff-0001",
        "legal_basis": ["L1", "assessment"], "purpose": "vaccination", "attestations": [], "kem_key": "k" * 16,
        "signing_key": "s" * 16, "suite": "hybrid", "tags_digest": "c" * 64,
        "actor": f"staff-{number % 1000:04}", "terminal": f"desk-{crossed}", "client_certificate": "d" * 64,
    }  # fmt: skip
    yield FactKind.MESSAGE_RECORDED, {"header": header, "envelope": "e" * 64}
    yield FactKind.DELIVERY_ATTEMPTED, {"attempt": 1, "records": "0"}
    bad = {"ending": "refused", "code": "wrong_type", "path": "name", "records": "0"}
    good = {"ending": "accepted", "records": "0"}
    yield FactKind.DELIVERY_CONCLUDED, {"attempt": 1, "outcomes": [bad if number % 1000 == 1 else good]}


def _day(number: int) -> datetime:
    return _BEGAN + timedelta(seconds=number * 60)


def _id(number: int) -> str:
    return f"01960000-0000-7000-8000-{number:012x}"


def _tag(number: int, month: str) -> bytes:
    return hashlib.sha256(f"{number % _PERSONS} {month}".encode()).digest()[:16]


_FACT: Final = "INSERT INTO fact (seq, at, kind, message_id, commitment, salt, body) VALUES (?,?,?,?,?,?,?)"
