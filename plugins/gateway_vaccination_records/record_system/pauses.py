"""How long what could not be had waits until it is asked for again: each time twice as long, up to a day."""

from datetime import timedelta
from typing import Final

FIRST_PAUSE: Final = timedelta(minutes=5)
LONGEST_PAUSE: Final = timedelta(days=1)


def pause(asked: int) -> timedelta:
    """After it was asked for so many times."""
    return min(FIRST_PAUSE * (1 << min(asked - 1, 16)), LONGEST_PAUSE)
