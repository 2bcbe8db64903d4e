"""Whether a connector speaks its interface: its classes take that and no more, and honest data comes through."""

from collections.abc import Iterator, Mapping
from typing import Any

import jiter
from pydantic import JsonValue

from gateway.plugin.connector import Accepted, Duplicate
from gateway.plugin.contract import ContractOperation
from gateway.plugin.payload import Payload
from gateway.plugin.testing import lies, samples
from gateway.plugin.testing.line import within
from gateway.plugin.testing.rules.repeats import offering, sends
from gateway.plugin.testing.stage import Scene, Stage
from gateway.plugin.testing.verdict import Broken


async def refuses_beyond_interface(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene:
        for told, record, models in _records(stage, scene):
            for whose, model in models.items():
                _honest(told, whose, model, record)
            for lie in lies.wrong_records(record):
                for whose, model in models.items():
                    if within(model.model_validate, lie.record):
                        raise Broken(
                            f"{told}: {whose} takes {lie.told}",
                            "type its fields with the catalogue's items as they are",
                        )


async def carries(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        for operation in stage.operations("receives"):
            delivery = scene.delivery(operation)
            for outcome in (await scene.carried(connector, delivery)).values():
                _taken(operation, outcome)
        for name in await offering(scene):
            sent = await sends(scene, connector, name)
            if not sent.passed:
                raise Broken(f"{name}: what the system offers is refused", "send what the interface says, and no more")


def _taken(operation: ContractOperation, outcome: object) -> None:
    if not isinstance(outcome, Accepted | Duplicate):
        code = getattr(outcome, "code", "")
        raise Broken(f"{operation.name}: an honest record is refused ({code})", "see what the stand-in answers")
    if operation.kind == "event" or isinstance(outcome, Duplicate):
        return
    if outcome.reply is None or not within(operation.reply_model.model_validate, dict(outcome.reply)):
        raise Broken(f"{operation.name}: the reply is not within the interface", "give exactly its fields, typed so")


def _records(stage: Stage, scene: Scene) -> Iterator[tuple[str, Mapping[str, JsonValue], Mapping[str, type[Payload]]]]:
    """An honest record of each operation and reply, with the models that must take it and no other."""
    declared = {(each.direction, each.name): each for each in stage.spec.interface.operations}
    for locked in stage.contract.operations:
        own = declared[locked.direction, locked.name]
        (record,) = scene.records(locked.direction, locked.name, 1)
        yield locked.name, record, {"its class": own.payload, "the lock": locked.model}
        if own.reply is not None:
            reply = samples.reply_to(locked, dict(record))
            yield f"the reply of {locked.name}", reply, {"its class": own.reply, "the lock": locked.reply_model}


def _honest(told: str, whose: str, model: type[Payload], record: Mapping[str, JsonValue]) -> None:
    if not within(model.model_validate, dict(record)):
        raise Broken(f"{told}: {whose} refuses an honest record", "mend Subject.record, or the interface")
    if isinstance(_read(lies.repeated(record)), Mapping):
        raise Broken(f"{told}: a member that stands twice is read", "refuse it")


def _read(body: bytes) -> Any:
    """As the line reads what peers post."""
    try:
        return jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError:
        return None
