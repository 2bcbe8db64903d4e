"""The time as it is told: RFC 3339, in UTC, to the second."""

from datetime import UTC, datetime


def moment() -> str:
    """Now."""
    return datetime.now(UTC).isoformat(timespec="seconds")
