"""The hub's end of a link over HTTPS: edge processes come in by mutual TLS, each pinned to where it may stand.

Whoever comes anew takes the place of its former self: an edge that died may not have been missed yet.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from gateway.errors import Deferred, Refused
from gateway.link.allowance import Allowance
from gateway.link.calls import Channel
from gateway.link.guest import Guest, Hubs
from gateway.link.https import expect, peer_fingerprint, problems
from gateway.link.in_process import ToEdges
from gateway.link.words import HEARTBEAT, PATH, Bounds, Condition, Pinned, Place, largest
from gateway.observe import Telemetry

_LEAVING_SECONDS: Final = 5.0
"""How long a stop waits for the last word about each edge."""


@dataclass(slots=True)
class LinkListener:
    """Where edge processes come in. `pinned` is by certificate; a reload replaces it by `adopt`."""

    pinned: Mapping[str, Pinned]
    hubs: Hubs
    to_edges: ToEdges
    telemetry: Telemetry
    noise: int = 0
    _guests: dict[str, Guest] = field(default_factory=dict)
    _allowances: dict[str, Allowance] = field(default_factory=dict)
    _staying: set[asyncio.Event] = field(default_factory=set)
    _closing: bool = False

    def crowded(self) -> None:
        """Somebody found no room, or an edge went beyond its allowance: noise, which is counted and not told singly."""
        self.noise += 1

    def application(self) -> web.Application:
        """The aiohttp application of the link's listener."""
        application = web.Application(middlewares=[problems(self.telemetry)])
        application.router.add_get(PATH, self.link, expect_handler=expect)
        return application

    async def link(self, request: web.Request) -> web.StreamResponse:
        """One edge process, for as long as it stays."""
        certificate = peer_fingerprint(request)
        edge = self.pinned.get(certificate)
        if edge is None:
            self.noise += 1
            raise Refused("unknown_certificate")
        if self._closing:
            raise Deferred("stopping")
        most = largest(self.hubs.limits.body_bytes)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, compress=False, max_msg_size=most)
        await socket.prepare(request)
        if self.pinned.get(certificate) != edge or self._closing:  # a reload, or our stop, came in between
            await socket.close()
            return socket
        allowance = self._allowances.setdefault(edge.name, Allowance())
        guest = Guest(edge, certificate, self.hubs, self.to_edges, allowance, self.crowded)
        abort = request.transport.abort if request.transport is not None else lambda: None
        channel = guest.channel = Channel(
            socket, guest.answer, self.telemetry.bug, unreachable="system_unreachable", most=most, abort=abort
        )
        former, self._guests[edge.name] = self._guests.get(edge.name), guest
        self._staying.add(guest.left)
        try:
            if former is not None:
                await former.channel.close()
            await channel.run()
        finally:
            if self._guests.get(edge.name) is guest:
                del self._guests[edge.name]
            try:
                await guest.gone()
            finally:
                self._staying.discard(guest.left)
                guest.left.set()
        return socket

    async def adopt(self, pinned: Mapping[str, Pinned]) -> None:
        """A reload: from now on these are let in. Who came by a certificate that no longer counts has to come anew,
        as has who came with greater limits meanwhile.
        """
        self.pinned = pinned
        beyond = self.beyond(self.hubs.limits)
        await self._hang_up(
            [each for name, each in self._guests.items() if pinned.get(each.certificate) != each.edge or name in beyond]
        )

    def beyond(self, limits: Bounds) -> dict[str, tuple[str, ...]]:
        """The edge processes that have limits beyond these, by name, and which."""
        found = {name: each.limits.beyond(limits) for name, each in self._guests.items() if each.limits}
        return {name: found[name] for name in sorted(found) if found[name]}

    async def conditions(self) -> dict[Place, Condition]:
        """What the edge processes that are linked say of their own connectors; who does not say in time is left out."""
        said = await asyncio.gather(*[each.conditions() for each in self._guests.values()])
        return {place: each for of_one in said for place, each in of_one.items()}

    async def close(self) -> None:
        """Hang up on everybody; returns when it is a fact of each that it has gone."""
        self._closing = True
        staying = [*self._staying]
        await self._hang_up(self._guests.values())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVING_SECONDS):
                await asyncio.gather(*[each.wait() for each in staying])

    async def _hang_up(self, guests: Iterable[Guest]) -> None:
        await asyncio.gather(*[each.channel.close() for each in guests])
