"""The two ends that a link joins: a tenant's hub and an edge. Only sealed bytes and plain outcomes cross it."""

from typing import Protocol

from gateway.messages import Envelope, Handed, Recorded, Sealed, Settled, Status


class HubEnd(Protocol):
    """A tenant's hub; `peer` is the connector whose edge is calling."""

    async def submit(self, peer: str, sealed: Sealed) -> Recorded: ...
    async def status(self, peer: str, message_id: str) -> Status | None: ...


class EdgeEnd(Protocol):
    """An edge."""

    async def deliver(self, envelope: Envelope, wanted: frozenset[int]) -> Handed: ...
    async def settle(self, settled: Settled) -> None: ...
