"""What each permit is used for: one request, about one person.

The rule: nobody's count but our own, and that only in memory. Every request begins with the first key of its permit;
the line tells once more how the messages under it ended, until the newest is reached. So no key is used that another
request, or another person, could not have passed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

_MOST: Final = 5
"""Messages under one permit; each but the last was refused at the far end before anything was given."""


@dataclass(frozen=True, slots=True, repr=False)
class Use:
    """One message; `nth` is of those made for this request under this permit, from 1."""

    jti: str
    number: str
    internal_no: str
    nth: int = 1

    def key(self) -> str:
        """The message's, whoever asks."""
        return f"{self.jti}\n{self.nth}"

    def same(self) -> str:
        """What a message under that key must be about to be that message, whatever the replica holds by then."""
        return f"{self.number}\n{self.internal_no}"


class Uses:
    """By the request's number, of those that have not ended."""

    def __init__(self) -> None:
        self._uses: dict[str, Use] = {}

    def keep(self, so: Callable[[str], bool]) -> None:
        """Forget the others."""
        self._uses = {number: use for number, use in self._uses.items() if so(number)}

    def now(self, jti: str, number: str, internal_no: str) -> Use:
        """Under another permit, or about another person, the request begins anew."""
        known, first = self._uses.get(number), Use(jti, number, internal_no)
        use = known if known is not None and replace(known, nth=1) == first else first
        self._uses[number] = use
        return use

    def under(self, number: str, jti: str) -> bool:
        """Whether its newest message was made under that permit."""
        return self._uses[number].jti == jti

    def overtaken(self, number: str) -> bool:
        """Whether there is another key for what has to be made anew; it is the next."""
        use = self._uses[number]
        if use.nth == _MOST:
            return False
        self._uses[number] = replace(use, nth=use.nth + 1)
        return True
