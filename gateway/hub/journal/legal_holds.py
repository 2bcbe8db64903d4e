"""What an investigation needs is not deleted: the legal holds in force, by the facts that placed and lifted them."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from gateway.config import japanese_midnight
from gateway.errors import Refused
from gateway.hub.journal.facts import FactKind
from gateway.hub.journal.reading import told
from gateway.hub.journal.store import id_sought, id_text
from gateway.hub.journal.transaction import Transaction
from gateway.messages import stamp

_KINDS: Final = (FactKind.LEGAL_HOLD_PLACED, FactKind.LEGAL_HOLD_LIFTED)


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Under one case: certain messages, or all that the log has from the day `since` to the day `until` in Japan."""

    case: str
    messages: frozenset[bytes]
    since: str
    until: str

    def told(self) -> dict[str, Any]:
        """As plain JSON, for people: `facts` from and before which times, if it names no messages."""
        if self.messages:
            return {"case": self.case, "messages": sorted(map(id_text, self.messages))}
        return {"case": self.case, "since": self.since, "until": self.until}


def legal_holds(connection: sqlite3.Connection) -> list[LegalHold]:
    """Those in force. Raises Altered."""
    found: dict[str, LegalHold] = {}
    for _, kind, fact in told(connection, _KINDS, 0):
        if kind is FactKind.LEGAL_HOLD_PLACED:
            found[fact["case"]] = _hold(fact)
        else:
            found.pop(fact["case"], None)
    return list(found.values())


def covered(connection: sqlite3.Connection, holds: Sequence[LegalHold], at: str, message_id: bytes | None) -> bool:
    """Whether one of them says that a fact of that time must stay, or the exchange that its message is of: because it
    is named, or one of its facts is of the days that are held.
    """
    if not holds:
        return False
    its = _exchange(connection, message_id)
    return any(
        not each.messages.isdisjoint(its)
        if each.messages
        else each.since <= at < each.until or any(_told_of(connection, one, each) for one in its)
        for each in holds
    )


def held(connection: sqlite3.Connection, message_id: bytes) -> bool:
    """Whether one of them is on this message, by its recording or otherwise."""
    row = connection.execute(_RECORDED, (message_id,)).fetchone()
    return row is not None and covered(connection, legal_holds(connection), row[0], message_id)


def place(transaction: Transaction, fields: Mapping[str, Any], *, at: str) -> None:
    """`fields`: `case`, and `messages`, or `since` and `until`, or none of them for the whole log; and who says so. Of
    each message the whole exchange is held, by the id of its request.

    Raises Refused: case_taken; unknown_message if one of them is none that the log has.
    """
    if fields["case"] in _cases(transaction):
        raise Refused("case_taken")
    if messages := fields.get("messages"):
        fields = {**fields, "messages": sorted({_first(transaction.connection, each) for each in messages})}
    _hold(fields)
    transaction.append(FactKind.LEGAL_HOLD_PLACED, fields, at=at)


def lift(transaction: Transaction, fields: Mapping[str, Any], *, at: str) -> None:
    """The investigation of that case needs it no longer. Raises Refused("unknown_case")."""
    if fields["case"] not in _cases(transaction):
        raise Refused("unknown_case")
    transaction.append(FactKind.LEGAL_HOLD_LIFTED, fields, at=at)


def _cases(transaction: Transaction) -> set[str]:
    return {each.case for each in legal_holds(transaction.connection)}


def _first(connection: sqlite3.Connection, message_id: str) -> str:
    sought = id_sought(message_id)
    if connection.execute(_KNOWN, (sought,)).fetchone() is None:
        raise Refused("unknown_message")
    return id_text(_asked_by(connection, sought) or sought)


def _exchange(connection: sqlite3.Connection, message_id: bytes | None) -> set[bytes]:
    """A message, and the one that it answers or that answers it, as long as their recordings are there."""
    if message_id is None:
        return set()
    replies = connection.execute("SELECT id FROM message WHERE answers = ?", (message_id,))
    asked = _asked_by(connection, message_id)
    return {message_id, *(reply for (reply,) in replies), *([asked] if asked is not None else [])}


def _asked_by(connection: sqlite3.Connection, message_id: bytes | None) -> bytes | None:
    """The request that this message answers; None if it is no reply."""
    row = connection.execute("SELECT answers FROM message WHERE id = ?", (message_id,)).fetchone()
    return row[0] if row else None


def _told_of(connection: sqlite3.Connection, message_id: bytes, hold: LegalHold) -> bool:
    found = connection.execute(_WITHIN, (message_id, hold.since, hold.until)).fetchone()
    return found is not None


def _hold(fact: Mapping[str, Any]) -> LegalHold:
    since, until = fact.get("since"), fact.get("until")
    return LegalHold(
        fact["case"],
        frozenset(map(id_sought, fact.get("messages", ()))),
        stamp(japanese_midnight(date.fromisoformat(since))) if since else "",
        stamp(japanese_midnight(date.fromisoformat(until) + timedelta(1))) if until else _NEVER,
    )


_RECORDED: Final = "SELECT at FROM fact WHERE message_id = ? AND kind = 'message.recorded'"
_KNOWN: Final = "SELECT 1 FROM fact WHERE message_id = ? LIMIT 1"
_WITHIN: Final = "SELECT 1 FROM fact WHERE message_id = ? AND at >= ? AND at < ? LIMIT 1"


_NEVER: Final = "9999-12-31T23:59:59.999999Z"
