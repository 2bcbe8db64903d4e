"""The days that a command is asked for: Japan's, both counting."""

from datetime import datetime

import typer


def named_days(since: datetime | None, until: datetime | None) -> dict[str, str]:
    """Those that were named, by name. Raises typer.BadParameter for days that no fact can be of: the first behind the
    last, or behind today.
    """
    from datetime import UTC

    from gateway.config import japanese_day

    if since is not None and until is not None and until < since:
        raise typer.BadParameter("the last day is before the first: name days in Japan, --since DAY --until DAY")
    if since is not None and since.date() > japanese_day(datetime.now(UTC)):
        raise typer.BadParameter("the first day is still to come: name days in Japan, --since DAY --until DAY")
    return {name: day.date().isoformat() for name, day in (("since", since), ("until", until)) if day is not None}
