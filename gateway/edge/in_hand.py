"""What a connector has in hand: of one lane, or of one request, one delivery at a time.

The hub hands on no second one before it has heard of the first; but it may have lost patience, or its link, while the
connector was still at it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.messages import Header, MessageKind


class InHand:
    """One connector's."""

    def __init__(self) -> None:
        self._taken: set[tuple[str, int]] = set()

    @contextmanager
    def take(self, header: Header, wanted: frozenset[int]) -> Iterator[frozenset[int]]:
        """The wanted indices of whose lane, or request, nothing is in hand: they are until this ends."""
        places = {index: _place(header, lane) for index, _, lane in header.records if index in wanted}
        free = {index: place for index, place in places.items() if place not in self._taken}
        mine = frozenset(free.values())
        self._taken |= mine
        try:
            yield frozenset(free)
        finally:
            self._taken -= mine


def _place(header: Header, lane: int) -> tuple[str, int]:
    """Requests and replies take no lane; each is for itself."""
    return (header.source, lane) if header.kind is MessageKind.EVENT else (header.message_id, 0)
