"""Which exchanges are not to be disclosed (番号法第23条第2項): one rule, for all who are told of them."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from gateway.hub.journal.store import id_sought

_CLAIM: Final = "undisclosed"


def undisclosed(connection: sqlite3.Connection, header: Mapping[str, Any] | None) -> bool:
    """Whether the exchange of this header, as its fact holds it, is not: a reply attests nothing, its request did."""
    question = header.get("correlation_id") if header else None
    return _attests(header) or (question is not None and _attests(header_of(connection, id_sought(question))))


def header_of(connection: sqlite3.Connection, stored_id: bytes | None) -> Mapping[str, Any]:
    """The header that a message was recorded with; empty if it had none, or there is no such message."""
    header: Mapping[str, Any] = recorded_with(connection, stored_id).get("header", {})
    return header


def recorded_with(connection: sqlite3.Connection, stored_id: bytes | None) -> Mapping[str, Any]:
    """The fact that recorded a message; empty if none did."""
    row = connection.execute(_RECORDED, (stored_id,)).fetchone() if stored_id is not None else None
    fact: Mapping[str, Any] = json.loads(row[0]) if row else {}
    return fact


def _attests(header: Mapping[str, Any] | None) -> bool:
    return header is not None and any(each["claim"] == _CLAIM for each in header.get("attestations", ()))


_RECORDED: Final = (
    "SELECT body FROM fact WHERE message_id = ? AND kind = 'message.recorded' AND body IS NOT NULL LIMIT 1"
)
