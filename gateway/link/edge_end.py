"""An edge process's end of a link over HTTPS: it dials the hub, says where it stands, and dials again when it is gone.

The hub dials nobody: so a zone lets nothing in for the link's sake.
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from gateway.errors import CODES, Deferred, GatewayError, Refused
from gateway.link.calls import Channel, decode
from gateway.link.in_process import ToEdges
from gateway.link.words import HEARTBEAT, PATH, Ask, Bounds, Deliver, Hello, Look, Place, Submit, UseStop, largest
from gateway.messages import Envelope, Handed, Recorded, Sealed, Settled, Status
from gateway.observe import Telemetry

_LONGEST_PAUSE: Final = 5.0
_PATIENCE: Final = 10.0


class HubLink:
    """The one connection of an edge process. `local` are its edges that are open; `tls` holds from the next
    dialling; `problem` is why it is not linked.
    """

    def __init__(  # noqa: PLR0913  (the process's whole world, handed in)
        self,
        url: str,
        tls: ssl.SSLContext,
        places: tuple[Place, ...],
        local: ToEdges,
        telemetry: Telemetry,
        *,
        config: Callable[[], str],
        directories: Callable[[], Mapping[str, int]],
        limits: Callable[[], Bounds],
        connectors: Callable[[], list[dict[str, Any]]],
    ) -> None:
        self._url = url.rstrip("/") + PATH
        self.tls = tls
        self._places = places
        self._local = local
        self._telemetry = telemetry
        self._config = config
        self._directories = directories
        self._limits = limits
        self._connectors = connectors
        self.problem = CODES["hub_unreachable"].title
        self._channel: Channel | None = None
        self._answers: Mapping[str, Callable[[bytes], Awaitable[object]]] = {
            "deliver": self._deliver,
            "settle": self._settle,
            "connectors": self._tell_connectors,
        }

    @property
    def linked(self) -> bool:
        """Whether the hub is there and knows us."""
        return self._channel is not None

    async def run(self) -> None:
        """Until cancelled: linked, or about to be."""
        pause = 0.1
        async with aiohttp.ClientSession(middlewares=(_straight,)) as session:
            while True:
                try:
                    await self._once(session)
                    pause = 0.1
                except (aiohttp.ClientError, GatewayError, OSError, TimeoutError) as error:
                    code = error.code if isinstance(error, GatewayError) else "hub_unreachable"
                    self.problem = CODES[code].title if code in CODES else code
                    self._telemetry.log.warning("hub.unreachable", error=type(error).__name__, code=code)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  (spreads the edges, keeps no secret)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _once(self, session: aiohttp.ClientSession) -> None:
        most = largest(self._limits().body_bytes)
        async with asyncio.timeout(_PATIENCE):
            socket = await session.ws_connect(
                self._url, ssl=self.tls, heartbeat=HEARTBEAT, compress=0, max_msg_size=most
            )
        if socket.get_extra_info("ssl_object") is None:
            await socket.close()
            raise Deferred("hub_unreachable")
        channel = Channel(socket, self._answer, self._telemetry.bug, unreachable="hub_unreachable", most=most)
        running = asyncio.create_task(channel.run())
        try:
            async with asyncio.timeout(_PATIENCE):
                hello = self._hello()
                await channel.call("hello", hello, None)
                self._channel = channel
                for place in self._local.edges.keys() - set(hello.open):  # those that opened meanwhile
                    await self.opened(place)
            self._telemetry.log.info("hub.linked")
            await running
        finally:
            self._channel = None
            running.cancel()
            await channel.close()

    def _hello(self) -> Hello:
        reached = dict(self._directories())
        return Hello(self._places, tuple(self._local.edges), self._config(), reached, self._limits())

    # ---- towards the hub ---------------------------------------------------------------------------------------------

    async def opened(self, place: Place) -> None:
        """A connector is open from now on. If the hub does not take that now, we link anew, and it hears so then."""
        if (channel := self._channel) is not None:
            try:
                await channel.call("opened", place, None)
            except Deferred:
                await channel.close()

    async def leave(self) -> None:
        """Be handed nothing more, and finish what was. Raises Deferred if the hub is gone."""
        if self._channel is not None:
            await self._call("leave", None, None)
            await self._channel.quiet()

    async def told(self, kind: str, body: Mapping[str, Any]) -> None:
        """A fact of this process, in the system's log when it returns. Raises Deferred."""
        try:
            await self._call("told", {"kind": kind, **body}, None)
        except Refused as refused:  # it is of another version than we
            raise Deferred(refused.code) from None

    async def submit(self, place: Place, sealed: Sealed) -> Recorded:
        """See `HubEnd`. Raises Deferred("hub_unreachable") too: then it may have been recorded all the same."""
        recorded: Recorded = await self._call("submit", Submit(place, sealed), Recorded)
        return recorded

    async def status(
        self, place: Place, message_id: str, certificate: str | None, *, proven: bool = False
    ) -> Status | None:
        """See `HubEnd`."""
        asking = Ask(place, message_id, certificate, proven)
        status: Status | None = await self._call("status", asking, Status | None)
        return status

    async def proof(self, place: Place, message_id: str, certificate: str | None) -> str | None:
        """See `HubEnd`."""
        proof: str | None = await self._call("proof", Ask(place, message_id, certificate), str | None)
        return proof

    async def look(self, place: Place, message_id: str, certificate: str, terminal: str) -> Envelope:
        """See `HubEnd`."""
        looking = Look(place, message_id, certificate, terminal)
        envelope: Envelope = await self._call("look", looking, Envelope)
        return envelope

    async def shown(self, place: Place, message_id: str, certificate: str, terminal: str) -> None:
        """See `HubEnd`."""
        await self._call("shown", Look(place, message_id, certificate, terminal), None)

    async def use_stop(self, place: Place, case: str, certificate: str, terminal: str, *, resumed: bool) -> None:
        """See `HubEnd`."""
        await self._call("use_stop", UseStop(place, case, certificate, terminal, resumed), None)

    async def _call(self, name: str, body: object, form: Any) -> Any:
        if self._channel is None:
            raise Deferred("hub_unreachable")
        return await self._channel.call(name, body, form)

    # ---- from the hub ------------------------------------------------------------------------------------------------

    async def _answer(self, name: str, body: bytes) -> object:
        if name not in self._answers:
            raise Refused("bad_envelope")
        return await self._answers[name](body)

    async def _deliver(self, body: bytes) -> Handed:
        call = decode(body, Deliver)
        tenant, connector = call.place
        return await self._local.deliver(tenant, connector, call.envelope, call.wanted)

    async def _settle(self, body: bytes) -> None:
        await self._local.settle(decode(body, Settled))

    async def _tell_connectors(self, body: bytes) -> list[dict[str, Any]]:
        del body
        return self._connectors()


async def _straight(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """The hub is where the configuration says; nobody is followed elsewhere."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.ClientConnectionError
    return response


@dataclass(frozen=True, slots=True)
class RemoteHub:
    """A tenant's hub in another process."""

    link: HubLink
    tenant: str

    async def submit(self, peer: str, sealed: Sealed) -> Recorded:
        """See `HubEnd`."""
        return await self.link.submit((self.tenant, peer), sealed)

    async def status(
        self, peer: str, message_id: str, certificate: str | None = None, *, proven: bool = False
    ) -> Status | None:
        """See `HubEnd`."""
        return await self.link.status((self.tenant, peer), message_id, certificate, proven=proven)

    async def proof(self, peer: str, message_id: str, certificate: str | None = None) -> str | None:
        """See `HubEnd`."""
        return await self.link.proof((self.tenant, peer), message_id, certificate)

    async def look(self, peer: str, message_id: str, certificate: str, terminal: str) -> Envelope:
        """See `HubEnd`."""
        return await self.link.look((self.tenant, peer), message_id, certificate, terminal)

    async def shown(self, peer: str, message_id: str, certificate: str, terminal: str) -> None:
        """See `HubEnd`."""
        await self.link.shown((self.tenant, peer), message_id, certificate, terminal)

    async def use_stop(self, peer: str, case: str, certificate: str, terminal: str, *, resumed: bool) -> None:
        """See `HubEnd`."""
        await self.link.use_stop((self.tenant, peer), case, certificate, terminal, resumed=resumed)
