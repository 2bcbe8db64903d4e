"""Where copies go: a folder, or a receiver over TLS. They block, and are called in a thread of their own."""

from collections.abc import Sequence
from datetime import date
from typing import Final, Protocol

from gateway.hub.exports.copy import Copy


class Destination(Protocol):
    """`again` is how many facts of the log are sent once more when it had failed, or is new: what it may have lost."""

    again: int

    def hand(self, copies: Sequence[Copy]) -> None:
        """Returns when the other side has them. Raises OSError."""
        ...

    def interrupt(self) -> None:
        """From another thread: have a `hand` that waits fail soon."""
        ...

    def forget(self, log: str, before: date) -> None:
        """Keep no copies of that log's facts of days before that one, as far as they lie within reach. From any
        thread. Raises OSError.
        """
        ...

    def close(self) -> None:
        """Nothing is handed any more, or only after a new beginning."""
        ...


PATIENCE_SECONDS: Final = 10.0
"""How long a receiver may take nothing at all before it counts as gone."""
