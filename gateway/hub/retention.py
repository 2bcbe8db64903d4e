"""What is not to be kept is deleted by itself, with a fact: the sealed payloads of routes that say so (C117)."""

from datetime import datetime, timedelta
from typing import Final

from gateway.config import Tenant
from gateway.errors import Refused
from gateway.hub.journal import Journal
from gateway.messages import stamp

LOOK_SECONDS: Final = 60.0
"""How often at least it is looked at."""


def pause(tenant: Tenant) -> float:
    """Seconds until the next look: not much longer than anything may be kept."""
    return min([LOOK_SECONDS, *(max(1.0, keep) for keep in _keeps(tenant).values())])


async def delete_outdated(tenant: Tenant, journal: Journal, now: datetime) -> int:
    """Delete the payloads whose time is over by today's routes; returns how many. Raises Deferred."""
    deleted = 0
    for route, keep in _keeps(tenant).items():
        before = stamp(now - timedelta(seconds=keep))
        while found := journal.outdated(route, before):
            for message_id in found:
                deleted += await _delete(journal, message_id, now)
    return deleted


async def _delete(journal: Journal, message_id: str, now: datetime) -> bool:
    try:
        await journal.delete_envelope(message_id, at=stamp(now))
    except Refused:  # replayed just now
        return False
    return True


def _keeps(tenant: Tenant) -> dict[str, float]:
    return {route.id: route.keep_seconds for route in tenant.file.routes if route.keep_seconds is not None}
