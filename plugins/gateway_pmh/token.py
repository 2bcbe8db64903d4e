"""The access token (OAuth 2.0 client credentials, RFC 6749 §4.4): had once, used until shortly before it ends.

The rule: it is in memory only, and neither a log line nor an error nor a repr ever shows it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

_MARGIN: Final = 0.2  # of its life, so that it does not end while a request is under way
_LONGEST_MARGIN: Final = 60.0


@dataclass(frozen=True, slots=True)
class Granted:
    """A token as it was granted; `seconds` is its life from the moment of asking."""

    value: str = field(repr=False)
    seconds: float


class Token:
    """Holds one token for everyone who asks at the same time. `grant` fetches a new one, until a time of `clock`."""

    def __init__(self, grant: Callable[[float], Awaitable[Granted]], clock: Callable[[], float]) -> None:
        self._grant = grant
        self._clock = clock
        self._granting = asyncio.Lock()
        self._value: str | None = None
        self._renew_at = 0.0

    async def value(self, ends: float) -> str:
        """A token that lives a while yet. Raises what `grant` raises."""
        async with self._granting:
            if self._value is None or self._clock() >= self._renew_at:
                self._value = None
                asked_at = self._clock()
                granted = await self._grant(ends)
                self._value = granted.value
                self._renew_at = asked_at + granted.seconds - min(granted.seconds * _MARGIN, _LONGEST_MARGIN)
            return self._value

    def forget(self, value: str) -> None:
        """The token was refused. One that came in its place meanwhile stays."""
        if self._value == value:
            self._value = None
