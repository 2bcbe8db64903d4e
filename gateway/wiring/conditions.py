"""How every connector is, for operators: as its own process says, and what the hub knows of it besides.

The rule: of an edge process only state, health and a sentence are taken; all else the configuration says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config import Config
from gateway.errors import CODES
from gateway.link.edge_end import HubLink
from gateway.link.hub_end import LinkListener
from gateway.link.words import Condition, Place
from gateway.wiring.edge_side import EdgeSide, row
from gateway.wiring.hub_side import HubSide


@dataclass(frozen=True, slots=True)
class LinkedTo:
    """What this process is linked to: a hub, or edge processes, some of them turned away with a code."""

    hub: HubLink | None
    edges: LinkListener | None
    turned_away: Mapping[str, str]


async def conditions(config: Config, edge: EdgeSide, hub: HubSide | None, linked: LinkedTo) -> list[dict[str, Any]]:
    """Every connector with its state: of this process, and of the edge processes that are linked to it."""
    found = await _rows(config, edge, linked)
    if hub is None:
        return found
    waited_for, behind = hub.unreached(), hub.behind()
    for each in found:
        place = each["tenant"], each["connector"]
        if place in waited_for:
            _amiss(each, "not reached, deliveries wait and are tried one at a time")
        if place in behind:
            _amiss(each, f"its edge is left behind, what it sent last was not taken ({behind[place]})")
    return found


async def _rows(config: Config, edge: EdgeSide, linked: LinkedTo) -> list[dict[str, Any]]:
    found = edge.connectors()
    if linked.hub is not None and not linked.hub.linked:
        for each in found:
            _amiss(each, linked.hub.problem.rstrip("."))
    if linked.edges is None:
        return found
    told = await linked.edges.conditions()
    places = [(code, name) for code, tenant in config.tenants.items() for name in tenant.file.connectors]
    return [_row(config, place, told.get(place), linked.turned_away) for place in places]


def _row(config: Config, place: Place, told: Condition | None, turned_away: Mapping[str, str]) -> dict[str, Any]:
    if told is not None:
        return row(config, place, state=told.state, ok=told.ok, detail=told.detail)
    link, name = config.gateway.link, "/".join(place)
    edges = link.edges.items() if link is not None else ()
    why = next((turned_away.get(process) for process, each in edges if name in each.connectors), None)
    away = f"its edge process is not linked ({why}): {CODES[why].title}" if why else None
    return row(
        config,
        place,
        state="unreachable",
        ok=False,
        detail=away or "its edge process is not linked, or does not answer",
    )


def _amiss(found: dict[str, Any], why: str) -> None:
    found |= {"ok": False, "detail": f"{why}; {found['detail']}"}
