"""By which pseudonym the portal knows a person: handed over with the PMH key at first use, and by that alone (F47).

The rule: a key has one pseudonym at a time, the newest; one that was ever another key's is a dispute. Whom the
portal may not be shown (`Person.hidden`) is nobody, like an unknown pseudonym.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime

from gateway_vaccination_records.record_system.chains import Chains, PmhKey, Why, pseudonym_row
from gateway_vaccination_records.record_system.check_digits import numbers_within
from gateway_vaccination_records.record_system.due import Due
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.resident_models import HandedOver, HandOverRow, KeyDeleted, LinkRow
from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import Verdict, instant


class Pseudonyms:
    """On the area's own connection; what changes something runs inside a transaction of the area."""

    def __init__(
        self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime], chains: Chains, due: Due
    ) -> None:
        self._db = db
        self._key = key
        self._clock = clock
        self._chains = chains
        self._due = due

    def person(self, pseudonym: str) -> Person | None:
        """Whom a pseudonym names, if the portal may know of the person."""
        found = self._db.execute("SELECT pmh_key FROM pseudonym WHERE pseudonym = ?", (self._blind(pseudonym),))
        row = found.fetchone()
        return self._shown(row[0]) if row else None

    def take(self, row: LinkRow) -> Verdict:
        """Link a pseudonym to a key (F47), or note that the portal deleted the key (C140)."""
        return self._link(row.record) if isinstance(row, HandOverRow) else self._key_deleted(row.record)

    def counts(self) -> dict[str, int]:
        """How many keys have a pseudonym, and of how many of them the portal did not say that it deleted the key."""
        linked, held = self._db.execute("SELECT count(*), count(*) - count(key_deleted) FROM pseudonym").fetchone()
        return {"links": linked, "keys_at_portal": held}

    def _link(self, handed: HandedOver) -> Verdict:
        """What waited for the person to be linked may go now, and what the portal refused under the former link."""
        pmh_key = PmhKey(self._chains.blind_key(handed.pmh_key), handed.pmh_key)
        person = self._shown(pmh_key.blind)
        if person is None:
            return Verdict.NO_SUCH_PERSON
        pseudonym = self._blind(handed.pmh_pseudonym_id)
        why = self._contradiction(handed.pmh_pseudonym_id, pseudonym, pmh_key)
        if why is not None:
            self._chains.dispute(pmh_key, why)
            return Verdict.DISPUTE
        self._due.revive("notice", person.id)
        sealed = self._key.seal(handed.pmh_pseudonym_id.encode(), pseudonym_row(pmh_key.blind))
        if not self._replace(pmh_key.blind, pseudonym, sealed):
            return Verdict.DUPLICATE
        self._due.wake(person.id)
        return Verdict.ACCEPTED

    def _key_deleted(self, told: KeyDeleted) -> Verdict:
        """That is noted of a hidden person too, whom the portal hears nothing of."""
        noted = self._db.execute(
            "UPDATE pseudonym SET key_deleted = ? WHERE pseudonym = ? AND key_deleted IS NULL",
            (instant(self._clock()), self._blind(told.pmh_pseudonym_id)),
        )
        if self.person(told.pmh_pseudonym_id) is None:
            return Verdict.NO_SUCH_PERSON
        return Verdict.ACCEPTED if noted.rowcount else Verdict.DUPLICATE

    def _shown(self, pmh_key: bytes) -> Person | None:
        person = self._chains.person_of(pmh_key)
        return None if person is None or person.hidden else person

    def _contradiction(self, text: str, pseudonym: bytes, pmh_key: PmhKey) -> Why | None:
        """Why a pseudonym cannot be this key's: it is a 個人番号 (C022), or is or ever was another key's."""
        if any(whole for _, whole in numbers_within(text)):
            return Why.A_NUMBER
        found = self._db.execute(
            "SELECT pmh_key FROM pseudonym WHERE pseudonym = ?1"
            " UNION ALL SELECT pmh_key FROM former_pseudonym WHERE pseudonym = ?1",
            (pseudonym,),
        ).fetchone()
        return None if found is None or found[0] == pmh_key.blind else Why.PSEUDONYM_OF_ANOTHER_KEY

    def _replace(self, pmh_key: bytes, pseudonym: bytes, sealed: bytes) -> bool:
        """Whether that is another pseudonym than the key had; that one stays on record as a former one.

        Be it the same: the key is at the portal again.
        """
        now = instant(self._clock())
        if self._db.execute("UPDATE pseudonym SET key_deleted = NULL WHERE pseudonym = ?", (pseudonym,)).rowcount:
            return False
        self._db.execute("DELETE FROM former_pseudonym WHERE pseudonym = ?", (pseudonym,))
        self._db.execute(
            "INSERT INTO former_pseudonym SELECT pseudonym, pmh_key, linked, ? FROM pseudonym WHERE pmh_key = ?",
            (now, pmh_key),
        )
        self._db.execute(
            "INSERT OR REPLACE INTO pseudonym VALUES (?, ?, ?, ?, NULL)", (pmh_key, pseudonym, sealed, now)
        )
        return True

    def _blind(self, pseudonym: str) -> bytes:
        return self._key.blind("pmh_pseudonym_id", pseudonym)
