"""Which exchanges are not to be disclosed (番号法第23条第2項): one rule, for all who are told of them.

It was attested when the message was sealed, or a later fact says so; of a reply, its request is asked, too.
"""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from gateway.hub.journal.store import id_sought

_CLAIM: Final = "undisclosed"


def undisclosed(
    connection: sqlite3.Connection, stored_id: bytes | None, header: Mapping[str, Any] | None = None
) -> bool:
    """Whether the exchange is not that this message is of. `header`, if it is known, is that of its fact."""
    header = header or header_of(connection, stored_id)
    return _hidden(connection, stored_id, header) or (
        (question := asked_by(header)) is not None and _hidden(connection, question, header_of(connection, question))
    )


def asked_by(header: Mapping[str, Any]) -> bytes | None:
    """The request that a reply of this header answers, as its id is stored; None if it is no reply's."""
    question = header.get("correlation_id")
    return id_sought(question) if question is not None else None


def header_of(connection: sqlite3.Connection, stored_id: bytes | None) -> Mapping[str, Any]:
    """The header that a message was recorded with; empty if it had none, or there is no such message."""
    header: Mapping[str, Any] = recorded_with(connection, stored_id).get("header", {})
    return header


def recorded_with(connection: sqlite3.Connection, stored_id: bytes | None) -> Mapping[str, Any]:
    """The fact that recorded a message; empty if none did."""
    row = connection.execute(_RECORDED, (stored_id,)).fetchone() if stored_id is not None else None
    fact: Mapping[str, Any] = json.loads(row[0]) if row else {}
    return fact


def _hidden(connection: sqlite3.Connection, stored_id: bytes | None, header: Mapping[str, Any]) -> bool:
    return any(each["claim"] == _CLAIM for each in header.get("attestations", ())) or marked(connection, stored_id)


def marked(connection: sqlite3.Connection, stored_id: bytes | None) -> bool:
    """Whether a later fact says that the exchange of this message is not to be disclosed."""
    return connection.execute(_MARKED, (stored_id,)).fetchone() is not None


_RECORDED: Final = (
    "SELECT body FROM fact WHERE message_id = ? AND kind = 'message.recorded' AND body IS NOT NULL LIMIT 1"
)
_MARKED: Final = "SELECT 1 FROM fact WHERE message_id = ? AND kind = 'message.undisclosed' LIMIT 1"
