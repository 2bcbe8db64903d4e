"""What this connector sent of its own accord, until it hears how that ended.

The rule: only in memory. After a restart the server lists the same things again, they are sent again under the same
keys, and so are the same messages, whose end is told once more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from gateway.plugin import Claim, Final, JsonValue, Outbox, Refused

_Thing = TypeVar("_Thing")


class UnderWay(Generic[_Thing]):
    """Things of one kind, one record each. `ended` is told what became of each, and may raise to be told again."""

    def __init__(self, outbox: Outbox, ended: Callable[[_Thing, Final], Awaitable[None]]) -> None:
        self._outbox = outbox
        self._ended = ended
        self._things: dict[str, _Thing] = {}
        self._messages: dict[_Thing, str] = {}
        self._known = asyncio.Lock()  # what is settled while its receipt is still on the way is known by that

    def __contains__(self, thing: _Thing) -> bool:
        return thing in self._messages

    def message(self, thing: _Thing) -> str | None:
        """The message that it is under way in: for an operator, who may not be told the thing's own number."""
        return self._messages.get(thing)

    async def send(
        self,
        thing: _Thing,
        operation: str,
        record: Mapping[str, JsonValue],
        *,
        key: str,
        same: str | None = None,
        claims: Sequence[Claim] = (),
    ) -> None:
        """Raises Refused, Deferred."""
        said = same.encode() if same is not None else None
        async with self._known:
            receipt = await self._outbox.send(operation, [dict(record)], key=key.encode(), same=said, claims=claims)
            self._things[receipt.message_id] = thing
            self._messages[thing] = receipt.message_id

    async def settled(self, message_id: str, outcomes: Mapping[int, Final]) -> None:
        """Passes over what is none of these. Raises what `ended` raises; what is Refused is not told again."""
        async with self._known:
            thing = self._things.get(message_id)
            if thing is None:
                return
            try:
                await self._ended(thing, outcomes[0])
            except Refused:
                self._forget(message_id)
                raise
            self._forget(message_id)

    def _forget(self, message_id: str) -> None:
        thing = self._things.pop(message_id)
        if self._messages[thing] == message_id:
            del self._messages[thing]
