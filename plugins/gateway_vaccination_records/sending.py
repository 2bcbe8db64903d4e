"""Sends what the record system has due of one kind: a batch becomes one event, and its outcomes go back.

The rule: it keeps nothing that a restart would miss. A batch is given again until it is ended, and its id is the
event's key: so it is the same message again, and its end is told once more.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.plugin import Accepted, Context, Deferred, Duplicate, Receipt, Refused
from gateway.plugin import Final as Ended
from gateway_vaccination_records import due
from gateway_vaccination_records.answers import Batch
from gateway_vaccination_records.pauses import Pauses
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import Later, RecordSystem

OPERATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"notice": "notice.deliver", "return": "record.return", "research": "research.register"}
)
"""By the kind of what is due."""
_MOST: Final = 200
"""Records a message: notices of full length fit into 4 MiB."""


class Sending:
    """One kind, for one tenant. One batch is under way; the next is drawn when every record of it has ended."""

    def __init__(self, context: Context, settings: Settings, system: RecordSystem, kind: str) -> None:
        self._context = context
        self._settings = settings
        self._system = system
        self._kind = kind
        self._awaited = f"{kind}.awaited"
        self._under_way: tuple[str, str] | None = None  # message id and batch
        self._known = asyncio.Lock()  # what is settled while its receipt is still on the way is known by that
        self.pauses = Pauses()

    async def run(self) -> None:
        """Send one batch, unless one is under way, none is due, or something has to wait."""
        if self._under_way is not None or not self.pauses.look():
            return
        try:
            most = min(self._settings.rows_per_request, _MOST)
            batch = await due.batch(self._system, self._settings, self._kind, most)
            if batch is None:
                self.pauses.nothing()
                return
            async with self._known:
                self._under_way = ((await self._sent(batch)).message_id, batch.id)
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
            if self._under_way is None or self._under_way[0] != message_id:
                return False
            await self._end(self._under_way[1], [_row(index, outcome) for index, outcome in sorted(outcomes.items())])
            self._under_way = None
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
        self._context.log.info(self._awaited, code=code)
        self.pauses.failed(retry_after)


def _row(index: int, outcome: Ended) -> dict[str, Any]:
    """What was refused, and what the gateway gave up on, waits for people; it is sent again if its state changes."""
    if isinstance(outcome, Accepted | Duplicate):
        return {"index": index, "status": "done"}
    return {"index": index, "status": "refused", "code": outcome.code}
