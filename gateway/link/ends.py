"""The two ends that a link joins: a tenant's hub and an edge. Only sealed bytes and plain outcomes cross it."""

from typing import Protocol

from gateway.messages import Envelope, Handed, Recorded, Sealed, Settled, Status


class HubEnd(Protocol):
    """A tenant's hub; `peer` is the connector whose edge is calling, `certificate` SHA-256 over that of whoever asks
    there: None if it is the edge itself. `proven` says that who asks has repeated the message, with what its route
    wants proven. Who may `look` is given a held message, to show it to the person of that certificate at that terminal,
    and says so once it could be `shown`. By `use_stop` that person has somebody's use stopped at the connector's edge,
    or resumed: whose, only the edge knows.
    """

    async def submit(self, peer: str, sealed: Sealed) -> Recorded: ...
    async def status(
        self, peer: str, message_id: str, certificate: str | None = None, *, proven: bool = False
    ) -> Status | None: ...
    async def proof(self, peer: str, message_id: str, certificate: str | None = None) -> str | None: ...
    async def look(self, peer: str, message_id: str, certificate: str, terminal: str) -> Envelope: ...
    async def shown(self, peer: str, message_id: str, certificate: str, terminal: str) -> None: ...
    async def use_stop(self, peer: str, case: str, certificate: str, terminal: str, *, resumed: bool) -> None: ...


class EdgeEnd(Protocol):
    """An edge."""

    async def deliver(self, envelope: Envelope, wanted: frozenset[int]) -> Handed: ...
    async def settle(self, settled: Settled) -> None: ...
