"""Whether a connector speaks its interface: its classes take that and no more, and honest data comes through."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

import hypothesis
from hypothesis import strategies
from pydantic import JsonValue

from gateway.plugin.connector import Accepted, Connector, Duplicate
from gateway.plugin.contract import ContractOperation
from gateway.plugin.payload import Payload
from gateway.plugin.testing import lies, made_up
from gateway.plugin.testing.called import until
from gateway.plugin.testing.line import within
from gateway.plugin.testing.rules.repeats import MANY, come, offering, sends
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.unseen import unseen
from gateway.plugin.testing.verdict import Broken

_AS_THEY_ARE: Final = "type its fields with the catalogue's items as they are"
_EXAMPLES: Final = 25
_ALL: Final = "send all of an answer before the system is told that it was taken"
_TEXTS: Final = strategies.text("aZ09_-. é０Ａа\u200b\x00個", max_size=12)
"""Few characters, one of each sort: all of Unicode takes Hypothesis long to set out."""
_LEAVES: Final = strategies.none() | strategies.booleans() | strategies.integers() | _TEXTS
_JSON: Final = strategies.recursive(
    _LEAVES,
    lambda inner: strategies.lists(inner, max_size=2) | strategies.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)


async def refuses_beyond_interface(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene:
        for told, record, own, locked in _records(stage, scene):
            for whose, model in (("its class", own), ("the lock", locked)):
                _honest(told, whose, model, record)
                for lie in lies.wrong_records(record):
                    if within(model.model_validate, lie.record):
                        raise Broken(f"{told}: {whose} takes {lie.told}", _AS_THEY_ARE)
            _agree(told, record, own, locked)


def _agree(told: str, record: Mapping[str, JsonValue], own: type[Payload], locked: type[Payload]) -> None:
    """Of whatever is made of an honest record, by chance, the class takes what the lock takes."""
    names = strategies.sampled_from([*record, *(each for name in record for each in lies.alike(name))])
    changed = strategies.dictionaries(names | _TEXTS, _JSON, max_size=3)

    @hypothesis.settings(database=None, derandomize=True, deadline=None, max_examples=_EXAMPLES)
    @hypothesis.given(changed, strategies.sets(strategies.sampled_from([*record]), max_size=1))
    def same(changes: dict[str, JsonValue], absent: set[str]) -> None:
        made = {name: value for name, value in {**record, **changes}.items() if name not in absent}
        if within(own.model_validate, made) != within(locked.model_validate, made):
            raise Broken(f"{told}: its class and the lock judge a record differently", _AS_THEY_ARE)

    same()


async def carries(stage: Stage) -> str:
    """See the catalogue. What stood in no reply is told."""
    never: list[str] = []
    async with stage.scene(alone=True) as scene, scene.opened() as connector:
        for operation in stage.operations("receives"):
            delivery = scene.delivery(operation)
            outcomes = (await scene.carried(connector, delivery)).values()
            for outcome in outcomes:
                _taken(operation, outcome)
            replies = [each.reply for each in outcomes if isinstance(each, Accepted) and each.reply is not None]
            if replies:
                never += (f"{operation.name}: {each}" for each in unseen(operation, replies))
        names = await offering(scene, MANY)
        for name, records in names.items():
            sent = await sends(scene, connector, name)
            if not sent.passed:
                raise Broken(f"{name}: what the system offers is refused", "send what the interface says, and no more")
            if not await until(partial(come, scene, connector, name, records)):
                raise Broken(f"{name}: of {len(records)} records that are on offer some are not sent", _ALL)
        if not names and stage.operations("sends") and hasattr(connector, "poll"):
            await _sends_of_itself(scene, connector)
    return f"never seen in a reply: {', '.join(never)}" if never else ""


async def _sends_of_itself(scene: Scene, connector: Connector) -> None:
    """Who polls and is offered nothing sends what the stand-in has anyhow: else nobody sees what its polls make."""

    async def sent() -> bool:
        await scene.polled(connector)
        return bool(scene.line.sends)

    if not await until(sent):
        raise Broken("it polls, and nothing that it sends is seen", "have Subject.offer put records on offer")


def _taken(operation: ContractOperation, outcome: object) -> None:
    if not isinstance(outcome, Accepted | Duplicate):
        code = getattr(outcome, "code", "")
        raise Broken(f"{operation.name}: an honest record is refused ({code})", "see what the stand-in answers")
    if operation.kind == "event" or isinstance(outcome, Duplicate):
        return
    if outcome.reply is None:
        raise Broken(f"{operation.name}: a request is accepted without a reply", "give exactly the reply's fields")


def _records(stage: Stage, scene: Scene) -> Iterator[tuple[str, Mapping[str, JsonValue], type[Payload], type[Payload]]]:
    """An honest record of each operation and reply, with the class and the lock that take it and no other."""
    declared = {(each.direction, each.name): each for each in stage.spec.interface.operations}
    for locked in stage.contract.operations:
        own = declared[locked.direction, locked.name]
        record, other = scene.records(locked.direction, locked.name, 2)
        _told_apart(locked, record, other)
        yield locked.name, record, own.payload, locked.model
        if own.reply is not None:
            reply = made_up.reply_to(locked, dict(record))
            yield f"the reply of {locked.name}", reply, own.reply, locked.reply_model


def _told_apart(locked: ContractOperation, record: Mapping[str, JsonValue], other: Mapping[str, JsonValue]) -> None:
    """Of one person alone no rule sees whether two are mixed up."""
    key = locked.person_key
    if record.get(key) == other.get(key) and any(each.path == key and each.identifies for each in locked.fields):
        raise Broken(
            f"{locked.name}: the subject's records of two persons have the same {key}",
            "have Subject.record make it of the person's number",
        )


def _honest(told: str, whose: str, model: type[Payload], record: Mapping[str, JsonValue]) -> None:
    if not within(model.model_validate, dict(record)):
        raise Broken(f"{told}: {whose} refuses an honest record", "mend Subject.record, or the interface")
