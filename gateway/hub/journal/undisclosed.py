"""Which messages are not to be disclosed: those that attest it themselves (番号法第23条第2項)."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

_CLAIM: Final = "undisclosed"


def undisclosed(header: Mapping[str, Any] | None) -> bool:
    """Whether the message of this header, as its fact holds it, attests it."""
    return header is not None and any(each["claim"] == _CLAIM for each in header.get("attestations", ()))


def header_of(connection: sqlite3.Connection, stored_id: bytes | None) -> Mapping[str, Any]:
    """The header that a message was recorded with; empty if it had none, or there is no such message."""
    (body,) = connection.execute(_RECORDED, (stored_id,)).fetchone() or (b"{}",)
    header: Mapping[str, Any] = json.loads(body).get("header", {})
    return header


_RECORDED: Final = (
    "SELECT body FROM fact WHERE message_id = ? AND kind = 'message.recorded' AND body IS NOT NULL LIMIT 1"
)
