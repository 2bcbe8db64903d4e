"""What networks and systems do: another answers, or nobody, or late, in part, asking for patience, redirecting."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.plugin.connector import (
    Accepted,
    Connector,
    DeferredRecord,
    Delivery,
    Duplicate,
    Outcome,
    RefusedRecord,
    TlsFiles,
)
from gateway.plugin.contract import ContractOperation
from gateway.plugin.testing import conducts
from gateway.plugin.testing.between import Between, Conduct, passes
from gateway.plugin.testing.called import SLACK, together
from gateway.plugin.testing.place import make_place
from gateway.plugin.testing.rules.life import stated
from gateway.plugin.testing.rules.repeats import effects_of
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken, Inapplicable

_SHORT: Final = 1.0
_LATER: Final = 2.0
_PATIENCE: Final = 7
_WITHOUT_END: Final = {
    conducts.stalls: "while its system has begun an answer",
    conducts.drips: "while its system answers byte by byte",
}
_SAME_ID: Final = "ask again under the same message id, also within a delivery"


async def knows_its_system(stage: Stage) -> None:
    """See the catalogue."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        async with stage.scene() as scene:
            await _shunned(scene, "a certificate of another authority", make_place(Path(folder)).system)
            await _shunned(scene, "a certificate of another name", scene.place.connector)


async def _shunned(scene: Scene, what: str, shown: TlsFiles) -> None:
    """An instance that has opened before, and a new one, ask nothing of who shows that at the system's address."""
    between, when = scene.network, f"while its system shows {what}"
    deliveries = [scene.delivery(each, deadline=_SHORT) for each in scene.stage.operations("receives")]
    async with scene.opened() as connector, between.impostor(shown):
        before = between.requests
        outcomes, _ = await scene.at_once(connector, deliveries)
        said = await stated(scene, connector)
        await tries_to_open(scene)
        if between.requests > before:
            raise Broken(f"it spoke {when}", "leave context.session its TLS, or check authority and name")
        for each in outcomes:
            deferred(each, when)
        if said.ok:
            raise Broken(f"it says that it is well {when}", "ask the system, within 5 s")


async def tries_to_open(scene: Scene) -> None:
    """One more instance, whether it opens or not."""
    async with scene.context() as context:
        connector = scene.stage.spec.factory()
        with contextlib.suppress(Refused, Deferred, Misconfigured):
            await scene.contracted("open", connector.open(context))
        await scene.contracted("close", connector.close(), SLACK)


@contextlib.asynccontextmanager
async def opened_in(scene: Scene, conduct: Conduct) -> AsyncIterator[Connector]:
    """An instance that meets this from its opening on; from then on, if it needs its system for that and defers."""
    scene.network.conduct = conduct
    async with contextlib.AsyncExitStack() as stack:
        try:
            connector = await stack.enter_async_context(scene.opened())
        except Deferred:
            scene.network.conduct = passes
            connector = await stack.enter_async_context(scene.opened())
            scene.network.conduct = conduct
        yield connector


async def reconnects(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        for operation in stage.receiving():
            delivery = scene.delivery(operation)
            async with scene.away() as away:
                if not away:
                    raise Inapplicable("it opens no connection")
                deferred(await scene.delivered(connector, delivery), "while its system is down")
                await scene.polled(connector)
            well(await scene.carried(connector, delivery), delivery)


async def deadlines(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        scene.network.conduct = conducts.hangs
        deliveries = [scene.delivery(each, deadline=_SHORT) for each in stage.operations("receives")]
        outcomes, _ = await scene.at_once(connector, deliveries)
        for each in outcomes:
            deferred(each, "while its system hangs")
        for conduct, when in _WITHOUT_END.items():
            scene.network.conduct = conduct
            for each in await together(*(scene.delivered(connector, each) for each in deliveries)):
                deferred(each, when)


async def late(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        between = scene.network
        honest = sum([await _honest(scene, connector, each) for each in stage.receiving()])
        before = await effects_of(scene) or 0
        firsts = [scene.delivery(each, deadline=_SHORT) for each in stage.receiving()]
        between.conduct = conducts.late(_LATER)
        for outcomes in await together(*(scene.delivered(connector, each) for each in firsts)):
            deferred(outcomes, "while its system answers too late")
        between.conduct = passes
        for first, operation in zip(firsts, stage.receiving(), strict=True):
            second = scene.delivery(operation)
            well(await scene.carried(connector, second), second)
            well(await scene.carried(connector, first), first)
        if (await effects_of(scene) or 0) - before > 2 * honest:
            raise Broken("a message whose answer was late had a second effect", _SAME_ID)


async def cut_off(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        between = scene.network
        for operation in stage.receiving():
            honest, delivery = await _honest(scene, connector, operation), scene.delivery(operation)
            before = await effects_of(scene) or 0
            between.conduct = conducts.cuts_off
            deferred(await scene.delivered(connector, delivery), "by an answer that was cut off")
            await scene.polled(connector)
            between.conduct = passes
            well(await scene.carried(connector, delivery), delivery)
            if (await effects_of(scene) or 0) - before > honest:
                raise Broken(f"{operation.name}: a message whose answer was cut off had a second effect", _SAME_ID)


async def busy(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene:
        for status in (429, 503):
            conduct = conducts.refuses(status, Retry_After=str(_PATIENCE))
            for operation in stage.receiving():
                async with opened_in(scene, conduct) as connector:
                    outcomes = await scene.delivered(connector, scene.delivery(operation))
                deferred(outcomes, f"by a {status}")
                if any(
                    isinstance(each, DeferredRecord) and each.retry_after != _PATIENCE for each in outcomes.values()
                ):
                    raise Broken(
                        f"{operation.name}: a {status} with Retry-After is deferred without its seconds",
                        "give them as retry_after",
                    )


async def redirects_nowhere(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        between = scene.network
        assert scene.system is not None  # noqa: S101  (there is something to stand before)
        async with Between(scene.place, scene.system).standing() as elsewhere:
            for status in (302, 307, 308):
                between.conduct = conducts.refuses(status, Location=f"{elsewhere.address}/elsewhere")
                for operation in stage.operations("receives"):
                    deferred(await scene.delivered(connector, scene.delivery(operation)), f"by a {status}")
                await scene.polled(connector)
                await scene.told_health(connector)
                await tries_to_open(scene)
            if elsewhere.requests:
                raise Broken("it followed a redirection", "send requests with allow_redirects=False")


async def _honest(scene: Scene, connector: Connector, operation: ContractOperation) -> int:
    """How many effects a message of that operation has, without any trouble; 0 if they are not counted."""
    before = await effects_of(scene) or 0
    delivery = scene.delivery(operation)
    well(await scene.carried(connector, delivery), delivery)
    return (await effects_of(scene) or 0) - before


def deferred(outcomes: Mapping[int, Outcome], when: str) -> None:
    """Raises Broken if a record has ended."""
    for each in outcomes.values():
        if isinstance(each, Accepted | Duplicate):
            raise Broken(f"a record is {type(each).__name__.lower()} {when}", "defer what nobody has answered")
        if isinstance(each, RefusedRecord):
            raise Broken(f"a record is refused for good ({each.code}) {when}", "defer what nobody has answered")


def well(outcomes: Mapping[int, Outcome], delivery: Delivery) -> None:
    """Raises Broken if a record is refused."""
    for each in outcomes.values():
        if isinstance(each, RefusedRecord):
            raise Broken(
                f"{delivery.operation}: an honest record is refused ({each.code}) when the system is back",
                "hand the same over again as it was",
            )
