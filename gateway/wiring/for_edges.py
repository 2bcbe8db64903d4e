"""What a hub does for edge processes: who comes, who goes and what they tell of themselves are facts."""

import contextlib

import msgspec

from gateway.errors import Deferred
from gateway.hub.hub import TenantHub
from gateway.hub.journal import FactKind
from gateway.link.words import Bounds, ConfigApplied, Told
from gateway.observe import Telemetry
from gateway.wiring.hub_side import HubSide
from gateway.wiring.opening import bounds


class ForEdges:
    """`away` has the edge processes that dial and may not come in as they are, each with the code."""

    def __init__(self, hub: HubSide, telemetry: Telemetry) -> None:
        self.away: dict[str, str] = {}
        self._hub = hub
        self._telemetry = telemetry

    @property
    def directories(self) -> dict[str, int]:
        """The version of each tenant's directory that is in use."""
        return {code: hub.rules.directory.version for code, hub in self._hub.hubs.items()}

    @property
    def limits(self) -> Bounds:
        """What a message may hold at most, in how many lanes, and how long it may live."""
        return bounds(self._hub.config)

    def of(self, tenant: str) -> TenantHub:
        """The tenant's hub."""
        return self._hub.of(tenant)

    async def linked(self, edge: str, config: str) -> None:
        """An edge process has come in."""
        self.away.pop(edge, None)
        self._hub.anew()
        self._telemetry.log.info("edge.linked", source=edge)
        await self._hub.fact(FactKind.EDGE_LINKED, {"edge": edge, "config": config})

    def turned_away(self, edge: str, code: str) -> None:
        """An edge process dials again and again, and may not come in as it is: one line until that changes."""
        if self.away.get(edge) != code:
            self._telemetry.log.warning("edge.turned_away", source=edge, code=code)
        self.away[edge] = code

    async def unlinked(self, edge: str) -> None:
        """An edge process has gone."""
        self._telemetry.log.warning("edge.unlinked", source=edge)
        with contextlib.suppress(Deferred):  # health says why
            await self._hub.fact(FactKind.EDGE_UNLINKED, {"edge": edge})

    async def told(self, edge: str, fact: Told) -> None:
        """An edge process tells of itself."""
        body = msgspec.to_builtins(fact)
        await self._hub.fact(FactKind(body.pop("kind")), {"edge": edge, **body})
        if isinstance(fact, ConfigApplied):
            self._hub.anew()
