"""What comes again: a delivery, an ending, a whole instance."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from pydantic import JsonValue

from gateway.plugin.connector import Accepted, Connector, Delivery, Duplicate, Outcome
from gateway.plugin.connector import Final as Ended
from gateway.plugin.contract import ContractOperation
from gateway.plugin.payload import Payload
from gateway.plugin.testing.called import SLACK, until
from gateway.plugin.testing.line import Sent
from gateway.plugin.testing.scene import Scene, portion
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken, Inapplicable

_NOT_SENT: Final = "what the system offers is not sent"
_LOOK: Final = "see what poll() reads, and what it makes of it"
_LONG: Final = 60.0
"""Seconds in which a busy machine, too, carries so many."""
MANY: Final = 120
"""Records: more than the page that somebody had in mind."""
STRANGER: Final = "01990000-0000-7000-bfff-000000000000"
"""A message that no connector knows."""
ENDINGS: Final[Mapping[int, Ended]] = {0: Accepted(), 1: Duplicate()}


async def once(stage: Stage) -> None:
    """See the catalogue."""
    many = False
    async with stage.scene(alone=True) as scene:
        for operation in stage.receiving():
            delivery = scene.delivery(operation)
            async with scene.opened() as connector:
                before = await effects_of(scene)
                first = await scene.carried(connector, delivery)
                effects = await effects_of(scene)
                again = await scene.carried(connector, delivery)
            async with scene.opened() as connector:
                anew = [await scene.carried(connector, each) for each in (delivery, *_portions(delivery))]
            if operation.kind == "event":
                _counted(operation.name, before, effects)
            if await effects_of(scene) != effects:
                raise Broken(
                    f"{operation.name}: the same message again had a second effect",
                    "pass message id and index on, and let the system act once on them",
                )
            if not all(alike(first[index], each) for more in (again, *anew) for index, each in more.items()):
                raise Broken(f"{operation.name}: the same message again has another outcome", "answer it as before")
            await _none_lost(scene, operation, wanted := (effects or 0) - (before or 0))
            if not many and wanted == len(delivery.records) and (operation.most_records or MANY) >= MANY:
                many = await _all_of_many(scene, operation)
            await _taken_again(scene, operation, delivery)


async def _none_lost(scene: Scene, operation: ContractOperation, wanted: int) -> None:
    """A message of which first the one part comes, then the other, has no fewer effects than one that comes whole."""
    before = await effects_of(scene) or 0
    for part in _portions(scene.delivery(operation)):
        async with scene.opened() as connector:
            await scene.carried(connector, part)
    if (await effects_of(scene) or 0) - before < wanted:
        raise Broken(
            f"{operation.name}: of a message that comes in parts something is lost",
            "let the system act once on message id and index, not on the message id",
        )


async def _taken_again(scene: Scene, operation: ContractOperation, delivery: Delivery) -> None:
    """Of a person who is known a later state has an effect, too, in another message."""
    (index, record), counts = delivery.records[0], counted(operation)
    if operation.kind != "event" or not counts:
        return
    effects, outcomes = [await effects_of(scene)], list[Outcome]()
    async with scene.opened() as connector:
        for more in (1, 2):  # by the first the instance comes to know the person; some stand-ins count persons alone
            later = ((index, restated(record, counts, more)),)
            outcomes += (await scene.carried(connector, portion(scene.delivery(operation, 1), later))).values()
            effects.append(await effects_of(scene))
    before, first, second = effects
    if Duplicate() in outcomes or (before != first == second):
        raise Broken(
            f"{operation.name}: of a person who is known a later state is not passed on",
            "let the system tell what it knows, by message id and version, never by the person",
        )


def counted(operation: ContractOperation) -> Sequence[str]:
    """What counts the states of a person, of its version."""
    return [each.path for each in operation.fields if each.kind == "integer" and each.path in operation.version]


def restated(record: Payload, counts: Sequence[str], more: int) -> Payload:
    """A state so much later of the same."""
    plain = record.model_dump(exclude_none=True)
    return type(record).model_validate(plain | {each: plain[each] + more for each in counts})


async def _all_of_many(scene: Scene, operation: ContractOperation) -> bool:
    """Where each record has an effect, many have no fewer. One operation tells it: they are costly to prepare."""
    before, many = await effects_of(scene) or 0, scene.delivery(operation, MANY, _LONG)
    async with scene.opened() as connector:
        await scene.carried(connector, many)
    if (await effects_of(scene) or 0) - before < MANY:
        raise Broken(
            f"{operation.name}: of a message of {MANY} records something is lost",
            "hand all over, in portions if need be, and leave out of the outcomes what was not",
        )
    return True


async def settled(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene(alone=True) as scene, scene.opened() as connector:
        for _ in range(2):
            await scene.contracted("settled of an unknown message", connector.settled(STRANGER, ENDINGS), SLACK)
        for name in await offering(scene):
            await sends(scene, connector, name)
        for _ in range(2):
            await scene.line.settle()
            await scene.polled(connector)
        for broken in scene.line.broken:
            raise Broken(broken.seen, "take every ending, also twice and early, and wait for nobody") from broken


async def restart(stage: Stage) -> None:
    """See the catalogue."""
    polled_for = 0
    async with stage.scene(alone=True) as scene:
        for name in _events(scene):
            if await offered(scene, name, scene.records("sends", name, 1)):
                polled_for += 1
                await _restarted(scene, name)
    if not polled_for:
        raise Inapplicable("its system offers nothing that it polls for")


async def _restarted(scene: Scene, name: str) -> None:
    """What is on offer one instance sends, and the next one again; then it ends."""
    scene.line.settles = False
    before = await _keys(scene, name)
    if not before:
        raise Broken(f"{name}: {_NOT_SENT}", _LOOK)
    if before.isdisjoint(await _keys(scene, name, before)):
        raise Broken(
            f"{name}: a new instance does not offer under the same key what has not ended",
            "make the key of what the system has, and keep nothing",
        )
    scene.line.settles = True
    async with scene.opened() as connector:
        await scene.polled(connector)
        await scene.line.settle()
        await scene.polled(connector)


async def _keys(scene: Scene, operation: str, wanted: AbstractSet[bytes] = frozenset()) -> AbstractSet[bytes]:
    """Under which a new instance sends that operation, once one that is wanted is among them, or after a while."""
    known = len(scene.line.sends)

    def sent() -> AbstractSet[bytes]:
        return {each.key for each in scene.line.sends[known:] if each.operation == operation}

    async with scene.opened() as connector:

        async def come() -> bool:
            await scene.polled(connector)
            return bool(sent() & wanted if wanted else sent())

        await until(come)
    return sent()


async def offering(scene: Scene, how_many: int = 1) -> dict[str, Sequence[Mapping[str, JsonValue]]]:
    """The events that the stand-in can be had to offer, each with the records that are on offer now: so many, or as
    many as a message may have.
    """
    found: dict[str, Sequence[Mapping[str, JsonValue]]] = {}
    for each in scene.stage.operations("sends"):
        records = scene.records("sends", each.name, min(how_many, each.most_records or how_many))
        if each.kind == "event" and await offered(scene, each.name, records):
            found[each.name] = records
    return found


def _events(scene: Scene) -> list[str]:
    return [each.name for each in scene.stage.operations("sends") if each.kind == "event"]


async def offered(scene: Scene, operation: str, records: Sequence[Mapping[str, JsonValue]]) -> bool:
    """Whether the stand-in offers these from now on."""
    return await scene.subject.offer(scene.system, operation, [dict(each) for each in records])


async def sends(scene: Scene, connector: Connector, operation: str) -> Sent:
    """The first message of that operation. Raises Broken if none comes."""

    async def sent() -> bool:
        await scene.polled(connector)
        return any(each.operation == operation for each in scene.line.sends)

    if not await until(sent):
        raise Broken(f"{operation}: {_NOT_SENT}", _LOOK)
    return next(each for each in scene.line.sends if each.operation == operation)


async def come(scene: Scene, connector: Connector, operation: str, wanted: Sequence[Mapping[str, JsonValue]]) -> bool:
    """Whether all of these have been sent and taken, after one more poll."""
    await scene.polled(connector)
    came = [each for sent in scene.line.sends if sent.operation == operation for each in sent.passed]
    return all(each in came for each in wanted)


def _portions(delivery: Delivery) -> list[Delivery]:
    """The same message as a line hands over what was deferred of it: the rest, and then what came before."""
    return [portion(delivery, each) for each in (delivery.records[1:], delivery.records[:1]) if each]


def _counted(operation: str, before: int | None, after: int | None) -> None:
    """Of an event nobody knows otherwise whether a repeat acts again. Raises Broken."""
    if after is None or before is None or after <= before:
        seen = "the stand-in counts no effect of an honest message"
        raise Broken(f"{operation}: {seen}", "have Subject.effects count it, or exempt the rule with the reason")


async def effects_of(scene: Scene) -> int | None:
    """As the stand-in counts them; None if deliveries have none."""
    return await scene.subject.effects(scene.system or "")


def alike(first: Outcome, second: Outcome) -> bool:
    """Whether a repeat may end in the second if the message ended in the first."""
    return first == second or (isinstance(first, Accepted) and isinstance(second, Duplicate))
