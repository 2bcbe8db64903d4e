"""A system in trouble, or a proxy before it: what it answers then ends no record, and once it is well all goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from gateway.plugin.connector import Connector, Delivery
from gateway.plugin.testing import conducts
from gateway.plugin.testing.between import Conduct, passes
from gateway.plugin.testing.called import together
from gateway.plugin.testing.rules.life import gets_well
from gateway.plugin.testing.rules.network import deferred, well
from gateway.plugin.testing.rules.repeats import offering, sends
from gateway.plugin.testing.scene import Scene
from gateway.plugin.testing.stage import Stage
from gateway.plugin.testing.verdict import Broken

_SHORT: Final = 1.0
_SHORTEST: Final = 0.3
_AGAIN: Final = 6
"""More often than connectors count before they ask no longer."""
_EMPTY: Final = (201, 202, 204)
_FOREIGN: Final = (401, 403, 404, 408, 409, 410, 500, 502, 504)
_PAGE: Final = b"<!doctype html><html><body><h1>The proxy cannot serve this</h1></body></html>"
_TROUBLES: Final[Mapping[str, tuple[Conduct, int]]] = {
    "a 500": (conducts.refuses(500), _AGAIN),
    "a 503": (conducts.refuses(503), _AGAIN),
    "a page of HTML": (conducts.answers(_PAGE, "text/html"), _AGAIN),
    "a list of nothing": (conducts.answers(b"[null]"), _AGAIN),
    "an answer that was cut off": (conducts.cuts_off, 1),
}
"""What it meets, and how often."""


async def status_alone(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        between = scene.network
        honest, deliveries = scene.delivery(stage.receiving()[0], 1), _deliveries(scene)
        well(await scene.carried(connector, honest), honest)
        says_so = {each.status for each in between.answered if not each.body}  # the system itself, and means it
        met = [(f"upon a {each} without a body", conducts.refuses(each)) for each in _EMPTY if each not in says_so]
        met += [
            (f"upon a {each} that is a page of HTML", conducts.answers(_PAGE, "text/html", each)) for each in _FOREIGN
        ]
        for when, conduct in met:
            between.conduct = passes
            well(await scene.carried(connector, honest), honest)  # so that it has what it asks for first, as a token
            between.conduct = conduct
            for each in deliveries:
                deferred(await scene.delivered(connector, each), when)


async def recovers(stage: Stage) -> None:
    """See the catalogue."""
    async with stage.scene() as scene, scene.opened() as connector:
        between, deliveries = scene.network, _deliveries(scene)
        await offering(scene)
        await _goes_on(scene, connector, "an opening", deliveries[:1])  # so that it has what it asks for first
        for told, (conduct, times) in _TROUBLES.items():
            between.conduct = conduct
            for _ in range(times):
                await scene.at_once(connector, deliveries)
            await _goes_on(scene, connector, told, deliveries)
        between.conduct = conducts.hangs
        await together(*(scene.delivered(connector, replace(each, deadline=_SHORTEST)) for each in deliveries))
        await _goes_on(scene, connector, "a silence", deliveries)
        await gets_well(scene, connector)
        scene.line.sends.clear()
        for name in await offering(scene):
            await sends(scene, connector, name)


def _deliveries(scene: Scene) -> list[Delivery]:
    """One of each operation. What ended is no other when it is delivered again, so these are enough for all plays."""
    return [scene.delivery(each, 1, _SHORT) for each in scene.stage.operations("receives")]


async def _goes_on(scene: Scene, connector: Connector, told: str, deliveries: Sequence[Delivery]) -> None:
    """Its system is well again, and all is carried, again if it was before. Raises Broken."""
    scene.network.conduct = passes
    for each in deliveries:
        try:
            well(await scene.carried(connector, each), each)
        except Broken as broken:
            next_ = "release in `finally` what a delivery holds, and ask again after whatever failed"
            raise Broken(f"after {told}: {broken.seen}", next_) from broken
