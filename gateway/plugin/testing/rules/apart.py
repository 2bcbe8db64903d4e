"""Two instances in one process, of two tenants: each serves its own system, whatever becomes of the other."""

import contextlib
from collections.abc import Iterator
from typing import Final

from gateway.plugin.connector import Accepted, Connector, Duplicate
from gateway.plugin.testing.rules.life import gets_well
from gateway.plugin.testing.rules.repeats import effects_of, offering, sends
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken

_AWAY: Final = "while another instance's system is away"
_IN_IT: Final = "in that instance, not in variables of a module or of a class"
_SYSTEM: Final = f"keep address, session and failures of one instance's system {_IN_IT}"
_KNOWN: Final = f"keep what one instance knows of persons and messages {_IN_IT}"
_OFFERED: Final = f"keep what one instance has polled, and how far, {_IN_IT}"
_GIVEN: Final = f"keep what one instance was given to deliver {_IN_IT}"
_ENDED: Final = "let close() end what its own instance has begun, nothing that another one uses"


async def keeps_apart(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene(alone=True) as one, stage.scene(another=True) as other, one.opened() as first:
        other.standing.messages = one.standing.messages  # no two have one id
        async with other.opened() as second:
            async with other.away():
                effects = await _works(one, first, _AWAY)
            async with one.away():
                others = await _works(other, second, _AWAY)
        if effects != others:
            raise Broken("the same has other effects once another instance has worked", _GIVEN)
        await _works(one, first, "once another instance has closed", _ENDED)


async def _works(scene: Scene, connector: Connector, when: str, next_: str = "") -> int:
    """It is well, carries what comes, and sends what its system offers. How many effects that had, as far as they are
    counted. Raises Broken, with what to do `next_` if that is the same whatever breaks.
    """
    before = await effects_of(scene) or 0
    with _told(when, next_ or _SYSTEM):
        await gets_well(scene, connector)
    for operation in scene.stage.some_receiving(0):
        with _told(when, next_ or _SYSTEM):
            outcomes = await scene.carried(connector, scene.delivery(operation, 1))
        if not all(isinstance(each, Accepted | Duplicate) for each in outcomes.values()):
            raise Broken(f"{when}: {operation.name}: an honest record is refused", next_ or _KNOWN)
    scene.line.sends.clear()
    with _told(when, next_ or _OFFERED):
        for name in await offering(scene):
            await sends(scene, connector, name)
    return (await effects_of(scene) or 0) - before


@contextlib.contextmanager
def _told(when: str, next_: str) -> Iterator[None]:
    """What breaks in the block, with what to do if the other instance is why; and what else."""
    try:
        yield
    except Broken as broken:
        raise Broken(f"{when}: {broken.seen}", f"{next_}; else {broken.next}") from broken
