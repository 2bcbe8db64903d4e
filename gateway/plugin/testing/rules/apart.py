"""Two instances in one process, of two tenants: each serves its own system, whatever becomes of the other."""

from typing import Final

from gateway.plugin.connector import Accepted, Connector, Duplicate
from gateway.plugin.testing.rules.life import gets_well
from gateway.plugin.testing.rules.repeats import effects_of, offering, sends
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken

_NOT_APART: Final = "keep what one instance has in that instance: nothing in variables of a module or of a class"


async def keeps_apart(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene(alone=True) as one, stage.scene(another=True) as other, one.opened() as first:
        other.standing.messages = one.standing.messages  # no two have one id
        async with other.opened() as second:
            async with other.away():
                effects = await _works(one, first, "while another instance's system is away")
            async with one.away():
                others = await _works(other, second, "while another instance's system is away")
        if effects != others:
            raise Broken("the same has other effects once another instance has worked", _NOT_APART)
        await _works(one, first, "once another instance has closed")


async def _works(scene: Scene, connector: Connector, when: str) -> int:
    """It is well, carries what comes, and sends what its system offers. How many effects that had, as far as they are
    counted. Raises Broken.
    """
    before = await effects_of(scene) or 0
    try:
        await gets_well(scene, connector)
        for operation in scene.stage.some_receiving(0):
            outcomes = await scene.carried(connector, scene.delivery(operation, 1))
            if not all(isinstance(each, Accepted | Duplicate) for each in outcomes.values()):
                raise Broken(f"{operation.name}: an honest record is refused", _NOT_APART)
        scene.line.sends.clear()
        for name in await offering(scene):
            await sends(scene, connector, name)
    except Broken as broken:
        raise Broken(f"{when}: {broken.seen}", _NOT_APART) from broken
    return (await effects_of(scene) or 0) - before
