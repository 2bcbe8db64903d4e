"""Answers clinics: where the record system wants PMH's confirmation first, it is fetched through the hub (R12, C206).

The rule: only PMH's own word makes "no such person". While PMH has not answered, the record is deferred.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Final, cast

from gateway.plugin import (
    Accepted,
    Answer,
    Context,
    Deferred,
    DeferredRecord,
    Delivery,
    Outcome,
    Payload,
    Refused,
    RefusedRecord,
)
from gateway_vaccination_records import answers
from gateway_vaccination_records.addresses import CONFIRMATIONS, VISITS, Portion
from gateway_vaccination_records.interface.clinic import AskedVisit
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import Later, RecordSystem, left

OPERATION: Final = "confirmation.fetch"
_AT_ONCE: Final = 4
"""Questions under way. What clinics want meanwhile goes together in the next."""
_SHARE: Final = 0.7  # of what is left of the deadline: the record system is to be told, and asked again
_AWAITED: Final = DeferredRecord("confirmation_awaited")
_NOBODY: Final = RefusedRecord("no_such_person")
_NONE: Final = frozenset({"no_such_person", "dispute"})
"""The codes by which PMH has no such confirmation, or answers about another one."""


class Visits:
    """The clinics' side, for one tenant."""

    def __init__(self, context: Context, settings: Settings, system: RecordSystem) -> None:
        self._context = context
        self._settings = settings
        self._system = system
        self._wanted: dict[str, asyncio.Future[Outcome]] = {}
        self._free = asyncio.Semaphore(_AT_ONCE)

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
        return answers.judged(answer, portion)

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
        return outcomes | dict.fromkeys(wanted, _AWAITED)

    # ---- confirmations ----------------------------------------------------------------------------------------------

    async def _had(self, names: Collection[str], seconds: float) -> Mapping[str, Outcome]:
        """Of each confirmation: Accepted if the record system has it now, else what that means for its record.

        Whoever may ask takes along all that is wanted by then, and the others hear of it.
        """
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
            for name in [name for name, it in mine.items() if self._wanted.get(name) is it]:
                del self._wanted[name]
        return {name: it.result() if it.done() else _AWAITED for name, it in mine.items()}

    async def _fetch(self, seconds: float) -> None:
        """Ask PMH for what is wanted, a portion of it, and tell whoever wants it."""
        asked = {name: self._wanted.pop(name) for name in list(self._wanted)[: self._settings.rows_per_request]}
        told: Mapping[str, Outcome] = {}
        try:
            if asked:
                told = await self._fetched(list(asked), seconds)
        finally:
            for name, future in asked.items():
                if not future.done():
                    future.set_result(told.get(name, _AWAITED))

    async def _fetched(self, names: list[str], seconds: float) -> Mapping[str, Outcome]:
        """An answer may be given up awaiting: it is kept when it comes (see `late`)."""
        try:
            answered = await self._context.outbox.ask(
                OPERATION, [{"identity_confirmation": name} for name in names], patience=seconds
            )
            kept = await self._kept({each.index: each for each in answered if each.record is not None})
        except Later as later:
            code = later.outcome.code
        except (Refused, Deferred) as error:
            code = error.code
        else:
            return {names[each.index]: kept.get(each.index) or _denied(each) for each in answered}
        self._context.log.warning("confirmation.awaited", code=code)
        return {}

    async def _kept(self, found: Mapping[int, Answer]) -> Mapping[int, Outcome]:
        """Give them to the record system. It judges whether one allows what a clinic asks, so none is judged here."""
        if not found:
            return {}
        rows: list[dict[str, Any]] = [{"index": index, "record": each.record} for index, each in found.items()]
        answer = await self._system.post(CONFIRMATIONS.path, {"rows": rows}, self._settings.answer_timeout, len(rows))
        taken = answers.judged(answer, found)
        return {
            index: _AWAITED if isinstance(outcome, DeferredRecord) else Accepted() for index, outcome in taken.items()
        }


def _denied(answer: Answer) -> Outcome:
    return _NOBODY if answer.code in _NONE else _AWAITED
