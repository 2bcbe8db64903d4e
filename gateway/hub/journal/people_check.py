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
from gateway.hub.journal.facts import PERSON_FACTS, Altered, FactKind
from gateway.hub.people import CONFIRMING, Role


def check_people(connection: sqlite3.Connection, size: int) -> None:
    """Of the first `size` facts, each whole by itself. Raises Altered."""
    told = _Told()
    for seq, kind, body in connection.execute(_FACTS, (size,)):
        try:
            told.apply(FactKind(kind), json.loads(body))
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Altered(seq, f"fact {seq}: who decided had no right to, by the facts before it") from None


class _Told:
    """Certificates by person, last days by person and role, and who approved what is held, up to the last fact."""

    def __init__(self) -> None:
        self._certificates: dict[str, str] = {}
        self._until: dict[tuple[str, str], str] = {}
        self._approved: dict[str, str] = {}

    def apply(self, kind: FactKind, fact: Mapping[str, Any]) -> None:
        """Raises ValueError or LookupError if nobody could decide so."""
        person, day = fact["person"], japanese_day(datetime.fromisoformat(fact["at"])).isoformat()
        match kind:
            case FactKind.PERSON_GRANTED:
                self._certificates[person] = fact["certificate"]
                self._until[person, fact["role"]] = fact["until"]
            case FactKind.PERSON_REVOKED:
                self._until.pop((person, fact["role"]), None)
            case _:
                if self._certificates[person] != fact["client_certificate"]:
                    raise ValueError("another certificate")
                self._require(person, CONFIRMING, day)
                self._decided(kind, person, fact["message_id"], day)

    def _decided(self, kind: FactKind, person: str, message_id: str, day: str) -> None:
        if kind is FactKind.HOLD_APPROVED:
            self._approved[message_id] = person
        elif kind is FactKind.HOLD_RELEASED:
            self._require(person, {Role.APPROVER}, day)
            self._require(self._approved[message_id], CONFIRMING, day)

    def _require(self, person: str, roles: frozenset[Role] | set[Role], day: str) -> None:
        if not any(self._until.get((person, role.value), "") >= day for role in roles):
            raise ValueError("no right")


_KINDS: Final = ", ".join(
    f"'{kind}'" for kind in (*PERSON_FACTS, FactKind.HOLD_APPROVED, FactKind.HOLD_RELEASED, FactKind.HOLD_REFUSED)
)
_FACTS: Final = (
    "SELECT seq, kind, body FROM fact WHERE seq <= ?"  # noqa: S608  (the kinds are ours)
    f" AND kind IN ({_KINDS}) ORDER BY seq"
)
