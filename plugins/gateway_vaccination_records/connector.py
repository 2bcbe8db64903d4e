"""Turns deliveries into requests to the record system, and its answers into an outcome per record.

The rule: it decides nothing and keeps nothing. What it cannot tell for sure is deferred, and may be handed over again
without harm, because (message id, index) goes along and the record system acts on it once.
"""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Final, TypeAlias, cast

from gateway.plugin import Context, Delivery, Health, Outcome, Payload
from gateway.plugin import Final as Ended
from gateway_vaccination_records import answers
from gateway_vaccination_records.asking import Asking
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import Later, RecordSystem, left

_OPERATIONS: Final = {"subject.register": "register", "subject.delete": "delete"}
_SHARE: Final = 0.9  # of the delivery's deadline, so that what was answered so far is still told in time
_Records: TypeAlias = Mapping[int, Payload]


class VaccinationRecords:
    """The connector `vaccination_records`. The one thing that it sends is the question for PMH keys (see `Asking`)."""

    _context: Context
    _settings: Settings

    async def open(self, context: Context) -> None:
        """Keep what the line gives; the first connection is made with the first delivery or question."""
        self._context = context
        self._settings = cast(Settings, context.settings)
        self._system = RecordSystem(context.session, self._settings)
        self._asking = Asking(context, self._settings, self._system)

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Hand the records over in portions, within the deadline. After a failed portion the rest is deferred."""
        ends = asyncio.get_running_loop().time() + delivery.deadline * _SHARE
        outcomes: dict[int, Outcome] = {}
        records = iter(delivery.records)
        while portion := dict(islice(records, self._settings.rows_per_request)):
            try:
                outcomes |= await self._hand_over(delivery, portion, ends)
            except Later as later:
                self._context.log.warning("delivery.deferred", code=later.outcome.code)
                untried = dict.fromkeys([*portion, *(index for index, _ in records)], later.outcome)
                return outcomes | untried
        return outcomes

    async def poll(self) -> None:
        """Ask for the PMH keys that the record system wants."""
        if self._settings.ask_keys:
            await self._asking.ask()

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> None:
        """A question for keys has ended that was given up awaiting: its answers can be had now."""
        self._asking.wake()

    async def health(self) -> Health:
        """Ask the record system whether our area can be written now, and whether people have to look at disputes."""
        try:
            answer = await self._system.get("/v1/health", self._settings.connect_timeout)
            waiting = answers.disputes(answer) if self._settings.ask_keys else 0
        except Later as later:
            return Health(ok=False, detail=f"the record system does not serve us: {later.outcome.code}")
        return Health(ok=True, detail=f"the record system answers{_disputed(waiting)}")

    async def close(self) -> None:
        """Nothing to close: the session belongs to the line."""

    async def _hand_over(self, delivery: Delivery, portion: _Records, ends: float) -> Mapping[int, Outcome]:
        if delivery.reply_to is not None:
            return await self._asking.late(portion, left(ends))
        if delivery.operation == "subject.lookup":
            return await self._lookup(portion, ends)
        return await self._store(delivery, portion, ends)

    async def _store(self, delivery: Delivery, portion: _Records, ends: float) -> dict[int, Outcome]:
        operation = _OPERATIONS[delivery.operation]
        rows = [{"index": index, "operation": operation, "record": record} for index, record in portion.items()]
        body = {"message_id": delivery.message_id, "rows": rows}
        answer = await self._system.post("/v1/subjects", body, left(ends), len(rows))
        self._asking.stored()
        return answers.stored(answer, portion)

    async def _lookup(self, portion: _Records, ends: float) -> dict[int, Outcome]:
        rows = [{"index": index, **record.model_dump(exclude_none=True)} for index, record in portion.items()]
        answer = await self._system.post("/v1/subjects/lookup", {"rows": rows}, left(ends), len(rows))
        return answers.looked_up(answer, portion)


def _disputed(waiting: int) -> str:
    return f"; disputes about PMH keys that wait for people: {waiting}" if waiting else ""
