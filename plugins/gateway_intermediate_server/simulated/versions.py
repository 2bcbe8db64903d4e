"""The order of one record's states, by (updated_at, update_seq): the newer one is never overtaken (C176, C179)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway_intermediate_server.simulated.refusal import Refusal


def judged(kept: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """`updated` for a newer state, `duplicate` for the same again. Raises Refusal."""
    if version(given) < version(kept):
        raise Refusal(409, "superseded")
    if version(given) > version(kept):
        return "updated"
    if given != kept:
        raise Refusal(409, "version_conflict")
    return "duplicate"


def version(content: Mapping[str, Any]) -> tuple[datetime, int]:
    """What orders the states of one record."""
    return datetime.fromisoformat(content["updated_at"]), content["update_seq"]
