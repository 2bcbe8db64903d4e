"""Asks for PMH keys: a batch of numbers from the record system becomes one request into the line, its answers go back.

The rule: it keeps nothing. The record system gives the same batches until they are answered, and a batch's id is the
request's key, so that whatever dies on either side, a number is asked once and its answer is found again (C167).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.plugin import Answer, Context, Deferred, JsonValue, Outcome, Payload, Refused
from gateway_vaccination_records import answers
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import Later, RecordSystem

OPERATION: Final = "pmh_key.issue"
_AT_ONCE: Final = 2
"""Batches under way: while one is answered through the line, the other is drawn or stored."""
_LOOK_AGAIN: Final = 1.0
"""Seconds, when no key is wanted and nothing is stored that might want one."""
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


class Asking:
    """The asking side of key issuing (F43, F44), for one tenant. After a failure it pauses, longer each time, and then
    tries one batch alone.
    """

    def __init__(self, context: Context, settings: Settings, system: RecordSystem) -> None:
        self._context = context
        self._settings = settings
        self._system = system
        self._most = 1
        self._pause = 0.0
        self._not_before = 0.0
        self._look_at = 0.0

    def wake(self) -> None:
        """Something has ended: no need to pause any longer."""
        self._pause = self._not_before = self._look_at = 0.0

    def stored(self) -> None:
        """The record system has new states: their numbers may want a key."""
        self._look_at = 0.0

    async def ask(self) -> None:
        """Ask for one batch after the other until none is due, or until something has to wait."""
        if self._now() < self._look_at:
            return
        under_way: dict[asyncio.Task[None], str] = {}
        async with asyncio.TaskGroup() as group:
            while self._now() >= self._not_before:
                batch, numbers = await self._drawn(under_way.values())
                if batch is not None:
                    under_way[group.create_task(self._settle(batch, numbers))] = batch
                if not under_way:
                    self._look_at = self._now() + _LOOK_AGAIN
                    return
                if batch is None or len(under_way) >= self._most:
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                under_way = {task: each for task, each in under_way.items() if not task.done()}

    async def late(self, portion: Mapping[int, Payload], seconds: float) -> Mapping[int, Outcome]:
        """Keep the answers that came when nobody awaited them any more. Raises Later."""
        rows = [{"index": index, **record.model_dump()} for index, record in portion.items()]
        return answers.late(await self._answer(None, rows, seconds))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _wait(self, code: str, retry_after: float | None) -> None:
        self._context.log.info("keys.awaited", code=code)
        self._most = 1
        self._pause = min(max(self._pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._not_before = self._now() + max(retry_after or 0.0, self._pause)

    async def _drawn(self, besides: Iterable[str]) -> tuple[str | None, list[str]]:
        """A batch that is none of these, and its numbers; None if none is due, or if we have to wait."""
        most = self._settings.rows_per_request
        body = {"most": most, "besides": list(besides)}
        try:
            answer = await self._system.post("/v1/key-batch", body, self._settings.answer_timeout, most)
            return answers.key_batch(answer)
        except Later as later:
            self._wait(later.outcome.code, later.outcome.retry_after)
            return None, []

    async def _settle(self, batch: str, numbers: Sequence[str]) -> None:
        """Ask for the keys of a batch and have them kept; else it is still under way, and given again."""
        try:
            await self._ask(batch, numbers)
        except Later as later:
            self._wait(later.outcome.code, later.outcome.retry_after)
        except Deferred as deferred:
            self._wait(deferred.code, deferred.retry_after)
        else:
            self._pause, self._most = 0.0, _AT_ONCE

    async def _ask(self, batch: str, numbers: Sequence[str]) -> None:
        """Raises Later or Deferred."""
        records: list[JsonValue] = [{"individual_number": number} for number in numbers]
        try:
            answered = await self._context.outbox.ask(OPERATION, records, key=batch.encode())
        except Refused as refused:  # nothing of it is under way: the record system wants them in a batch to come
            rows = [{"index": index, "code": refused.code} for index, _ in enumerate(numbers)]
            await self._answer(batch, rows, self._settings.answer_timeout)
            raise Later(refused.code) from None
        await self._answer(batch, [_row(each) for each in answered], self._settings.answer_timeout)

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
