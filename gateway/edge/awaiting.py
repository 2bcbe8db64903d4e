"""Somebody who awaits the reply to one request: the reply's records and the request's outcomes meet here.

The two come over the link one after the other, in either order; together they answer each record of the request.
"""

import asyncio
from collections.abc import Mapping

from pydantic import JsonValue

from gateway.messages import Ending, RecordOutcome
from gateway.plugin.connector import Accepted, Answer, Delivery, Final, Health, Outcome


class Awaiting:
    """It takes the reply's records as a connector would; `answers` is done when all that was promised is here."""

    def __init__(self) -> None:
        self.answers: asyncio.Future[tuple[Answer, ...]] = asyncio.get_running_loop().create_future()
        self._records: dict[int, Mapping[str, JsonValue]] = {}
        self._refused: dict[int, str] = {}
        self._outcomes: tuple[RecordOutcome, ...] | None = None

    async def open(self, context: object) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def settled(self, message_id: str, outcomes: Mapping[int, Final]) -> None:
        """A reply has no settlement."""

    async def health(self) -> Health:
        """Always well."""
        return Health(ok=True, detail="")

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """The reply's records, as its interface admitted them."""
        self._records |= {index: record.model_dump(exclude_none=True) for index, record in delivery.records}
        return {index: Accepted() for index, _ in delivery.records}

    def replied(self, handed: tuple[RecordOutcome, ...]) -> None:
        """The reply came; what of it this edge refused is answered with the code."""
        self._refused |= {each.index: each.code or "internal" for each in handed if each.ending is Ending.REFUSED}
        self._answer()

    @property
    def replied_to(self) -> bool:
        """Whether the reply has come."""
        return bool(self._records or self._refused)

    def settle(self, outcomes: tuple[RecordOutcome, ...]) -> None:
        """The request's outcomes are in; its reply may still be on the way."""
        self._outcomes = outcomes
        self._answer()

    def _answer(self) -> None:
        if self._outcomes is None or self.answers.done():
            return
        promised = {each.index for each in self._outcomes if each.ending is Ending.ACCEPTED}
        if promised <= self._records.keys() | self._refused.keys():
            ordered = sorted(self._outcomes, key=lambda each: each.index)
            self.answers.set_result(tuple(self._one(each) for each in ordered))

    def _one(self, outcome: RecordOutcome) -> Answer:
        if outcome.index in self._records:
            return Answer(outcome.index, record=self._records[outcome.index])
        return Answer(outcome.index, code=outcome.code or self._refused.get(outcome.index, "internal"))
