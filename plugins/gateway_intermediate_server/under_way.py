"""What this connector sent of its own accord, until it hears how that ended.

The rule: only in memory. After a restart the server lists the same things again, they are sent again under the same
keys, and so are the same messages, whose end is told once more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from gateway.plugin import Accepted, Claim, Duplicate, Final, JsonValue, Outbox, Refused
from gateway.plugin.exchange import Later

_Thing = TypeVar("_Thing")
_OF_A_RELOAD = frozenset({"header_mismatch", "interface_changed", "unknown_key"})


def until_reloaded(refused: Refused) -> bool:
    """Whether the line refuses it only until edge and hub have both been reloaded."""
    return refused.code in _OF_A_RELOAD


"""By these the line refuses what was sealed under a configuration that hub or edge no longer has, or not yet."""


def of_a_reload(outcome: Final) -> bool:
    """It ended because of what was changed while it was under way; the same, sealed today, may be carried."""
    return not isinstance(outcome, Accepted | Duplicate) and outcome.code in {*_OF_A_RELOAD, "send_anew"}


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
        """Raises Refused, Deferred; Later while edge and hub have not both been reloaded."""
        said = same.encode() if same is not None else None
        async with self._known:
            try:
                receipt = await self._outbox.send(operation, [dict(record)], key=key.encode(), same=said, claims=claims)
            except Refused as refused:
                if until_reloaded(refused):
                    raise Later(refused.code) from None
                raise
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
