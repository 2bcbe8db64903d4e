"""Answers clinics: where the record system wants PMH's confirmation first, it is fetched through the hub (R12, C206).

The rule: only PMH's own word makes "no such person". While PMH has not answered, the record is deferred; and a PMH
that does not answer is waited for by one visit at a time, so that nothing else towards the record system stands still.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast
from uuid import uuid4

from gateway.plugin import (
    Accepted,
    Answer,
    Context,
    Deferred,
    DeferredRecord,
    Delivery,
    JsonValue,
    Outcome,
    Payload,
    Refused,
    RefusedRecord,
)
from gateway.plugin.exchange import Later
from gateway_vaccination_records import answers
from gateway_vaccination_records.addresses import CONFIRMATIONS, VISITS, Portion
from gateway_vaccination_records.interface.clinic import AskedVisit, FoundConfirmation
from gateway_vaccination_records.pauses import Pauses
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import RecordSystem, left

OPERATION: Final = "confirmation.fetch"
_AT_ONCE: Final = 4
"""Questions under way. What clinics want meanwhile goes together in the next."""
_SHARE: Final = 0.7  # of what is left of the deadline: the record system is to be told, and asked again
_STANDS: Final = 3600.0
"""Seconds after which an unanswered question is asked as a new one, should the answer to the first be lost."""
_AWAITED: Final = "confirmation_awaited"
_NOBODY: Final = RefusedRecord("no_such_person")
_NONE: Final = frozenset({"no_such_person", "dispute"})
"""The codes by which PMH has no such confirmation, or answers about another one."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked in one message. While it is unanswered the same is asked under its key: so it stays one message."""

    names: tuple[str, ...] = field(repr=False)
    until: float  # by the running loop's clock
    key: bytes = field(default_factory=lambda: uuid4().bytes)


class Visits:
    """The clinics' side, for one tenant. After a question that went unanswered it pauses, longer each time, and then
    one visit asks alone; what comes meanwhile is deferred at once.
    """

    def __init__(self, context: Context, settings: Settings, system: RecordSystem) -> None:
        self._context = context
        self._settings = settings
        self._system = system
        self._wanted: dict[str, asyncio.Future[Outcome]] = {}
        self._unanswered: dict[str, _Question] = {}
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._probing = False
        self.pauses = Pauses()

    async def hand_over(self, delivery: Delivery, portion: Portion, ends: float) -> dict[int, Outcome]:
        """The outcomes of a portion. Raises Later only before anything was answered."""
        outcomes, wanted = await self._ask(delivery, portion, left(ends))
        if not wanted:
            return outcomes
        names = {index: cast(AskedVisit, portion[index]).identity_confirmation for index in wanted}
        had = await self._had(dict.fromkeys(names.values()), left(ends) * _SHARE)
        outcomes |= {index: had[name] for index, name in names.items()}
        confirmed = {index: portion[index] for index in wanted if outcomes[index] == Accepted()}
        if confirmed:
            outcomes |= await self._ask_again(delivery, confirmed, ends)
        return outcomes

    async def late(self, portion: Portion, seconds: float) -> Mapping[int, Outcome]:
        """Keep the confirmations that came when nobody awaited them any more. Raises Later."""
        answer = await self._system.post(CONFIRMATIONS.path, CONFIRMATIONS.body("", portion), seconds, len(portion))
        outcomes = answers.judged(answer, portion)
        self._forget(cast(FoundConfirmation, record).identity_confirmation for record in portion.values())
        self.pauses.wake()
        return outcomes

    async def _ask(
        self, delivery: Delivery, portion: Portion, seconds: float
    ) -> tuple[dict[int, Outcome], frozenset[int]]:
        address = VISITS[delivery.operation]
        body = address.body(delivery.message_id, portion)
        answer = await self._system.post(address.path, body, seconds, len(portion), address.row_bytes)
        return answers.visited(answer, portion, cast(type[Payload], address.reply))

    async def _ask_again(self, delivery: Delivery, portion: Portion, ends: float) -> dict[int, Outcome]:
        """What is still wanted comes again."""
        try:
            outcomes, wanted = await self._ask(delivery, portion, left(ends))
        except Later as later:
            return dict.fromkeys(portion, later.outcome)
        return outcomes | dict.fromkeys(wanted, DeferredRecord(_AWAITED))

    # ---- confirmations ----------------------------------------------------------------------------------------------

    async def _had(self, names: Collection[str], seconds: float) -> Mapping[str, Outcome]:
        """Of each confirmation: Accepted if the record system has it now, else what that means for its record.

        Whoever may ask takes along all that is wanted by then, and the others hear of it.
        """
        if self._probing or not self.pauses.over():
            return dict.fromkeys(names, self._awaited())
        probes = self._probing = self.pauses.failing
        loop = asyncio.get_running_loop()
        mine = {name: self._wanted.get(name) or loop.create_future() for name in names}
        self._wanted |= mine
        ends = loop.time() + seconds
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(ends):
                    async with self._free:
                        while mine.keys() & self._wanted.keys():
                            await self._fetch(left(ends))
                    await asyncio.wait(mine.values())
        finally:
            self._probing = self._probing and not probes
            for name in [name for name, it in mine.items() if self._wanted.get(name) is it]:
                del self._wanted[name]
        return {name: it.result() if it.done() else self._awaited() for name, it in mine.items()}

    async def _fetch(self, seconds: float) -> None:
        """Ask PMH for what is wanted, a portion of it, and tell whoever wants it."""
        question = self._question()
        asked = {name: self._wanted.pop(name) for name in question.names if name in self._wanted}
        told: Mapping[str, Outcome] = {}
        try:
            told = await self._fetched(question, min(seconds, self._settings.confirmation_patience))
        finally:
            self._tell(asked, told)

    def _question(self) -> _Question:
        """The one that is unanswered about whatever was wanted first; else a new one."""
        now = asyncio.get_running_loop().time()
        self._unanswered = {name: each for name, each in self._unanswered.items() if now < each.until}
        if (known := self._unanswered.get(next(iter(self._wanted)))) is not None:
            return known
        names = [name for name in self._wanted if name not in self._unanswered]
        return _Question(tuple(names[: self._settings.rows_per_request]), now + _STANDS)

    async def _fetched(self, question: _Question, seconds: float) -> Mapping[str, Outcome]:
        """An answer may be given up awaiting: it is kept when it comes (see `late`)."""
        names = question.names
        rows: list[JsonValue] = [{"identity_confirmation": name} for name in names]
        try:
            answered = await self._context.outbox.ask(OPERATION, rows, key=question.key, patience=seconds)
        except Refused as refused:  # nothing of it is under way: it is no question any more
            self._failed(question, refused.code)
            self._forget(names)
            return {}
        except Deferred as deferred:
            self._failed(question, deferred.code, deferred.retry_after)
            return {}
        except asyncio.CancelledError:
            self._failed(question, "deadline")
            raise
        self._forget(names)
        self.pauses.wake()
        try:
            kept = await self._kept({each.index: each for each in answered if each.record is not None})
        except Later as later:
            self._context.log.warning("confirmation.awaited", operation=OPERATION, code=later.outcome.code)
            return {}
        return {names[each.index]: kept.get(each.index) or _denied(each) for each in answered}

    def _failed(self, question: _Question, code: str, retry_after: float | None = None) -> None:
        """It stands unanswered, and nobody waits for PMH now.

        That a repeat has no answer yet says nothing new of PMH, unless the probe is one.
        """
        repeated = self._unanswered.get(question.names[0]) is question
        self._unanswered |= dict.fromkeys(question.names, question)
        self._context.log.warning("confirmation.awaited", operation=OPERATION, code=code)
        if repeated and not self._probing:
            return
        if self.pauses.over():
            self.pauses.failed(retry_after)
        self._tell(self._wanted, {})
        self._wanted.clear()

    def _tell(self, asked: Mapping[str, asyncio.Future[Outcome]], told: Mapping[str, Outcome]) -> None:
        for name, future in asked.items():
            if not future.done():
                future.set_result(told.get(name) or self._awaited())

    def _awaited(self) -> Outcome:
        return DeferredRecord(_AWAITED, self.pauses.left() or None)

    def _forget(self, names: Iterable[str]) -> None:
        for name in names:
            self._unanswered.pop(name, None)

    async def _kept(self, found: Mapping[int, Answer]) -> Mapping[int, Outcome]:
        """Give them to the record system. It judges whether one allows what a clinic asks, so none is judged here."""
        if not found:
            return {}
        rows: list[dict[str, Any]] = [{"index": index, "record": each.record} for index, each in found.items()]
        answer = await self._system.post(CONFIRMATIONS.path, {"rows": rows}, self._settings.answer_timeout, len(rows))
        taken = answers.judged(answer, found)
        return {
            index: DeferredRecord(_AWAITED) if isinstance(outcome, DeferredRecord) else Accepted()
            for index, outcome in taken.items()
        }


def _denied(answer: Answer) -> Outcome:
    return _NOBODY if answer.code in _NONE else DeferredRecord(_AWAITED)
