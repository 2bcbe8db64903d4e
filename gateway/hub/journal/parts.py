"""What a part of the journal is given of it: how to write, and how to read one moment."""

import sqlite3
from collections.abc import Callable
from typing import Protocol, TypeVar

from gateway.hub.journal.group import Write

T = TypeVar("T")


class Commit(Protocol):
    """The writer's `commit`."""

    async def __call__(self, write: Write[T], /, *, large: bool = False) -> T: ...


class Read(Protocol):
    """The journal's reading: one moment of it."""

    def __call__(self, query: Callable[[sqlite3.Connection], T], /) -> T: ...
