"""Identity confirmations as PMH has them: who was confirmed, with consent, at which clinic and until when (F53, C206).

The rule: a confirmation is kept as it first came, and allows one clinic to act for one person until its time has come.
It is forgotten a day after that.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic_core import from_json, to_json

from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import Verdict, instant
from gateway_vaccination_records.record_system.visit_models import AskedVisit, FoundConfirmation

KEPT_AFTER: Final = timedelta(days=1)


class Confirmations:
    """On the area's own connection. `keep` and `forget` run inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._key = key
        self._clock = clock

    def forget(self) -> None:
        """Those whose time has been over for a day. One that comes so late stays until others come."""
        self._db.execute("DELETE FROM confirmation WHERE until < ?", (instant(self._clock() - KEPT_AFTER),))

    def keep(self, found: FoundConfirmation) -> Verdict:
        """A confirmation that PMH gave. One that says something else than before is VERSION_CONFLICT, and not kept."""
        name = self._blind(found.identity_confirmation)
        until = instant(datetime.fromisoformat(found.valid_until))
        content = found.model_dump(exclude={"identity_confirmation", "valid_until"}) | {"until": until}
        known = self._known(name)
        if known is not None:
            return Verdict.DUPLICATE if known == content else Verdict.VERSION_CONFLICT
        sealed = self._key.seal(to_json(content), _row(name))
        self._db.execute("INSERT INTO confirmation VALUES (?, ?, ?)", (name, until, sealed))
        return Verdict.ACCEPTED

    def allows(self, asked: AskedVisit) -> bool | None:
        """Whether the confirmation that a clinic refers to is for this person and clinic, with consent, and valid now.

        None: it is not known here, so PMH is to be asked.
        """
        known = self._known(self._blind(asked.identity_confirmation))
        if known is None:
            return None
        named = asked.model_dump(include={"vaccination_subject_no", "clinic_code"})
        return (known | named) == known and known["consent_flag"] is True and known["until"] > instant(self._clock())

    def counts(self) -> dict[str, int]:
        """How many are kept."""
        return {"confirmations": int(self._db.execute("SELECT count(*) FROM confirmation").fetchone()[0])}

    def _known(self, name: bytes) -> dict[str, Any] | None:
        found = self._db.execute("SELECT sealed FROM confirmation WHERE name = ?", (name,)).fetchone()
        return dict(from_json(self._key.open(found[0], _row(name)))) if found else None

    def _blind(self, identity_confirmation: str) -> bytes:
        return self._key.blind("identity_confirmation", identity_confirmation)


def _row(name: bytes) -> bytes:
    return b"confirmation|" + name.hex().encode()
