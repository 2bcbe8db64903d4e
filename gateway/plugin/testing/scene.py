"""A scene: the connector meets its system, with what stands between, and a line.

The rule: whatever the connector does that its contract does not allow becomes `Broken` here, in one place, told by type
and place and never by its text.
"""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final, TypeVar

import aiohttp
from pydantic import BaseModel, JsonValue

from gateway.errors import CODES, Deferred, Misconfigured, Refused
from gateway.plugin.connector import (
    Accepted,
    Connector,
    Context,
    DeferredRecord,
    Delivery,
    Duplicate,
    Outcome,
    RefusedRecord,
)
from gateway.plugin.contract import ContractOperation
from gateway.plugin.testing.between import Between
from gateway.plugin.testing.candidate import Candidate
from gateway.plugin.testing.line import Line, message_id, within, wrong_fields
from gateway.plugin.testing.place import client_tls
from gateway.plugin.testing.subject import Place, Subject
from gateway.plugin.testing.verdict import Broken, Inapplicable

SLACK: Final = 10.0
"""Seconds beyond what was promised, for a busy machine."""
DEADLINE: Final = 5.0
"""Of a delivery, in seconds, where a rule wants no other."""
POLL_WITHIN: Final = 30.0
LONG: Final = 20.0
"""Seconds in which whatever is to come of itself has come."""
_PAUSE: Final = 0.05
_TENANT: Final = "999997"
_INDICES: Final = (0, 2, 5)
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
        yield True
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
            self._sound(delivery.operation, each)
        return {index: answered.get(index, DeferredRecord("connector_bug")) for index in everything}

    async def carried(self, connector: Connector, delivery: Delivery) -> dict[int, Outcome]:
        """The same, handed over again until nothing is deferred. Raises Broken if that does not come to be in time."""
        outcomes: dict[int, Outcome] = {}

        async def once() -> bool:
            left = tuple(
                each for each in delivery.records if isinstance(outcomes.get(each[0], _NOT_YET), DeferredRecord)
            )
            again = Delivery(delivery.message_id, delivery.operation, left, delivery.deadline, attests=delivery.attests)
            outcomes.update(await self.delivered(connector, again))
            if any(isinstance(each, DeferredRecord) for each in outcomes.values()):
                await self.polled(connector)
                return False
            return True

        if not await until(once):
            codes = sorted({each.code for each in outcomes.values() if isinstance(each, DeferredRecord)})
            raise Broken(
                f"{delivery.operation} is deferred again and again ({', '.join(codes)})",
                "see whether the stand-in answers, and whether the connector understands it",
            )
        return outcomes

    async def polled(self, connector: Connector) -> None:
        """One poll, if it polls; that it raises Refused or Deferred is its right."""
        if (poll := getattr(connector, "poll", None)) is not None:
            with contextlib.suppress(Refused, Deferred):
                await self.contracted("poll", poll(), POLL_WITHIN + SLACK)

    async def contracted(self, what: str, doing: Awaitable[_T], seconds: float = POLL_WITHIN) -> _T:
        """What it comes to. Raises Refused, Deferred, of an opening Misconfigured; else, or if it hangs, Broken."""
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await doing
        except (Refused, Deferred, Misconfigured) as told:
            self.raised.append(told)
            if isinstance(told, Misconfigured) and what != "open":
                raise _beyond(what, told) from told
            raise
        except Broken:
            raise
        except TimeoutError as error:
            if limit.expired():
                raise Broken(f"{what} had not returned after {seconds:.0f} s", "bound every wait by a time") from None
            self.raised.append(error)
            raise _beyond(what, error) from error
        except Exception as error:
            self.raised.append(error)
            raise _beyond(what, error) from error

    def _secret(self, reference: str) -> bytes:
        source, _, name = reference.partition(":")
        path = self.place.folder / name
        if source != "file" or not path.is_file():
            raise Misconfigured((f"{source}: this line reads secrets from files below its place alone",))
        self.secrets.append(path.read_bytes().strip())
        return self.secrets[-1]

    def _sound(self, operation: str, outcome: object) -> None:
        codes = CODES.keys() | self.stage.contract.codes.keys()
        if not isinstance(outcome, Accepted | Duplicate | RefusedRecord | DeferredRecord):
            raise Broken("deliver answered an index with something that is no outcome", "answer with an Outcome")
        if isinstance(outcome, RefusedRecord | DeferredRecord) and outcome.code not in codes:
            raise Broken(
                "an outcome has a code that neither the gateway nor the interface knows",
                "take one of docs/errors.md, or declare it in Interface.codes",
            )
        if isinstance(outcome, Accepted) and outcome.reply is not None:
            self._answered(operation, outcome.reply)

    def _answered(self, operation: str, reply: object) -> None:
        """However false what the system said, a reply is within the lock; an event has none. Raises Broken."""
        locked = self.stage.contract.operation("receives", operation)
        if locked is None or locked.kind == "event":
            raise Broken(f"{operation}: an event is answered with a reply", "answer Accepted() alone")
        if not within(locked.reply_model.model_validate, reply):
            wrong = wrong_fields(locked, reply)
            raise Broken(
                f"{operation}: the reply is not within the interface{wrong}", "give exactly its fields, typed so"
            )


async def until(holds: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it comes to hold before long, asked again and again."""
    ends = asyncio.get_running_loop().time() + LONG
    while not await holds():
        if asyncio.get_running_loop().time() > ends:
            return False
        await asyncio.sleep(_PAUSE)
    return True


_NOT_YET: Final = DeferredRecord("behind_deferred")


def _beyond(what: str, error: BaseException) -> Broken:
    """What it raised, by type and place: its text may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f" in {each.filename.rpartition('/')[2]}:{each.lineno}" for each in reversed(frames)), "")
    return Broken(
        f"{what} raised {type(error).__name__}{place}",
        "raise Refused or Deferred, or answer the record with an outcome",
    )
