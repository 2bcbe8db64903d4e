"""Asks what the record system wants to know: a batch from it becomes one request into the line, its answers go back.

The rule: it keeps nothing. The record system gives the same batches until they are answered, and a batch's id is the
request's key, so that whatever dies on either side, a person is asked about once and the answer is found again (C167).
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Protocol

from gateway.plugin import Accepted, Answer, Context, Deferred, DeferredRecord, Outcome, Payload, Refused, RefusedRecord
from gateway.plugin.exchange import Later
from gateway_vaccination_records.answers import Batch
from gateway_vaccination_records.pauses import Pauses

_ENDS: Final[Mapping[str, Outcome]] = {
    "stored": Accepted(),
    "kept": Accepted(),
    "later": DeferredRecord("system_busy"),
}


class Question(Protocol):
    """What is asked: `about` in telemetry, by which operation, and by which field an answer says what it is for.

    `at_once` batches may be under way: while one is answered through the line, the other is drawn or stored.
    """

    about: str
    operation: str
    named_by: str
    at_once: int

    async def draw(self, besides: Iterable[str]) -> Batch | None:
        """A batch that is none of these; None if none is due. Raises Later."""
        ...

    async def give(self, batch: str | None, answered: Sequence[Answer], seconds: float | None) -> Mapping[int, str]:
        """Give the answers back; what the record system says of each. Without a batch they came late. Raises Later."""
        ...


class Asking:
    """One question, again and again, for one tenant. After a failure it pauses, longer each time, and then tries one
    batch alone.
    """

    def __init__(self, context: Context, question: Question) -> None:
        self._context = context
        self._question = question
        self._awaited, self._dispute = f"{question.about}.awaited", f"{question.about}.dispute"
        self._most = 1
        self.pauses = Pauses()

    async def run(self) -> None:
        """Ask for one batch after the other until none is due, or until something has to wait."""
        if not self.pauses.look():
            return
        under_way: dict[asyncio.Task[None], str] = {}
        async with asyncio.TaskGroup() as group:
            while self.pauses.over():
                batch = await self._drawn(under_way.values())
                if batch is not None:
                    under_way[group.create_task(self._settle(batch))] = batch.id
                if not under_way:
                    self.pauses.nothing()
                    return
                if batch is None or len(under_way) >= self._most:
                    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                under_way = {task: each for task, each in under_way.items() if not task.done()}

    async def late(self, portion: Mapping[int, Payload], seconds: float) -> Mapping[int, Outcome]:
        """Keep the answers that came when nobody awaited them any more. Raises Later."""
        answered = [Answer(index, record=record.model_dump()) for index, record in portion.items()]
        dispute = RefusedRecord("dispute", self._question.named_by)
        return {index: _ENDS.get(said, dispute) for index, said in (await self._give(None, answered, seconds)).items()}

    def _wait(self, code: str, retry_after: float | None) -> None:
        self._context.log.info(self._awaited, operation=self._question.operation, code=code)
        self._most = 1
        self.pauses.failed(retry_after)

    async def _drawn(self, besides: Collection[str]) -> Batch | None:
        """None if none is due, or if we have to wait."""
        try:
            batch = await self._question.draw(besides)
        except Later as later:
            self._wait(later.outcome.code, later.outcome.retry_after)
            return None
        if batch is None and not besides:  # the record system has answered, and nothing waits for anybody else
            self.pauses.succeeded()
        return batch

    async def _settle(self, batch: Batch) -> None:
        """Ask what a batch wants and have the answers kept; else it is still under way, and given again."""
        try:
            await self._ask(batch)
        except Later as later:
            self._wait(later.outcome.code, later.outcome.retry_after)
        except Deferred as deferred:
            self._wait(deferred.code, deferred.retry_after)
        else:
            self.pauses.succeeded()
            self._most = self._question.at_once

    async def _ask(self, batch: Batch) -> None:
        """Raises Later or Deferred."""
        records = [dict(record) for record in batch.records]
        try:
            answered = await self._context.outbox.ask(self._question.operation, records, key=batch.id.encode())
        except Refused as refused:  # nothing of it is under way: the record system wants it in a batch to come
            await self._give(batch.id, [Answer(index, code=refused.code) for index, _ in enumerate(records)], None)
            raise Later(refused.code) from None
        await self._give(batch.id, answered, None)

    async def _give(self, batch: str | None, answered: Sequence[Answer], seconds: float | None) -> Mapping[int, str]:
        said = await self._question.give(batch, answered, seconds)
        if disputes := sum(each == "dispute" for each in said.values()):
            self._context.log.warning(self._dispute, code="dispute", count=disputes)
        return said
