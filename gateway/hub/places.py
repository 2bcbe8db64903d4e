"""Room among what is in flight: so many attempts towards each destination, and as many replies beside them.

What takes a place before it is recorded goes out as it is recorded: its first attempt is in the same transaction. It
has its lanes from then on, too; what is not recorded after all leaves both again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from gateway.hub.queue import Queue, due
from gateway.messages import Header, MessageKind

Towards: TypeAlias = tuple[str, bool]
"""A destination, and whether it is replies that go there."""


def towards(destination: str, kind: MessageKind) -> Towards:
    """Replies have room of their own: what is in flight may be waiting for one."""
    return destination, kind is MessageKind.REPLY


@dataclass(slots=True)
class Place:
    """`goes`: there is room. It is `used` once the message is recorded, and so to be kept."""

    goes: bool
    used: bool = False


class Places:
    """Of one tenant. `room` says how many may be in flight towards the destination of what comes just now, 0 if it must
    wait in any case; `freed` is called whenever there is room again.
    """

    def __init__(self, queue: Queue, room: Callable[[Header], int], freed: Callable[[], None]) -> None:
        self._queue = queue
        self._room = room
        self._freed = freed
        self._busy: Counter[Towards] = Counter()
        self._plain: Counter[Towards] = Counter()

    def enter(self, where: Towards) -> None:
        """An attempt begins that took no place before."""
        self._busy[where] += 1

    def leave(self, where: Towards) -> None:
        """An attempt is over."""
        self._busy[where] -= 1
        self._freed()

    def busy(self, where: Towards) -> int:
        """How many are in flight, or about to be."""
        return self._busy[where]

    @contextmanager
    def place(self, header: Header | None) -> Iterator[Place]:
        """While a message is being recorded: a place, if it may go with that; left again unless it is used."""
        if header is None:
            yield Place(goes=False)
            return
        where = towards(header.destination, header.kind)
        place = Place(goes=self._take(header, where))
        self._plain[where] += not place.goes
        try:
            yield place
        finally:
            self._plain[where] -= not place.goes
            if place.goes and not place.used:
                self._queue.drop(header.message_id)
                self.leave(where)

    def _take(self, header: Header, where: Towards) -> bool:
        """Not before what is being recorded without a place: that came first, and may have the same lanes."""
        if self._plain[where] or self._busy[where] >= self._room(header) or not self._queue.take_ahead(due(header)):
            return False
        self._busy[where] += 1
        return True
