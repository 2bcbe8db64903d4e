"""What people must look at: each thing is told once, and counted since the start.

The rule: only what is still listed is remembered, so that what is ill for years fills no memory.
"""

from collections.abc import Container
from typing import Generic, TypeVar

_Thing = TypeVar("_Thing")


class Trouble(Generic[_Thing]):
    """One kind of it; `what` is how the operator is told."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._things: set[_Thing] = set()
        self._count = 0

    def __contains__(self, thing: _Thing) -> bool:
        return thing in self._things

    def add(self, thing: _Thing) -> None:
        """One more, unless it is known."""
        self._count += thing not in self._things
        self._things.add(thing)

    def keep(self, listed: Container[_Thing]) -> None:
        """Forget which the others were, and not that there were any."""
        self._things = {thing for thing in self._things if thing in listed}

    def told(self) -> list[str]:
        """For the operator: how many, if there were any."""
        return [f"{self._what}: {self._count}"] if self._count else []
