"""A scene: the connector meets its system, with what stands between, and a line.

The rule: whatever the connector does that its contract does not allow becomes `Broken`, told without a value.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final, TypeVar

import aiohttp
from pydantic import BaseModel, JsonValue

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.plugin.connector import (
    Connector,
    Context,
    DeferredRecord,
    Delivery,
    Outcome,
    RefusedRecord,
)
from gateway.plugin.contract import ContractOperation
from gateway.plugin.payload import Payload
from gateway.plugin.testing.answered import sound
from gateway.plugin.testing.between import Between
from gateway.plugin.testing.called import SLACK, contracted, together, until
from gateway.plugin.testing.candidate import Candidate
from gateway.plugin.testing.line import Line, message_id, within
from gateway.plugin.testing.place import Place, client_tls
from gateway.plugin.testing.subject import Subject
from gateway.plugin.testing.verdict import Broken, Inapplicable

DEADLINE: Final = 5.0
"""Of a delivery, in seconds, where a rule wants no other."""
POLL_WITHIN: Final = 30.0
_TENANT: Final = "999997"
_INDICES: Final = (0, 2, *range(5, 200))
"""Not in a row, so that an index is not taken for a place."""
_T = TypeVar("_T")


@dataclass(slots=True)
class Standing:
    """A stand-in at work in a folder of its own. It has met nobody of `numbers`, and no message of `messages`, yet."""

    subject: Subject
    place: Place
    address: str | None
    numbers: "count[int]" = field(default_factory=lambda: count(1))
    messages: "count[int]" = field(default_factory=lambda: count(1))


@dataclass(slots=True)
class Scene:
    """One stand-in at work, with what stands between. Instances of the connector come and go; the line stays."""

    stage: Candidate
    standing: Standing
    between: Between | None
    line: Line
    secrets: list[bytes] = field(default_factory=list)
    raised: list[BaseException] = field(default_factory=list)

    @property
    def subject(self) -> Subject:
        """What the author says of the connector."""
        return self.standing.subject

    @property
    def place(self) -> Place:
        """Where the stand-in lies."""
        return self.standing.place

    @property
    def system(self) -> str | None:
        """The stand-in's own address."""
        return self.standing.address

    @property
    def network(self) -> Between:
        """What stands between. Raises Inapplicable if the connector opens no connection."""
        if self.between is None:
            raise Inapplicable("it opens no connection")
        return self.between

    @asynccontextmanager
    async def away(self) -> AsyncIterator[bool]:
        """Its system cannot be reached until the end of the block. False if there is nothing that could be away."""
        if self.between is None:
            async with self.subject.away() as gone:
                yield gone
            return
        await self.between.down()
        try:
            yield True
        finally:
            await self.between.up()

    def settings(self) -> BaseModel:
        """The connector's settings towards what stands between. Raises Broken if they are refused."""
        address = self.between.address if self.between is not None else None
        try:
            return self.stage.spec.settings.model_validate(dict(self.subject.settings(self.place, address)))
        except ValueError as error:
            raise Broken(
                f"the subject's settings are refused ({type(error).__name__})", "give those that the connector takes"
            ) from error

    @asynccontextmanager
    async def context(self) -> AsyncIterator[Context]:
        """What the line gives one instance; its session ends with the block."""
        settings = self.settings()
        connector = aiohttp.TCPConnector(ssl=client_tls(self.stage.spec.tls(settings)), limit=64)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield Context(_TENANT, settings, self.line, session, self.line, lambda: datetime.now(UTC), self._secret)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Connector]:
        """An instance, open until the end of the block; endings of what it sends are told to it."""
        async with self.context() as context:
            connector = self.stage.spec.factory()
            self.line.listens(connector)
            try:
                await self._open(connector, context)
                yield connector
            finally:
                self.line.listens(None)
                await self.line.told()
                await self.contracted("close", connector.close())

    async def _open(self, connector: Connector, context: Context) -> None:
        """Opened as it should be, with all that it needs there. Raises Broken."""
        try:
            await self.contracted("open", connector.open(context))
        except Misconfigured as wrong:
            raise Broken(f"it does not open: {' '.join(wrong.problems)}", "give it what it needs in Subject") from wrong

    def persons(self, how_many: int) -> list[int]:
        """Persons whom this scene has not met yet."""
        return [next(self.standing.numbers) for _ in range(how_many)]

    def records(self, direction: str, operation: str, how_many: int) -> list[Mapping[str, JsonValue]]:
        """Records about as many new persons."""
        return [self.subject.record(direction, operation, person) for person in self.persons(how_many)]

    def delivery(self, operation: ContractOperation, how_many: int = 3, deadline: float = DEADLINE) -> Delivery:
        """A delivery of new persons' records, as the edge makes it: it attests what the operation needs, no more."""
        model = self.stage.received(operation.name)
        records = self.records("receives", operation.name, min(how_many, operation.most_records or how_many))
        if not all(within(model.model_validate, each) for each in records):
            raise Broken(
                f"the subject's record of {operation.name} is not within the interface",
                "mend Subject.record, or the interface",
            )
        rows = tuple((index, model.model_validate(each)) for index, each in zip(_INDICES, records, strict=False))
        needed = {*operation.attests}
        return Delivery(
            message_id(next(self.standing.messages)),
            operation.name,
            rows,
            deadline,
            attests=lambda claims: {each.name for each in claims} == needed,
        )

    async def delivered(self, connector: Connector, delivery: Delivery) -> dict[int, Outcome]:
        """An outcome for each record, as the line would have it. Raises Broken."""
        everything = [index for index, _ in delivery.records]
        try:
            answered = await self.contracted("deliver", connector.deliver(delivery), delivery.deadline + SLACK)
        except Refused as refused:
            return dict.fromkeys(everything, RefusedRecord(refused.code, refused.path))
        except Deferred as deferred:
            return dict.fromkeys(everything, DeferredRecord(deferred.code, deferred.retry_after))
        if not isinstance(answered, Mapping):
            raise Broken("deliver answered something that is not a mapping", "answer {index: outcome}")
        for each in answered.values():
            sound(self.stage.contract, delivery.operation, each)
        return {index: answered.get(index, DeferredRecord("connector_bug")) for index in everything}

    async def carried(self, connector: Connector, delivery: Delivery) -> dict[int, Outcome]:
        """The same, handed over again until nothing is deferred. Raises Broken if that does not come to be in time."""
        outcomes: dict[int, Outcome] = {}

        async def once() -> bool:
            left = tuple(
                each for each in delivery.records if isinstance(outcomes.get(each[0], _NOT_YET), DeferredRecord)
            )
            outcomes.update(await self.delivered(connector, portion(delivery, left)))
            if any(isinstance(each, DeferredRecord) for each in outcomes.values()):
                await self.polled(connector)
                return False
            return True

        if not await until(once):
            codes = sorted({each.code for each in outcomes.values() if isinstance(each, DeferredRecord)})
            raise Broken(f"{delivery.operation} is deferred again and again ({', '.join(codes)})", self._look())
        return outcomes

    def _look(self) -> str:
        """Where to look if its system seems not to answer."""
        if self.between is not None and self.between.stranger:
            return "connect through context.session, or by the certificates of settings: TLS with its system fails"
        return "see whether the stand-in answers, and whether the connector understands it"

    async def polled(self, connector: Connector) -> None:
        """One poll, if it polls; that it raises Refused or Deferred is its right."""
        if (poll := getattr(connector, "poll", None)) is not None:
            with contextlib.suppress(Refused, Deferred):
                await self.contracted("poll", poll(), POLL_WITHIN + SLACK)

    async def told_health(self, connector: Connector) -> str:
        """What it says of how it is; that it cannot say is its right."""
        with contextlib.suppress(Refused, Deferred):
            return (await self.contracted("health", connector.health())).detail
        return ""

    async def at_once(
        self, connector: Connector, deliveries: Sequence[Delivery]
    ) -> tuple[list[dict[int, Outcome]], str]:
        """Deliveries, a poll and a look at its health, as a line calls them: none waits for another. The outcomes of
        each delivery, and what it says of its health.
        """
        begun = [asyncio.ensure_future(self.delivered(connector, each)) for each in deliveries]
        health = asyncio.ensure_future(self.told_health(connector))
        await together(*begun, self.polled(connector), health)
        return [each.result() for each in begun], health.result()

    async def contracted(self, what: str, doing: Awaitable[_T], seconds: float = POLL_WITHIN) -> _T:
        """What it comes to. Raises Refused, Deferred, of an opening Misconfigured; else, or if it hangs, Broken."""
        return await contracted(what, doing, seconds, self.raised, self.stage.module.__name__)

    def _secret(self, reference: str) -> bytes:
        source, _, name = reference.partition(":")
        path = self.place.folder / name
        if source != "file" or not path.is_file():
            raise Misconfigured((f"{source}: this line reads secrets from files below its place alone",))
        self.secrets.append(path.read_bytes().strip())
        return self.secrets[-1]


def portion(delivery: Delivery, records: tuple[tuple[int, Payload], ...]) -> Delivery:
    """Of the same message these records, as a line hands over what was deferred."""
    return Delivery(delivery.message_id, delivery.operation, records, delivery.deadline, attests=delivery.attests)


_NOT_YET: Final = DeferredRecord("behind_deferred")
