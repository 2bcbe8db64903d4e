"""A connector's own life: it opens, tells how it is, is interrupted, closes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.plugin.connector import Connector, Context, Health
from gateway.plugin.testing import conducts
from gateway.plugin.testing.between import Between, passes
from gateway.plugin.testing.called import SLACK, Call, until
from gateway.plugin.testing.rules.repeats import ENDINGS, STRANGER
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken

_HEALTH_WITHIN: Final = 5.0
_LONGEST: Final = 200


async def opens_and_closes(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene:
        for _ in range(2):
            async with scene.opened() as connector:
                pass
            await scene.contracted("the second close", connector.close(), SLACK)
        async with scene.context() as context:
            connector = stage.spec.factory()
            await fails_to_open(scene, connector, context)
            await scene.contracted("close after a failed open", connector.close(), SLACK)
            await scene.contracted("close without an open", stage.spec.factory().close(), SLACK)
            await scene.contracted("open after a failed one", connector.open(context), SLACK)
            await scene.contracted("close", connector.close(), SLACK)


async def health(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        await gets_well(scene, connector)
        async with scene.away() as away:
            said = await stated(scene, connector)
        if away and said.ok:
            raise Broken("it says that it is well while its system is down", "ask the system, within 5 s")


async def cancelled(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene:
        between = scene.network
        deliveries = [scene.delivery(each, 1) for each in stage.operations("receives")]
        async with scene.context() as context:
            connector = stage.spec.factory()
            await _cancelled(between, "opening", partial(connector.open, context))
            await scene.contracted("close", connector.close(), SLACK)
        async with scene.opened() as connector:
            for delivery in deliveries:
                await _cancelled(between, "delivery", partial(connector.deliver, delivery))
            if (poll := getattr(connector, "poll", None)) is not None:
                await _cancelled(between, "poll", poll)
            await _cancelled(between, "health", connector.health)
            await _cancelled(between, "settled", partial(connector.settled, STRANGER, ENDINGS), asks=False)
        async with scene.opened() as connector:
            for delivery in deliveries:
                await scene.carried(connector, delivery)


async def _cancelled(between: Between, what: str, begin: Callable[[], Awaitable[object]], *, asks: bool = True) -> None:
    """Cancelled while its system, which it has asked, hangs; as soon as it waits for anything, if it `asks` nobody.
    What ends before that is not judged.
    """
    between.conduct = conducts.hangs
    between.came.clear()
    call = Call(begin())
    came = asyncio.ensure_future(between.came.wait() if asks else asyncio.sleep(0))
    await asyncio.wait((call.task, came), timeout=SLACK, return_when=asyncio.FIRST_COMPLETED)
    came.cancel()
    if not call.task.done() and not await call.broken_off():
        raise Broken(f"a cancelled {what} does not end as cancelled", "let CancelledError pass")
    between.conduct = passes


async def fails_to_open(scene: Scene, connector: Connector, context: Context) -> None:
    """With a system that is down and secrets that cannot be read; a connector that needs neither opens all the same."""

    def unreadable(_: str) -> bytes:
        raise Misconfigured(("a secret cannot be read",))

    if scene.between is not None:
        await scene.between.down()
    with contextlib.suppress(Refused, Deferred, Misconfigured):
        await scene.contracted("open", connector.open(replace(context, secret=unreadable)), SLACK)
    if scene.between is not None:
        await scene.between.up()


async def gets_well(scene: Scene, connector: Connector) -> None:
    """It says so before long. Raises Broken."""

    async def well() -> bool:
        await scene.polled(connector)
        return (await stated(scene, connector)).ok

    if not await until(well):
        raise Broken("it does not say that it is well while its system is up", "answer Health(ok=True, ...)")


async def stated(scene: Scene, connector: Connector) -> Health:
    """What it says, or that it cannot say. Raises Broken if that is not of the form."""
    try:
        said = await scene.contracted("health", connector.health(), _HEALTH_WITHIN + SLACK)
    except Deferred as deferred:
        return Health(ok=False, detail=str(deferred))
    if type(said) is not Health or type(said.detail) is not str:
        raise Broken("health answered something that is not Health", "answer Health(ok, detail)")
    if not said.detail.strip() or "\n" in said.detail or len(said.detail) > _LONGEST:
        raise Broken(
            "its health is not one sentence", f"say in one line of {_LONGEST} characters what an operator needs"
        )
    return said
