"""A process that stops: whatever becomes of its hub meanwhile, each connector is told."""

import io

from gateway.errors import Deferred
from gateway.link.edge_end import HubLink
from gateway.link.words import Place
from gateway.observe import Telemetry, configure
from gateway.wiring.running import running
from tests.acceptance.split import SplitSite


async def test_connectors_are_closed_when_the_hub_has_gone_first(tmp_path, monkeypatch):
    async def gone(link):
        raise Deferred("hub_unreachable")

    monkeypatch.setattr(HubLink, "leave", gone)
    closed: list[Place] = []
    root = SplitSite(tmp_path / "site", "edge_per_zone").folder / "closed_network"
    async with running(root, Telemetry(configure(io.StringIO())), "edge") as daemon:
        for place, station in daemon._edge._stations.items():
            monkeypatch.setattr(station.edge.connector, "close", _noted(closed, place, station.edge.connector.close))
        stations = dict(daemon._edge._stations)
    assert sorted(closed) == sorted(stations)
    assert len(closed) == 3
    assert all(each._session.closed for each in stations.values())


def _noted(closed, place, close):
    async def noted():
        closed.append(place)
        await close()

    return noted
