"""A time in seconds as people say it."""

from typing import Final

_UNITS: Final = ((86400, "日"), (3600, "時間"), (60, "分"))


def told(seconds: float) -> str:
    """In the largest unit that is whole: 604800 as `7日`."""
    for size, unit in _UNITS:
        if seconds and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}秒"
