"""`gateway` without the follower that brings the search's index after the log: to measure what that costs."""

import asyncio
from collections.abc import Callable

from gateway.cli import main
from gateway.hub.search import Search


async def _rests(search: Search, bug: Callable[[Exception], None]) -> None:
    """Nobody searches, so nothing is missed."""
    del search, bug
    await asyncio.Event().wait()


if __name__ == "__main__":
    Search.follow = _rests  # type: ignore[method-assign,assignment]
    main()
