"""Whoever approved, released or refused what was held had the right to, by the facts of persons before it.

Only facts give these rights, so the log alone can be asked. What the configuration takes from somebody does not stand
in it: that operators and administrators confirm nothing was asked when the decision was written, and only then.
"""

import json
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.config import japanese_day
from gateway.evidence.purged import Purged
from gateway.hub.journal.facts import PERSON_FACTS, Altered, FactKind
from gateway.hub.journal.purging import purged
from gateway.hub.people import Configured, Role
from gateway.hub.rights import Rights


def check_people(connection: sqlite3.Connection, size: int) -> None:
    """Of the first `size` facts, each whole by itself. Raises Altered."""
    told, said = _Told(), Purged()
    purged(connection, said)
    before = max((each.before for each in said.spans()), default="")
    for seq, kind, body, whole in connection.execute(_FACTS, (size,)):
        try:
            told.apply(FactKind(kind), json.loads(body), whole=whole, before=before)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Altered(seq, f"fact {seq}: who decided had no right to, by the facts before it") from None


class _Told:
    """The rights, and who approved what is held, up to the last fact."""

    def __init__(self) -> None:
        self._rights = Rights(Configured())
        self._approved: dict[str, str] = {}

    def apply(self, kind: FactKind, fact: Mapping[str, Any], *, whole: bool, before: str) -> None:
        """Raises ValueError or LookupError if nobody could decide so. `whole`: no fact of the message was purged. Of
        what was decided `before` that time the rights may be purged.
        """
        if kind in PERSON_FACTS:
            self._rights.apply(fact, granted=kind is FactKind.PERSON_GRANTED)
            return
        if fact["at"] < before:
            if kind is FactKind.HOLD_APPROVED:
                self._approved[fact["message_id"]] = fact["person"]
            return
        able = self._rights.confirmers(japanese_day(datetime.fromisoformat(fact["at"])))
        person = able[fact["person"]]
        if person.certificate != fact["client_certificate"]:
            raise ValueError("another certificate")
        if kind is FactKind.HOLD_APPROVED:
            self._approved[fact["message_id"]] = person.id
        elif kind is FactKind.HOLD_RELEASED and (
            Role.APPROVER not in person.roles or (whole and self._approved[fact["message_id"]] not in able)
        ):
            raise ValueError("no right")


_KINDS: Final = ", ".join(
    f"'{kind}'" for kind in (*PERSON_FACTS, FactKind.HOLD_APPROVED, FactKind.HOLD_RELEASED, FactKind.HOLD_REFUSED)
)
_FACTS: Final = (
    "SELECT seq, kind, body, EXISTS (SELECT 1 FROM message WHERE id = message_id)"  # noqa: S608  (the kinds are ours)
    " FROM fact WHERE seq <= ?"
    f" AND kind IN ({_KINDS}) ORDER BY seq"
)
