"""Sends what the record system has due of one kind: a batch becomes one event, and its outcomes go back.

The rule: it keeps nothing that a restart would miss. A batch is given again until it is ended, and its id is the
event's key: so it is the same message again, and its end is told once more. Only the destination's own refusal is for
good: what the gateway gave up on is sent again.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.plugin import Accepted, Context, Dead, Deferred, Duplicate, Receipt, Refused
from gateway.plugin import Final as Ended
from gateway.plugin.exchange import Later
from gateway_vaccination_records import due
from gateway_vaccination_records.answers import Batch
from gateway_vaccination_records.pauses import Pauses
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import RecordSystem

OPERATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"notice": "notice.deliver", "return": "record.return", "research": "research.register"}
)
"""By the kind of what is due."""
_MOST: Final = 200
"""Records a message: notices of full length fit into 4 MiB."""
_OF_THE_LINE: Final = frozenset(
    {"header_mismatch", "unknown_key", "bad_signature", "basis_not_in_force", "interface_changed"}
)
"""By these the destination's edge refuses a message whole, until an operator has changed something."""
_AT_ONCE: Final = 4
"""Batches under way: a batch ends with the last of its records, and one that stays busy is not to stop its kind."""


class Sending:
    """One kind, for one tenant. A few batches are under way; each ends when every record of it has ended."""

    def __init__(self, context: Context, settings: Settings, system: RecordSystem, kind: str) -> None:
        self._context = context
        self._settings = settings
        self._system = system
        self._kind = kind
        self._awaited = f"{kind}.awaited"
        self._under_way: dict[str, str] = {}  # batch by message id
        self._known = asyncio.Lock()  # what is settled while its receipt is still on the way is known by that
        self.pauses = Pauses()

    async def run(self) -> None:
        """Send batches until a few are under way, none is due, or something has to wait."""
        for _ in range(_AT_ONCE - len(self._under_way)):
            if not self.pauses.look():
                return
            await self._one()

    async def _one(self) -> None:
        try:
            most = min(self._settings.rows_per_request, _MOST)
            batch = await due.batch(self._system, self._settings, self._kind, most, self._under_way.values())
            if batch is None:
                self.pauses.succeeded()
                self.pauses.nothing()
                return
            async with self._known:
                self._under_way[(await self._sent(batch)).message_id] = batch.id
        except Later as later:
            self._wait(later.outcome.code, later.outcome.retry_after)
        except Deferred as deferred:
            self._wait(deferred.code, deferred.retry_after)
        else:
            self.pauses.succeeded()

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> bool:
        """Tell the record system how the batch ended; False if the message is none of ours. Raises Deferred.

        After a restart it is not known yet whose it is: then the batch is drawn and sent again, and settled again.
        """
        async with self._known:
            batch = self._under_way.get(message_id)
            if batch is None:
                return False
            await self._end(batch, [_row(index, outcome) for index, outcome in sorted(outcomes.items())])
            del self._under_way[message_id]
        self.pauses.something()
        return True

    async def _sent(self, batch: Batch) -> Receipt:
        """Raises Later or Deferred."""
        records = [dict(record) for record in batch.records]
        try:
            return await self._context.outbox.send(OPERATIONS[self._kind], records, key=batch.id.encode())
        except Refused as refused:  # nothing of it is under way: it is due again in a batch to come
            rows = [{"index": index, "status": "again", "code": refused.code} for index, _ in enumerate(records)]
            await due.end(self._system, self._kind, batch.id, rows, self._settings.answer_timeout)
            raise Later(refused.code) from None

    async def _end(self, batch: str, rows: list[dict[str, Any]]) -> None:
        try:
            await due.end(self._system, self._kind, batch, rows, self._settings.answer_timeout)
        except Later as later:
            raise Deferred(later.outcome.code, later.outcome.retry_after) from None

    def _wait(self, code: str, retry_after: float | None) -> None:
        self._context.log.info(self._awaited, operation=OPERATIONS[self._kind], code=code)
        self.pauses.failed(retry_after)


def _row(index: int, outcome: Ended) -> dict[str, Any]:
    """What was refused waits for people, and is sent again if its state changes."""
    if isinstance(outcome, Accepted | Duplicate):
        return {"index": index, "status": "done"}
    again = isinstance(outcome, Dead) or outcome.code in _OF_THE_LINE
    return {"index": index, "status": "again" if again else "refused", "code": outcome.code}
