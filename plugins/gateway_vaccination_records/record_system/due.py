"""What is due to be sent, by kind: notices, doses given back, questions for ID5, doses for research.

The rule: one batch of a kind is under way at a time, and is the same until it is ended. What cannot be sent yet
sleeps, and costs nothing, until something about its person changes.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Literal, TypeAlias

from gateway_vaccination_records.record_system.seal import TenantKey
from gateway_vaccination_records.record_system.versions import Version

Kind: TypeAlias = Literal["notice", "return", "id5", "research"]


class Due:
    """On the area's own connection. Every method runs inside a transaction of the area."""

    def __init__(self, db: sqlite3.Connection, key: TenantKey, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._key = key
        self._clock = clock

    def put(self, kind: Kind, person: int, entry: int, version: Version) -> None:
        """This state of an entry is to be sent; what is left of its older states need not be any more."""

    def want_id5(self, person: int) -> None:
        """The person had a dose: an ID5 is to be had, unless that was wanted before."""

    def forget(self, kind: Kind, person: int) -> None:
        """What of the kind is not under way was told to its destination in another way."""

    def wake(self, person: int) -> None:
        """Something about the person changed (state, number, key, pseudonym, ID5): what sleeps may go now."""

    def wake_number(self, number: bytes) -> None:
        """`wake` for whoever has this individual number (blind)."""
