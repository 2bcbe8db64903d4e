"""An edge process that has come in to the hub: what it may call for, and how the hub hands something to its edges."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from gateway.errors import Deferred, GatewayError, Refused
from gateway.link.allowance import Allowance, Exhausted
from gateway.link.calls import Channel, Garbled, decode
from gateway.link.ends import EdgeEnd, HubEnd
from gateway.link.in_process import ToEdges
from gateway.link.words import (
    Ask,
    Bounds,
    Condition,
    ConfigApplied,
    Deliver,
    Hello,
    Look,
    Pinned,
    Place,
    Submit,
    Told,
    UseStop,
    sentence,
)
from gateway.messages import Envelope, Handed, Recorded, Settled, Status

_ASKING: Final = 16
"""How many answers to an edge, each as large as a reply may be, are made at a time."""
_CONDITION_SECONDS: Final = 3.0
"""How long an edge may take to say how its connectors are."""
_UNFIT: Final = "its edge process says something that is not fit to be shown"


class Hubs(Protocol):
    """What the hub's side does for edges. `linked` and `told` are facts before they return; `turned_away` tells
    operators why an edge that dials is not linked.
    """

    @property
    def directories(self) -> Mapping[str, int]: ...
    @property
    def limits(self) -> Bounds: ...
    def turned_away(self, edge: str, code: str) -> None: ...
    def of(self, tenant: str) -> HubEnd: ...
    async def linked(self, edge: str, config: str) -> None: ...
    async def unlinked(self, edge: str) -> None: ...
    async def told(self, edge: str, fact: Told) -> None: ...


@dataclass(frozen=True, slots=True)
class RemoteEdge:
    """An edge in another process."""

    place: Place
    channel: Channel

    async def deliver(self, envelope: Envelope, wanted: frozenset[int]) -> Handed:
        """See `EdgeEnd`. Raises Deferred("system_unreachable") if its process is gone."""
        handed: Handed = await self._call("deliver", Deliver(self.place, envelope, wanted), Handed)
        if handed.retry_after is not None and not 0 <= handed.retry_after < math.inf:
            raise Deferred("connector_bug")
        return handed

    async def settle(self, settled: Settled) -> None:
        """See `EdgeEnd`. Raises Deferred."""
        await self._call("settle", settled, None)

    async def _call(self, name: str, body: object, form: Any) -> Any:
        """An edge answers with outcomes; one that refuses the call, or says something else, ends no record by it."""
        try:
            return await self.channel.call(name, body, form)
        except (Refused, Garbled):
            raise Deferred("connector_bug") from None


@dataclass(slots=True)
class Guest:
    """One edge process that has come in. It stands where its certificate is pinned to, and speaks for nobody else."""

    edge: Pinned
    certificate: str
    hubs: Hubs
    to_edges: ToEdges
    allowance: Allowance
    crowded: Callable[[], None]
    channel: Channel = field(init=False)
    limits: Bounds | None = None
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _ends: dict[Place, EdgeEnd] = field(default_factory=dict)
    _hello: bool = False
    _greeted: bool = False
    _asking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_ASKING))

    async def answer(self, name: str, body: bytes) -> object:
        """What an edge may call for, once it has said who it is. Raises Refused("header_mismatch") if it names a place
        that is not its own.
        """
        if name not in _CALLS or (name != "hello" and not self._greeted):
            raise Refused("bad_envelope")
        try:
            return await _CALLS[name](self, body)
        except Exhausted:
            self.crowded()
            raise

    async def conditions(self) -> dict[Place, Condition]:
        """How it says that its connectors are: of its own places only, in words that may be shown. Who is not let in
        is not asked: nothing reaches what it has.
        """
        if not self._greeted:
            return {}
        try:
            async with asyncio.timeout(_CONDITION_SECONDS):
                said = await self.channel.call("connectors", None, list[Condition])
        except (GatewayError, TimeoutError):
            return {}  # gone, or out of its mind; so its connectors are
        mine = {
            (each.tenant, each.connector): each for each in said if (each.tenant, each.connector) in self.edge.places
        }
        return {
            place: msgspec.structs.replace(each, detail=sentence(each.detail) or _UNFIT) for place, each in mine.items()
        }

    async def hello(self, body: bytes) -> None:
        hello = decode(body, Hello)
        for place in (*hello.places, *hello.open):
            self._own(place)
        if self._hello:
            raise Refused("bad_envelope")
        self.allowance.spend()
        try:
            self._fits(hello)
        except Deferred as deferred:
            self.hubs.turned_away(self.edge.name, deferred.code)
            raise
        self._hello = True
        self.limits = hello.limits
        await self.hubs.linked(self.edge.name, hello.config)
        self._greeted = True
        for place in hello.open:
            self._open(place)

    async def opened(self, body: bytes) -> None:
        self._open(decode(body, tuple[str, str]))

    async def leave(self, body: bytes) -> None:
        del body
        self._shut()

    async def submit(self, body: bytes) -> Recorded:
        call = decode(body, Submit)
        tenant, connector = self._own(call.place)
        return await self.hubs.of(tenant).submit(connector, call.sealed)

    async def status(self, body: bytes) -> Status | None:
        call = decode(body, Ask)
        tenant, connector = self._own(call.place)
        async with self._asking:
            await self.channel.drained()
            hub, asker = self.hubs.of(tenant), call.client_certificate
            return await hub.status(connector, call.message_id, asker, proven=call.proven)

    async def proof(self, body: bytes) -> str | None:
        call = decode(body, Ask)
        tenant, connector = self._own(call.place)
        async with self._asking:
            await self.channel.drained()
            return await self.hubs.of(tenant).proof(connector, call.message_id, call.client_certificate)

    async def look(self, body: bytes) -> Envelope:
        call = decode(body, Look)
        tenant, connector = self._own(call.place)
        self.allowance.spend()
        async with self._asking:
            await self.channel.drained()
            hub = self.hubs.of(tenant)
            return await hub.look(connector, call.message_id, call.client_certificate, call.terminal)

    async def shown(self, body: bytes) -> None:
        call = decode(body, Look)
        tenant, connector = self._own(call.place)
        self.allowance.spend()
        await self.hubs.of(tenant).shown(connector, call.message_id, call.client_certificate, call.terminal)

    async def use_stop(self, body: bytes) -> None:
        call = decode(body, UseStop)
        tenant, connector = self._own(call.place)
        self.allowance.spend()
        hub = self.hubs.of(tenant)
        await hub.use_stop(connector, call.case, call.client_certificate, call.terminal, resumed=call.resumed)

    async def told(self, body: bytes) -> None:
        fact = decode(body, Told)
        if isinstance(fact, ConfigApplied):
            self._fits(fact)
            known = {code: each for code, each in fact.directories.items() if code in self.hubs.directories}
            fact = msgspec.structs.replace(fact, directories=known)
        self.allowance.spend()
        await self.hubs.told(self.edge.name, fact)
        if isinstance(fact, ConfigApplied):
            self.limits = fact.limits

    async def gone(self) -> None:
        self._shut()
        if self._greeted:
            await self.hubs.unlinked(self.edge.name)

    def _fits(self, its: Hello | ConfigApplied) -> None:
        """No edge uses keys that the hub does not know yet, or limits that it does not allow: the hub would not take
        what is sealed by them. Raises Deferred.
        """
        mine = self.hubs.directories
        if any(version > mine.get(tenant, version) for tenant, version in its.directories.items()):
            raise Deferred("directory_ahead")
        if its.limits.beyond(self.hubs.limits):
            raise Deferred("limits_differ")

    def _shut(self) -> None:
        for place, end in self._ends.items():
            if self.to_edges.edges.get(place) is end:
                del self.to_edges.edges[place]

    def _open(self, place: Place) -> None:
        """Once: each time is reason to try at once what waits for it."""
        if self._own(place) not in self._ends:
            self._ends[place] = RemoteEdge(place, self.channel)
            self.to_edges.put(place, self._ends[place])

    def _own(self, place: Place) -> Place:
        if place not in self.edge.places:
            raise Refused("header_mismatch")
        return place


_CALLS: Mapping[str, Callable[[Guest, bytes], Awaitable[object]]] = {
    "hello": Guest.hello,
    "opened": Guest.opened,
    "leave": Guest.leave,
    "submit": Guest.submit,
    "status": Guest.status,
    "proof": Guest.proof,
    "look": Guest.look,
    "shown": Guest.shown,
    "use_stop": Guest.use_stop,
    "told": Guest.told,
}
