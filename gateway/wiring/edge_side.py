"""The edges' side of a process: a station for each connector, and the entrances by which their systems come in."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import BaseModel

from gateway.config import Config
from gateway.edge import plugins
from gateway.edge.edge import Edge
from gateway.edge.listener import Entrance
from gateway.edge.rules import EdgeRules
from gateway.edge.show import shown
from gateway.edge.use_stops import UseStopList
from gateway.errors import Misconfigured, Refused
from gateway.keys.at_rest import Secret
from gateway.keys.directory import Directory
from gateway.keys.layout import TenantKeys
from gateway.keys.private import EdgeKeys
from gateway.link.ends import HubEnd
from gateway.link.in_process import ToEdges, ToHub
from gateway.observe import Telemetry
from gateway.plugin.connector import ConnectorSpec
from gateway.wiring.opening import Plug, edge_rules, open_keys, open_session, readable_secrets
from gateway.wiring.station import Station

Place = tuple[str, str]


class EdgeSide:
    """`local` has those of its edges that are open; `opened` is told of each."""

    def __init__(self, config: Config, local: ToEdges, telemetry: Telemetry, clock: Callable[[], datetime]) -> None:
        self.entrances: list[Entrance] = []
        self.local = local
        self._config = config
        self._telemetry = telemetry
        self._clock = clock
        self._stations: dict[Place, Station] = {}
        self._quarantined: dict[Place, str] = {}

    def stand(
        self, plugs: Mapping[Place, Plug], directories: Mapping[str, Directory], hub_of: Callable[[str], HubEnd]
    ) -> None:
        """Make every station; a broken one is quarantined alone. Raises Misconfigured if it is required."""
        for place, plug in plugs.items():
            reason = plug.quarantine or self._stand(place, plug, directories[place[0]], hub_of)
            if reason:
                self._quarantined[place] = reason
                self._telemetry.log.error("connector.quarantined", tenant=place[0], connector=place[1])
        self.entrances = [
            Entrance(settings, self._edges, self._telemetry) for settings in self._config.gateway.listeners
        ]

    def _stand(self, place: Place, plug: Plug, directory: Directory, hub_of: Callable[[str], HubEnd]) -> str:
        """Empty if it stands, else why not."""
        code, name = place
        try:
            self._stations[place] = self._station(place, plug, directory, hub_of(code))
        except Exception as error:
            if self._config.tenants[code].file.connectors[name].required:
                raise
            return " ".join(error.problems) if isinstance(error, Misconfigured) else f"failed: {type(error).__name__}"
        return ""

    def _station(self, place: Place, plug: Plug, directory: Directory, hub: HubEnd) -> Station:
        code, name = place
        assert plug.loaded is not None  # noqa: S101  (it is not quarantined)
        spec = plug.loaded.spec
        keys = open_keys(self._config, code, name, directory)
        rules = edge_rules(self._config, code, name, directory, spec.interface)
        readable_secrets(self._config, code, name)
        stops = UseStopList(TenantKeys(self._config.root, code).connector(name), partial(self._unreadable, place))
        edge = Edge(rules, keys, plugins.made(name, spec), ToHub(hub, name), self._clock, self._telemetry, stops)
        session = open_session(self._config, code, spec, plug.settings)
        return Station(edge, spec, plug.settings, session, self._secret, self._telemetry)

    def _unreadable(self, place: Place, problem: str) -> None:
        self._telemetry.log.error("use_stops.unreadable", tenant=place[0], connector=place[1], problem=problem)

    def _secret(self, reference: str) -> bytes:
        """What a connector's settings refer to. Raises Misconfigured."""
        return Secret.parse(reference, self._config.root).read()

    def work(self, opened: Callable[[Place], Awaitable[None]]) -> Iterator[Coroutine[Any, Any, None]]:
        """What must run as long as the process does: each connector is opened, then polled and asked how it is."""
        return (station.run(self._clock, self._reachable(place, opened)) for place, station in self._stations.items())

    def _reachable(self, place: Place, opened: Callable[[Place], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Only an open connector is handed anything."""

        async def reachable() -> None:
            self.local.put(place, self._stations[place].edge)
            await opened(place)

        return reachable

    @property
    def running(self) -> dict[Place, tuple[ConnectorSpec, BaseModel, EdgeKeys]]:
        """What stands, with what it registered, its settings and the keys that it opened."""
        return {place: (each.spec, each.settings, each.edge.keys) for place, each in self._stations.items()}

    def _edges(self) -> list[Edge]:
        return [station.edge for station in self._stations.values()]

    async def look(self, place: Place, message_id: str, certificate: str, terminal: str) -> dict[str, Any]:
        """A held message as people read it. Raises as `Edge.look`, and Refused("edge_elsewhere")."""
        if (station := self._stations.get(place)) is None:
            raise Refused("edge_elsewhere")
        return shown(await station.edge.look(message_id, certificate, terminal), station.edge.rules)

    async def use_stop(self, place: Place, case: str, certificate: str, terminal: str, *, resumed: bool) -> None:
        """Have it recorded before this edge's list changes. Raises Refused, also "edge_elsewhere", or Deferred."""
        if (station := self._stations.get(place)) is None:
            raise Refused("edge_elsewhere")
        await station.edge.hub.use_stop(case, certificate, terminal, resumed=resumed)

    def connectors(self) -> list[dict[str, Any]]:
        """Every connector of this process with its state, for operators."""
        return [self._row(*place) for place in self._config.places]

    def _row(self, code: str, name: str) -> dict[str, Any]:
        station = self._stations.get((code, name))
        problem = station.edge.problem if station else self._quarantined.get((code, name), "not loaded")
        return row(
            self._config,
            (code, name),
            state="quarantined" if station is None else "open" if station.opened else "opening",
            ok=bool(station and station.opened and station.health.ok and not problem),
            detail=problem or (station.health.detail if station else ""),
        )

    def adopt(self, config: Config, edges: Mapping[Place, tuple[EdgeRules, EdgeKeys]]) -> None:
        """A reload: from now on these hold."""
        self._config = config
        for place, station in self._stations.items():
            station.edge.rules, station.edge.keys = edges[place]

    async def drain(self) -> None:
        """Take nothing new; return when everybody has been answered."""
        await asyncio.gather(*(entrance.drain() for entrance in self.entrances))

    async def close(self) -> None:
        """Close every connector, whatever it says to it."""
        for station in self._stations.values():
            await station.close()


def row(config: Config, place: Place, *, state: str, ok: bool, detail: str) -> dict[str, Any]:
    """One connector with its state, for operators."""
    code, name = place
    entry = config.tenants[code].file.connectors[name]
    return {
        "tenant": code,
        "connector": name,
        "zone": entry.zone,
        "required": entry.required,
        "state": state,
        "ok": ok,
        "detail": detail,
        "interface": config.digests[name][:16],
    }
