"""Asks for PMH keys: a batch of numbers from the record system becomes one request into the line, its answers go back.

The rule: it keeps nothing. The record system gives the same batch until it is answered, and a batch's id is the
request's key, so that whatever dies on either side, a number is asked once and its answer is found again (C167).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.plugin import Answer, Context, Deferred, JsonValue, Outcome, Payload, Refused
from gateway_vaccination_records import answers
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import Later, RecordSystem

OPERATION: Final = "pmh_key.issue"
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


class Asking:
    """The asking side of key issuing (F43, F44), for one tenant. After a failure it pauses, longer each time."""

    def __init__(self, context: Context, settings: Settings, system: RecordSystem) -> None:
        self._context = context
        self._settings = settings
        self._system = system
        self._pause = 0.0
        self._not_before = 0.0

    def wake(self) -> None:
        """Something has ended: no need to pause any longer."""
        self._pause = self._not_before = 0.0

    async def ask(self) -> None:
        """Ask for one batch after the other until none is due, or until something has to wait."""
        if asyncio.get_running_loop().time() < self._not_before:
            return
        try:
            while await self._one_batch():
                self.wake()
        except Later as later:
            self._wait(later.outcome.code, later.outcome.retry_after)
        except Deferred as deferred:
            self._wait(deferred.code, deferred.retry_after)

    async def late(self, portion: Mapping[int, Payload], seconds: float) -> Mapping[int, Outcome]:
        """Keep the answers that came when nobody awaited them any more. Raises Later."""
        rows = [{"index": index, **record.model_dump()} for index, record in portion.items()]
        return answers.late(await self._answer(None, rows, seconds))

    def _wait(self, code: str, retry_after: float | None) -> None:
        self._context.log.info("keys.awaited", code=code)
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._not_before = asyncio.get_running_loop().time() + max(retry_after or 0.0, self._pause)

    async def _one_batch(self) -> bool:
        """Whether there was one. Raises Later or Deferred: then it is still under way, and given again."""
        most = self._settings.rows_per_request
        answer = await self._system.post("/v1/key-batch", {"most": most}, self._settings.answer_timeout, most)
        batch = answers.key_batch(answer)
        if batch.batch is None:
            return False
        records: list[JsonValue] = [{"individual_number": row.individual_number} for row in batch.rows]
        try:
            answered = await self._context.outbox.ask(OPERATION, records, key=batch.batch.encode())
        except Refused as refused:  # nothing of it is under way: the record system wants them in a batch to come
            rows = [{"index": row.index, "code": refused.code} for row in batch.rows]
            await self._answer(batch.batch, rows, self._settings.answer_timeout)
            raise Later(refused.code) from None
        await self._answer(batch.batch, [_row(each) for each in answered], self._settings.answer_timeout)
        return True

    async def _answer(self, batch: str | None, rows: Sequence[Mapping[str, Any]], seconds: float) -> dict[int, str]:
        """What the record system says of each row. Raises Later."""
        body = {"batch": batch, "rows": rows}
        answer = await self._system.post("/v1/key-answers", body, seconds, len(rows))
        said = answers.key_answers(answer, [row["index"] for row in rows])
        if disputes := sum(each == "dispute" for each in said.values()):
            self._context.log.warning("keys.dispute", code="dispute", count=disputes)
        return said


def _row(answer: Answer) -> dict[str, Any]:
    told = {"code": answer.code} if answer.record is None else answer.record
    return {"index": answer.index, **told}
