"""What persons did in a tenant, by time: looked, decided, granted, revoked, replayed, or were refused something.

An index of these kinds alone finds them, however long the log is.
"""

import sqlite3
from typing import Any, Final

from gateway.hub.journal.facts import Altered
from gateway.hub.journal.reading import whole
from gateway.hub.journal.store import ACTS
from gateway.hub.journal.undisclosed import undisclosed

TOLD: Final = 200
"""How many `acts` tells at a time."""


def acts(connection: sqlite3.Connection, after: tuple[str, int], until: str) -> list[dict[str, Any]]:
    """The next `TOLD` behind that time and seq, before `until`, each held against its commitment; those of what is not
    to be disclosed marked `undisclosed`. What was purged is told no more. Raises Altered.
    """
    hidden: dict[bytes | None, bool] = {None: False}
    found = []
    for stored_id, seq, *row in connection.execute(_ACTS, (*after, until, TOLD)):
        fact = whole(seq, *row)
        if stored_id not in hidden:
            hidden[stored_id] = _hidden(connection, stored_id, seq)
        found.append({**fact, "undisclosed": True} if hidden[stored_id] else fact)
    return found


def _hidden(connection: sqlite3.Connection, stored_id: bytes, seq: int) -> bool:
    try:
        return undisclosed(connection, stored_id)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise Altered(seq, f"the message of fact {seq} is altered: its body is not a fact's") from None


_ACTS: Final = (
    "SELECT message_id, seq, kind, commitment, salt, body FROM fact"  # noqa: S608  (the words are ours)
    f" WHERE {ACTS} AND (at, seq) > (?, ?) AND at < ? AND body IS NOT NULL ORDER BY at, seq LIMIT ?"
)
