"""Room among what is in flight: so many attempts towards each destination, and as many replies beside them.

What takes a place before it is recorded goes out as it is recorded: its first attempt is in the same transaction. Only
questions and answers do, which have no lane to wait for; what does not go after all leaves its place again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from gateway.messages import Header, MessageKind

Towards: TypeAlias = tuple[str, bool]
"""A destination, and whether it is replies that go there."""


def towards(destination: str, kind: MessageKind) -> Towards:
    """Replies have room of their own: what is in flight may be waiting for one."""
    return destination, kind is MessageKind.REPLY


@dataclass(slots=True)
class Place:
    """`taken`: there was room. It is `used` if it is to be kept."""

    taken: bool
    used: bool = False


class Places:
    """Of one tenant. `room` says how many may be in flight, with what comes just now: 0 if something goes before it."""

    def __init__(self, room: Callable[[Header], int]) -> None:
        self._room = room
        self._busy: Counter[Towards] = Counter()
        self._going: set[str] = set()

    def enter(self, where: Towards) -> None:
        """An attempt begins that took no place before."""
        self._busy[where] += 1

    def leave(self, where: Towards) -> None:
        """An attempt is over."""
        self._busy[where] -= 1

    def busy(self, where: Towards) -> int:
        """How many are in flight, or about to be."""
        return self._busy[where]

    def goes(self, message_id: str) -> bool:
        """Whether this message, which is recorded now, has a place. Asked once."""
        going = message_id in self._going
        self._going.discard(message_id)
        return going

    @contextmanager
    def place(self, header: Header | None) -> Iterator[Place]:
        """While a message is being recorded: a place, if it may go with that; left again unless it is used."""
        if header is None or not self._take(header):
            yield Place(taken=False)
            return
        place = Place(taken=True)
        try:
            yield place
        finally:
            if not place.used:
                self._going.discard(header.message_id)
                self.leave(towards(header.destination, header.kind))

    def _take(self, header: Header) -> bool:
        where = towards(header.destination, header.kind)
        if (
            header.kind is MessageKind.EVENT
            or header.message_id in self._going  # the same once more, at the same moment
            or self._busy[where] >= self._room(header)
        ):
            return False
        self._busy[where] += 1
        self._going.add(header.message_id)
        return True


NOWHERE: Final = Places(lambda _: 0)
"""No room: everything waits until the queue gives it out."""
