"""The link inside one process: plain calls that carry bytes, exactly what would cross a wire and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.errors import Deferred
from gateway.link.ends import EdgeEnd, HubEnd
from gateway.messages import Envelope, Handed, Recorded, Sealed, Settled, Status


@dataclass(frozen=True, slots=True)
class ToHub:
    """One edge's end: it speaks as its own connector, by construction."""

    hub: HubEnd
    connector: str

    async def submit(self, sealed: Sealed) -> Recorded:
        """Have it permitted and recorded. Raises Refused or Deferred."""
        return await self.hub.submit(self.connector, sealed)

    async def status(self, message_id: str, certificate: str | None = None, *, proven: bool = False) -> Status | None:
        """What became of a message of this connector."""
        return await self.hub.status(self.connector, message_id, certificate, proven=proven)

    async def proof(self, message_id: str, certificate: str | None = None) -> str | None:
        """A file that proves what became of a message of this connector. Raises Refused or Deferred."""
        return await self.hub.proof(self.connector, message_id, certificate)

    async def look(self, message_id: str, certificate: str, terminal: str) -> Envelope:
        """A held message for this connector, to be shown to that person. Raises Refused or Deferred."""
        return await self.hub.look(self.connector, message_id, certificate, terminal)

    async def shown(self, message_id: str, certificate: str, terminal: str) -> None:
        """It could be opened for that person. Raises Refused or Deferred."""
        await self.hub.shown(self.connector, message_id, certificate, terminal)

    async def use_stop(self, case: str, certificate: str, terminal: str, *, resumed: bool) -> None:
        """That person has somebody's use stopped here, or resumed, under this case. Raises Refused or Deferred."""
        await self.hub.use_stop(self.connector, case, certificate, terminal, resumed=resumed)


@dataclass(slots=True)
class ToEdges:
    """The hub's end: every edge of this process, by tenant and connector. One that is not open is unreachable."""

    edges: dict[tuple[str, str], EdgeEnd] = field(default_factory=dict)
    appeared: Callable[[tuple[str, str]], None] = lambda place: None

    def put(self, place: tuple[str, str], edge: EdgeEnd) -> None:
        """From now on this edge is there."""
        self.edges[place] = edge
        self.appeared(place)

    async def deliver(self, tenant: str, connector: str, envelope: Envelope, wanted: frozenset[int]) -> Handed:
        """Hand the envelope to the edge. Raises Deferred("system_unreachable") if there is none."""
        return await self._edge(tenant, connector).deliver(envelope, wanted)

    async def settle(self, settled: Settled) -> None:
        """Tell the source edge. Raises what its connector raises, or Deferred as above."""
        await self._edge(settled.tenant, settled.source).settle(settled)

    def _edge(self, tenant: str, connector: str) -> EdgeEnd:
        try:
            return self.edges[tenant, connector]
        except KeyError:
            raise Deferred("system_unreachable") from None
