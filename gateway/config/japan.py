"""Japan's clock and calendar: days, times and public holidays as the municipality has them; UTC+9 without exception.

The log and all JSON for programs have UTC, RFC 3339 with a Z. People are shown what `japanese_clock` makes of it.
"""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Final

import jpholiday

_AHEAD: Final = timedelta(hours=9)
_JAPAN: Final = timezone(_AHEAD)


def japanese_day(now: datetime) -> date:
    """The day in Japan: laws begin and end there. `now` must be UTC."""
    return (now + _AHEAD).date()


def japanese_time(now: datetime) -> datetime:
    """What the clocks show in Japan, without a zone. `now` must be UTC."""
    return (now + _AHEAD).replace(tzinfo=None)


def japanese_midnight(day: date) -> datetime:
    """When that day begins in Japan, in UTC. Raises OverflowError."""
    return datetime.combine(day, time(), UTC) - _AHEAD


def japanese_clock(at: str) -> str:
    """A time with a zone, for people: what the clocks in Japan showed, to the second, and that it is theirs:
    `2026-04-01 09:00:00+09:00`. Raises ValueError.
    """
    return datetime.fromisoformat(at).astimezone(_JAPAN).isoformat(" ", "seconds")


def public_holiday(day: date) -> bool:
    """Whether it is one by the 国民の祝日に関する法律, with the days in lieu (第3条第2項) and between (第3項)."""
    return jpholiday.is_holiday(day)
