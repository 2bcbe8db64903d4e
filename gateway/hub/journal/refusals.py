"""What was refused lately, by an edge, hub, connector, destination or people: read backwards from the end of the log.

There is no index for it, as it is asked seldom and must not slow what is written often: a read looks at a slice of
facts at a time.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from gateway.hub.journal.facts import Altered, FactKind
from gateway.hub.journal.outcomes import group
from gateway.hub.journal.undisclosed import header_of, undisclosed
from gateway.messages import Ending, RecordOutcome

SLICE: Final = 2000
"""Facts that one read looks at: some milliseconds."""


def refusals(connection: sqlite3.Connection, before: int | None) -> tuple[list[dict[str, Any]], int]:
    """The facts with refusals among the `SLICE` before the one of that seq (without it, the newest), newest first, as
    plain JSON for an operator; and the seq of the oldest fact that was looked at, or 1. Raises Altered.
    """
    newest = connection.execute("SELECT coalesce(max(seq), 0) FROM fact").fetchone()[0]
    end = newest + 1 if before is None else min(before, newest + 1)
    oldest = max(end - SLICE, 1)
    found = []
    for seq, kind, stored_id, body in connection.execute(_FACTS, (oldest, end)):
        try:
            if told := _told(connection, FactKind(kind), stored_id, json.loads(body)):
                found.append({key: each for key, each in told.items() if each is not None})
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Altered(seq, f"fact {seq} is altered: its body is not a fact's") from None
    return found, oldest


def _told(
    connection: sqlite3.Connection, kind: FactKind, stored_id: bytes | None, fact: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What the fact refuses, and whose it was; None if it refuses nothing after all."""
    statement: Mapping[str, Any] = fact.get("statement") or {}
    outcomes = [RecordOutcome(index, Ending.REFUSED, code, path) for index, code, path in statement.get("records", ())]
    groups = [each for each in fact.get("outcomes", ()) if each["ending"] == Ending.REFUSED] or group(outcomes)
    if not groups and kind not in _WHOLE:
        return None
    header = fact.get("header") or (header_of(connection, stored_id) if kind in _BY else {})
    return {
        **{key: fact[key] for key in ("seq", "at", "kind")},
        "message_id": fact.get("message_id"),
        "by": _BY.get(kind) or fact.get("stage", "edge"),
        "source": header.get("source") or statement.get("connector") or fact.get("connector"),
        "destination": header.get("destination"),
        "operation": header.get("operation") or statement.get("operation") or fact.get("operation"),
        "act": statement.get("act"),
        "code": fact.get("code") or (statement.get("code") if kind is FactKind.CONNECTOR_NOTED else None),
        "outcomes": groups,
        "undisclosed": undisclosed(connection, stored_id, header) or None,
    }


_WHOLE: Final = frozenset({FactKind.MESSAGE_REFUSED, FactKind.CONNECTOR_NOTED})
_BY: Final = {
    FactKind.DELIVERY_CONCLUDED: "destination",
    FactKind.HOLD_REFUSED: "people",
    FactKind.CONNECTOR_NOTED: "connector",
}
_FACTS: Final = (
    "SELECT seq, kind, message_id, body FROM fact WHERE seq >= ? AND seq < ? AND body IS NOT NULL"
    " AND (kind IN ('message.refused', 'hold.refused') OR (kind = 'message.recorded' AND"
    " instr(body, CAST('\"statement\":' AS BLOB)))"
    " OR (kind = 'connector.noted' AND instr(body, CAST('\"code\":' AS BLOB)))"
    " OR (kind = 'delivery.concluded' AND instr(body, CAST('\"ending\":\"refused\"' AS BLOB)))) ORDER BY seq DESC"
)
