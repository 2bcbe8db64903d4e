"""What comes at the same time: one instance has many deliveries in hand, and keeps each apart."""

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.plugin.connector import Accepted, Connector, DeferredRecord, Delivery, Duplicate, Outcome
from gateway.plugin.contract import ContractOperation
from gateway.plugin.testing.rules.repeats import alike, effects_of
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken

_AT_ONCE: Final = 3
"""About as many persons as one delivery of other rules: a subject need not hold more ready."""
_APART: Final = "keep what belongs to one delivery in local names, never in the connector"


async def at_once(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene(alone=True) as scene, scene.opened() as connector:
        for operation in stage.receiving():
            await _kept_apart(scene, connector, operation)


async def _kept_apart(scene: Scene, connector: Connector, operation: ContractOperation) -> None:
    """Several have as many effects as one has alone, each; and a reply is the one that is given alone, too."""
    alone = scene.delivery(operation, 1)
    before = await effects_of(scene) or 0
    await scene.carried(connector, alone)
    wanted = _AT_ONCE * ((await effects_of(scene) or 0) - before)
    several = [scene.delivery(operation, 1) for _ in range(_AT_ONCE)]
    before = await effects_of(scene) or 0
    outcomes = await _carried(scene, connector, several)
    if not all(isinstance(each, Accepted | Duplicate) for each in outcomes):
        raise Broken(f"{operation.name}: of deliveries at the same time one is refused", _APART)
    if (await effects_of(scene) or 0) - before != wanted:
        raise Broken(f"{operation.name}: deliveries at the same time have other effects than one after another", _APART)
    for delivery, outcome in zip(several, outcomes, strict=True):
        if isinstance(outcome, Accepted) and outcome.reply is not None:
            again = await scene.carried(connector, delivery)
            if not alike(outcome, *again.values()):
                raise Broken(f"{operation.name}: of deliveries at the same time one has another's reply", _APART)


async def _carried(scene: Scene, connector: Connector, deliveries: Sequence[Delivery]) -> list[Outcome]:
    """The one outcome of each; what is deferred is handed over again, by itself."""
    outcomes: list[Mapping[int, Outcome]] = list((await scene.at_once(connector, deliveries))[0])
    for at, delivery in enumerate(deliveries):
        if any(isinstance(each, DeferredRecord) for each in outcomes[at].values()):
            outcomes[at] = await scene.carried(connector, delivery)
    return [each for told in outcomes for each in told.values()]
