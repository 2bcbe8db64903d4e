"""A site whose hub and edges are processes of their own, as `gateway init --example` makes it."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tests.acceptance.peer import Peer
from tests.acceptance.programs import GATEWAY, Program, command, until
from tests.acceptance.site import DESTINATION, LIMITS, Site
from tests.acceptance.subjects import MUNICIPALITY
from tests.ports import free_port

EXAMPLES = {"hub_and_edges": "edges", "edge_per_zone": "individual_number_zone"}
"""Each example with the process in which the source's connector stands."""
ADMINS = {"edges": 8447, "individual_number_zone": 8447, "lgwan": 8448, "closed_network": 8450, "internet": 8455}
"""Where the examples have each edge process's operators come in."""


def _placed(places: Mapping[int, int], written: re.Match[str]) -> str:
    return str(places.get(int(written[0]), written[0]))


class SplitSite(Site):
    """`root` is the hub's; `edges` are the edge processes by name."""

    def __init__(self, folder: Path, example: str) -> None:
        assert command(*GATEWAY, "init", str(folder), "--tenant", MUNICIPALITY, "--example", example).status == 0
        ports = [free_port() for _ in range(9)]
        super().__init__(folder / "hub", *ports[:3])
        self.folder = folder
        self.tls = folder / "offline/keys/tls"
        self.exchange = folder / EXAMPLES[example] / "exchange"
        self.names = tuple(each.name for each in folder.iterdir() if each.name not in ("hub", "offline", "systems"))
        self.gateway = Program((*GATEWAY, "hub", "--root", str(self.root)), self.observed / "hub.out")
        self.edges = {
            name: Program((*GATEWAY, "edge", "--root", str(folder / name)), self.observed / f"{name}.out")
            for name in self.names
        }
        written = (8443, 8444, 8449, 8447, 8448, 8450, 8454, 8455)
        places = dict(zip(written, (*ports[:2], *ports[3:]), strict=True))
        self.admins = {name: places[ADMINS[name]] for name in self.names}
        for process in ("hub", *self.names):
            file = folder / process / "config/gateway.toml"
            # In one pass and by whole numbers: a new port may have a written one's digits in it.
            file.write_text(re.sub(r"\b\d{4}\b", partial(_placed, places), file.read_text(encoding="utf-8")))
            self._replace(
                folder / process / f"config/tenants/{MUNICIPALITY}.toml",
                "https://localhost:8445",
                f"https://localhost:{self.ports['records']}",
            )
            text = (folder / process / "config/gateway.toml").read_text()
            limits = "\n[limits]\n" + "".join(f"{name} = {value}\n" for name, value in LIMITS.items())
            (folder / process / "config/gateway.toml").write_text(text + limits)
        self.area(MUNICIPALITY, self.tls / f"{DESTINATION}.crt")

    @staticmethod
    def _replace(path: Path, old: str, new: str) -> None:
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    def start(self) -> "SplitSite":
        """All that does not run, until hub and edges each say that they are ready: an edge listens before it is linked,
        and the hub may know of the link first.
        """
        for program in (self.records, self.gateway, *self.edges.values()):
            if not program.running:
                program.start()
        until(lambda: self._serves(self.records, lambda: self.held() is not None))
        ports = [(self.gateway, self.ports["admin"]), *((self.edges[name], self.admins[name]) for name in self.names)]
        for program, port in ports:
            self._ready(program, Peer(port, self.tls / "ca.crt", self.tls / "operator.crt"))
        return self

    def _ready(self, program: Program, admin: Peer) -> None:
        until(lambda: self._serves(program, lambda: admin.get("/readyz").status == 200))

    def close(self) -> None:
        super().close()
        for program in self.edges.values():
            if program.running:
                program.kill()
