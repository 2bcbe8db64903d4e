"""Joins one person's identifier chains: internal_no, individual number, PMH key, pseudonym, ID5 (requirements §5).

The rule: only here are two chains joined. A key names the one person who has its individual number now; of a number
that two persons have it cannot be said whom it means, so its key names neither.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway_vaccination_records.record_system.check_digits import numbers_within
from gateway_vaccination_records.record_system.keys import key_row
from gateway_vaccination_records.record_system.people import People, Person
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import instant


class Why(StrEnum):
    """What a dispute about a PMH key is about."""

    WITHHELD = "withheld"
    PSEUDONYM_OF_ANOTHER_KEY = "pseudonym_of_another_key"
    ID5_OF_ANOTHER_KEY = "id5_of_another_key"
    ANOTHER_ID5 = "another_id5"
    ID5_OF_ANOTHER = "id5_of_another"
    NEVER_ASKED = "never_asked"
    A_NUMBER = "a_number"


@dataclass(frozen=True, slots=True)
class PmhKey:
    """A PMH key, and its blind index."""

    blind: bytes
    text: str = field(repr=False)


class Chains:
    """On the area's own connection; what changes something runs inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], people: People) -> None:
        self._db = db
        self._key = key
        self._clock = clock
        self._people = people

    def key_of(self, person: Person) -> PmhKey | None:
        """The person's PMH key, if one was issued and names nobody else."""
        blind = self.number_of(person)
        if blind is None:
            return None
        found = self._db.execute("SELECT pmh_key, sealed FROM pmh_key WHERE number = ?", (blind,)).fetchone()
        if found is None or self._people.is_shared(blind):
            return None
        return PmhKey(found[0], self._key.open(found[1], key_row(blind)).decode())

    def number_of(self, person: Person) -> bytes | None:
        """The person's individual number (blind), if there is one."""
        number = person.record.get("individual_number")
        return self._key.blind("individual_number", number) if number is not None else None

    def person_of(self, pmh_key: bytes) -> Person | None:
        """Whom a key (blind) names, deleted or hidden or not."""
        found = self._db.execute("SELECT number FROM pmh_key WHERE pmh_key = ?", (pmh_key,)).fetchone()
        return self._people.only_one(found[0]) if found else None

    def blind_key(self, pmh_key: str) -> bytes:
        """The blind index of a key."""
        return self._key.blind("pmh_key", pmh_key)

    def pseudonym_of(self, pmh_key: PmhKey) -> str | None:
        """By which the portal knows this key's person; None before the first use."""
        found = self._db.execute("SELECT sealed FROM pseudonym WHERE pmh_key = ?", (pmh_key.blind,)).fetchone()
        return self._key.open(found[0], pseudonym_row(pmh_key.blind)).decode() if found else None

    def id5_of(self, pmh_key: bytes) -> str | None:
        """By which the research database knows the person of this key (blind); None before it was asked for."""
        found = self._db.execute("SELECT sealed FROM id5 WHERE pmh_key = ?", (pmh_key,)).fetchone()
        return self._key.open(found[0], _id5_row(pmh_key)).decode() if found else None

    def keep_id5(self, pmh_key: PmhKey, id5: str) -> bool:
        """Keep an ID5 that was asked for. False if it contradicts what is kept, or is a 個人番号: a dispute."""
        if any(whole for _, whole in numbers_within(id5)):
            return self.dispute(pmh_key, Why.A_NUMBER)
        blind = self._key.blind("id5", id5)
        held = self._db.execute("SELECT id5 FROM id5 WHERE pmh_key = ?", (pmh_key.blind,)).fetchone()
        if held is not None:
            return held[0] == blind or self.dispute(pmh_key, Why.ANOTHER_ID5)
        sealed = self._key.seal(id5.encode(), _id5_row(pmh_key.blind))
        kept = self._db.execute(
            "INSERT INTO id5 VALUES (?, ?, ?) ON CONFLICT (id5) DO NOTHING", (pmh_key.blind, blind, sealed)
        )
        return bool(kept.rowcount) or self.dispute(pmh_key, Why.ID5_OF_ANOTHER)

    def dispute(self, pmh_key: PmhKey, why: Why) -> bool:
        """Keep a contradiction about this key for people to look at. Always False."""
        sealed = self._key.seal(pmh_key.text.encode(), b"dispute|" + pmh_key.blind.hex().encode())
        self._db.execute(
            "INSERT INTO chain_dispute VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (pmh_key.blind, str(why), sealed, instant(self._clock())),
        )
        return False

    def disputes(self) -> int:
        """How many of these wait for people."""
        return int(self._db.execute("SELECT count(*) FROM chain_dispute").fetchone()[0])


def pseudonym_row(pmh_key: bytes) -> bytes:
    """What a sealed pseudonym is bound to."""
    return b"pseudonym|" + pmh_key.hex().encode()


def _id5_row(pmh_key: bytes) -> bytes:
    return b"id5|" + pmh_key.hex().encode()
