"""What a connector does to the process that it runs in, and to others who run there.

The rule: it is watched in one play, of some turns, which these rules share.
"""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.plugin.testing import conducts, package, whose
from gateway.plugin.testing.between import Between
from gateway.plugin.testing.called import SLACK, until
from gateway.plugin.testing.doings import Doings, watched
from gateway.plugin.testing.heard import texts_alone
from gateway.plugin.testing.remains import Remains
from gateway.plugin.testing.rules.life import fails_to_open
from gateway.plugin.testing.rules.privacy import Trouble
from gateway.plugin.testing.rules.repeats import offering
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken

_SHORT: Final = 1.0
_LONGEST: Final = 1.5


async def talks_to_its_system(stage: Stage) -> None:
    """See the catalogue."""
    doings = await _played(stage)
    next_ = "send to the address of its settings alone, over context.session"
    _none(doings, "it talks to another than its system", doings.talks, next_)


async def starts_no_program(stage: Stage) -> None:
    """See the catalogue."""
    doings = await _played(stage)
    next_ = "take a library, or exempt the rule with what the program is told"
    _none(doings, "it starts a program", doings.programs, next_)


async def blocks_nobody(stage: Stage) -> None:
    """See the catalogue."""
    doings = await _played(stage)
    _none(doings, "it holds up the event loop, waiting", doings.waits, "await it, or do it in asyncio.to_thread")


async def leaves_nothing(stage: Stage) -> None:
    """See the catalogue."""
    doings = await _played(stage)
    next_ = "end in close() what open() and deliver() begin, and keep no record in a variable of a module or a class"
    _none(doings, "it has closed, and leaves", doings.left, next_)


def _none(doings: Doings, what: str, told: Collection[str], next_: str) -> None:
    """What was seen is told also of a play that broke: it may be why."""
    if told:
        raise Broken(f"{what} ({', '.join(told)})", next_)
    if doings.broken is not None:
        raise doings.broken


async def _played(stage: Stage) -> Doings:
    """What it did while it opened, worked and closed in each turn, and what is left of that."""
    if stage.doings is None:
        gc.collect()  # what was played before may act as it is given back
        async with stage.scene() as scene:
            with texts_alone():
                stage.doings = await _play(scene, package.roots(stage.module))
    return stage.doings


async def _play(scene: Scene, roots: Collection[Path]) -> Doings:
    whose.suite_acts(0)
    with watched(roots, [*_ports(scene)]) as doings, doings.breaking():
        remains = Remains(doings)
        for turn, trouble in enumerate(_troubles(scene), 1):
            whose.suite_acts(turn)
            await _turn(scene, turn, trouble, remains)
            remains.turn_ended(turn)
    for kept in (scene.raised, scene.line.raised, scene.line.lines):  # a traceback holds whoever raised it
        kept.clear()
    doings.left = await _left(remains)
    return doings


async def _left(remains: Remains) -> list[str]:
    """Once all has ended that does so of itself, or nobody holds any more."""

    async def gone() -> bool:
        gc.collect()
        return not remains.left()

    return [] if await until(gone) else remains.left()


def _ports(scene: Scene) -> Iterator[int]:
    """Of what stands between, and of the stand-in, whose own address some settings name."""
    for each in (scene.system, scene.between.address if scene.between is not None else None):
        yield from (port for port in (urlsplit(each or "").port,) if port is not None)


def _troubles(scene: Scene) -> Iterator[Trouble]:
    """None, twice; its system away; one that is in trouble itself, and one that hangs."""
    yield from (contextlib.nullcontext, contextlib.nullcontext, scene.away)
    if scene.between is not None:
        yield partial(scene.between.behaving, conducts.echoes(500))
        yield partial(_hung, scene.between)


@contextlib.asynccontextmanager
async def _hung(between: Between) -> AsyncIterator[None]:
    """For so long that deliveries end by themselves; what waits longer is broken off, for some wait very long."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST), between.behaving(conducts.hangs):
            yield


async def _turn(scene: Scene, turn: int, trouble: Trouble, remains: Remains) -> None:
    """An instance that does not open, if it needs its system for that; and one that does, and works in trouble."""
    async with scene.context() as context:
        connector = scene.stage.spec.factory()
        remains.made(turn, connector)
        await fails_to_open(scene, connector, context)
        await scene.contracted("close after a failed open", connector.close(), SLACK)
    await offering(scene)
    async with scene.opened() as connector:
        remains.made(turn, connector)
        async with trouble():
            deliveries = [scene.delivery(each, 1, _SHORT) for each in scene.stage.some_receiving(turn)]
            remains.given(turn, deliveries)
            await scene.at_once(connector, deliveries)
        await scene.line.settle()
        await scene.polled(connector)
