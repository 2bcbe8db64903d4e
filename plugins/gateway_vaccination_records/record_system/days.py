"""The calendar of Japan, by which all dates in records are meant, wherever this system runs."""

from datetime import date, datetime, timedelta, timezone
from typing import Final

_JAPAN: Final = timezone(timedelta(hours=9))


def day(moment: datetime) -> date:
    """Which day it is in Japan."""
    return moment.astimezone(_JAPAN).date()
