"""What is not to be kept is deleted by itself, with a fact: the sealed payloads of routes that say so (C117).

How long is settled when a message ends, by its route as it is then. A route that says less later counts for what has
ended, too; one that says more, is renamed or taken away does not.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from gateway.config import Tenant
from gateway.errors import Refused
from gateway.hub.journal import Journal
from gateway.messages import stamp

LOOK_SECONDS: Final = 60.0
"""How often at least it is looked at."""


def pause(tenant: Tenant) -> float:
    """Seconds until the next look: not much longer than anything may be kept."""
    return min([LOOK_SECONDS, *(max(1.0, keep) for keep in keeps(tenant).values())])


async def delete_outdated(tenant: Tenant, journal: Journal, now: datetime) -> int:
    """Delete the payloads whose time is over, as was settled at their end or by today's routes; returns how many.

    Raises Deferred.
    """
    over = [partial(journal.kept_too_long, stamp(now))]
    over += [
        partial(journal.outdated, route, stamp(now - timedelta(seconds=keep))) for route, keep in keeps(tenant).items()
    ]
    deleted = 0
    for find in over:
        while found := find():
            for message_id in found:
                deleted += await _delete(journal, message_id, now)
    return deleted


async def _delete(journal: Journal, message_id: str, now: datetime) -> bool:
    try:
        await journal.delete_envelope(message_id, at=stamp(now))
    except Refused:  # replayed just now
        return False
    return True


def keeps(tenant: Tenant) -> dict[str, float]:
    """Seconds for which each route keeps the payloads of what has ended, where it says so."""
    return {route.id: route.keep_seconds for route in tenant.file.routes if route.keep_seconds is not None}
