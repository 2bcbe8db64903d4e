"""Turns deliveries into requests to the record system, and its answers into an outcome per record.

The rule: it decides nothing and keeps nothing. What it cannot tell for sure is deferred, and may be handed over again
without harm, because (message id, index) goes along and the record system acts on it once.
"""

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Final, cast

from gateway.plugin import Accepted, Context, Delivery, Duplicate, Health, Outcome, RefusedRecord
from gateway.plugin import Final as Ended
from gateway.plugin.exchange import Later
from gateway_vaccination_records import answers, questions, visits
from gateway_vaccination_records.addresses import ADDRESSES, VISITS, Portion
from gateway_vaccination_records.asking import Asking
from gateway_vaccination_records.interface.resident import HandedOver
from gateway_vaccination_records.jobs import Jobs
from gateway_vaccination_records.sending import Sending
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import RecordSystem, left
from gateway_vaccination_records.visits import Visits

_SHARE: Final = 0.9  # of the delivery's deadline, so that what was answered so far is still told in time
_WAITING: Final = {
    "disputes": "disputes that wait for people",
    "refused": "records that were sent and refused",
    "notices_asleep": "notices that wait until their persons can be reached",
}


class VaccinationRecords:
    """The connector `vaccination_records`. What it sends by itself: the record system's questions (`Asking`), what is
    due there (`Sending`), and the question for a clinic's confirmation (`Visits`).
    """

    _context: Context
    _settings: Settings
    _jobs: Jobs | None = None

    async def open(self, context: Context) -> None:
        """Keep what the line gives; the first connection is made with the first delivery or question."""
        await self.close()
        self._context = context
        settings = self._settings = cast(Settings, context.settings)
        system = self._system = RecordSystem(context.session, settings)
        self._visits = Visits(context, settings, system)
        self._keys = Asking(context, questions.KeyQuestion(system, settings))
        self._id5 = Asking(context, questions.Id5Question(system, settings))
        self._sendings = [Sending(context, settings, system, kind) for kind in settings.send]
        asks = [asking for asking, asked in ((self._keys, settings.ask_keys), (self._id5, settings.ask_id5)) if asked]
        self._jobs = Jobs([*asks, *self._sendings])

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Hand the records over in portions, within the deadline. After a failed portion the rest is deferred."""
        ends = asyncio.get_running_loop().time() + delivery.deadline * _SHARE
        outcomes: dict[int, Outcome] = {}
        records = iter(delivery.records)
        while portion := dict(islice(records, self._at_a_time(delivery.operation))):
            try:
                outcomes |= await self._hand_over(delivery, portion, ends)
            except Later as later:
                told = {"operation": delivery.operation, "message_id": delivery.message_id}
                self._context.log.warning("delivery.deferred", code=later.outcome.code, **told)
                untried = dict.fromkeys([*portion, *(index for index, _ in records)], later.outcome)
                return outcomes | untried
        return outcomes

    async def poll(self) -> None:
        """Ask what the record system wants asked, and send what it has due."""
        if self._jobs is not None:
            await self._jobs.run()

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> None:
        """What was sent has ended; or a question that was given up awaiting: its answers can be had now."""
        for sending in self._sendings:
            if await sending.settled(message_id, outcomes):
                return
        sendings = (sending.pauses for sending in self._sendings)
        for pauses in (self._keys.pauses, self._id5.pauses, self._visits.pauses, *sendings):
            pauses.wake()

    async def health(self) -> Health:
        """Ask the record system whether our area can be written now, and what waits there for people."""
        try:
            answer = await self._system.get("/v1/health", self._settings.connect_timeout)
            waiting = answers.waiting(answer)
        except Later as later:
            return Health(ok=False, detail=f"the record system does not serve us: {later.outcome.code}")
        return Health(ok=True, detail="; ".join(["the record system answers", *_told(waiting)]))

    async def close(self) -> None:
        """End what is under way; the session belongs to the line."""
        if self._jobs is not None:
            await self._jobs.close()

    def _at_a_time(self, operation: str) -> int:
        address = ADDRESSES.get(operation) or VISITS.get(operation)
        return min(self._settings.rows_per_request, address.most if address else self._settings.rows_per_request)

    async def _hand_over(self, delivery: Delivery, portion: Portion, ends: float) -> Mapping[int, Outcome]:
        if delivery.reply_to is not None:
            return await self._late(delivery.operation, portion, left(ends))
        if delivery.operation in VISITS:
            return await self._visits.hand_over(delivery, portion, ends)
        return await self._ask(delivery, portion, left(ends))

    async def _late(self, operation: str, portion: Portion, seconds: float) -> Mapping[int, Outcome]:
        """Answers that came when nobody awaited them any more."""
        late = {
            questions.KeyQuestion.operation: self._keys.late,
            questions.Id5Question.operation: self._id5.late,
            visits.OPERATION: self._visits.late,
        }
        return await late[operation](portion, seconds)

    async def _ask(self, delivery: Delivery, portion: Portion, seconds: float) -> Mapping[int, Outcome]:
        address = ADDRESSES[delivery.operation]
        body = address.body(delivery.message_id, portion)
        answer = await self._system.post(address.path, body, seconds, len(portion), address.row_bytes)
        if address.reply is not None:
            return answers.answered(answer, portion, address.reply)
        self._keys.pauses.something()
        outcomes = answers.judged(answer, portion)
        if disputes := sum(each == RefusedRecord("dispute") for each in outcomes.values()):
            self._context.log.warning("links.dispute", code="dispute", count=disputes)
        return {index: _linked(portion[index], outcome) for index, outcome in outcomes.items()}


def _linked(record: object, outcome: Outcome) -> Outcome:
    """A hand-over is a request: what is linked, now or before, is answered by its pseudonym."""
    if isinstance(record, HandedOver) and isinstance(outcome, Accepted | Duplicate):
        return Accepted(reply={"pmh_pseudonym_id": record.pmh_pseudonym_id})
    return outcome


def _told(waiting: Mapping[str, int]) -> list[str]:
    return [f"{_WAITING[what]}: {count}" for what, count in waiting.items() if count]
