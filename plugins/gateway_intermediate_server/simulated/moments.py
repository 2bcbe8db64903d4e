"""Times as they are told: RFC 3339, in UTC, to the second."""

import time
from datetime import UTC, datetime


def moment(at: float | None = None) -> str:
    """Of seconds since 1970; without them, now."""
    return datetime.fromtimestamp(time.time() if at is None else at, UTC).isoformat(timespec="seconds")
