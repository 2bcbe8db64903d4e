"""A line as a connector knows it, with a system behind it that is a function of one's own."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

from gateway.plugin import (
    Accepted,
    Answer,
    Context,
    Deferred,
    Delivery,
    Final,
    JsonValue,
    Outbox,
    Payload,
    Receipt,
    Refused,
)
from gateway_vaccination_records.connector import VaccinationRecords
from gateway_vaccination_records.interface import INTERFACE
from tests.plugins.vaccination_records.running import Site
from tests.plugins.vaccination_records.subjects import CITY, message_id
from tests.plugins.vaccination_records.test_connector import Said, connected

_OPERATIONS = {operation.name: operation for operation in INTERFACE.operations}


class Line:
    """The same key is the same message. `sent` holds each message once, `questions` every question.

    `answer` answers one record of a question: a record, a code, or an error to raise for all of it. `fails` is raised
    by the next `send`.
    """

    def __init__(self, answer: Callable[[dict[str, Any]], Any] = lambda _: "no_such_person") -> None:
        self.answer = answer
        self.questions: list[tuple[str, list[dict[str, Any]]]] = []
        self.sent: dict[bytes, tuple[str, list[dict[str, Any]]]] = {}
        self.receipts: list[Receipt] = []
        self.fails: list[Exception] = []

    async def send(self, operation: str, records: Sequence[Any], *, key: bytes) -> Receipt:
        if self.fails:
            raise self.fails.pop()
        model = _OPERATIONS[operation].payload
        for record in records:
            assert model.model_validate(record).model_dump(exclude_none=True) == record
        repeated = key in self.sent
        assert self.sent.setdefault(key, (operation, list(records))) == (operation, list(records))
        self.receipts.append(Receipt(message_id(7000 + list(self.sent).index(key)), repeated))
        return self.receipts[-1]

    async def ask(
        self, operation: str, records: Sequence[Any], *, key: bytes | None = None, patience: float = 10.0
    ) -> tuple[Answer, ...]:
        self.questions.append((operation, list(records)))
        return tuple(_answered(index, self.answer(record)) for index, record in enumerate(records))

    def heard(self) -> list[dict[str, Any]]:
        """Every record that was sent, in the order of the messages."""
        return [record for _, records in self.sent.values() for record in records]


def _answered(index: int, told: Any) -> Answer:
    if isinstance(told, Refused | Deferred):
        raise told
    return Answer(index, code=told) if isinstance(told, str) else Answer(index, record=told)


@asynccontextmanager
async def at_work(site: Site, url: str, line: Any, **changes: Any) -> AsyncIterator[tuple[VaccinationRecords, Said]]:
    """The connector between a record system and that line."""
    said = Said()
    async with connected(site, url, **changes) as connector:
        context = connector._context
        await connector.open(
            Context(CITY, connector._settings, cast(Outbox, line), context.session, said, lambda: datetime.now(UTC))
        )
        yield connector, said


def delivery(operation: str, *records: Mapping[str, JsonValue], serial: int = 1, deadline: float = 60.0) -> Delivery:
    """What the line hands over."""
    return Delivery(message_id(serial), operation, _payloads(_OPERATIONS[operation].payload, records), deadline)


def late(operation: str, *records: Mapping[str, JsonValue]) -> Delivery:
    """A reply that nobody awaits any more."""
    reply = _OPERATIONS[operation].reply
    assert reply is not None
    return Delivery(message_id(9001), operation, _payloads(reply, records), 60.0, reply_to=message_id(9000))


def accepted(records: Sequence[Any]) -> dict[int, Final]:
    """All of them."""
    return dict.fromkeys(range(len(records)), Accepted())


def _payloads(model: type[Payload], records: Sequence[Mapping[str, JsonValue]]) -> tuple[tuple[int, Payload], ...]:
    return tuple((index, model.model_validate(record)) for index, record in enumerate(records))
