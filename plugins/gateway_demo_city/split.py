"""The same municipality with hub, edges and internet edge as processes of their own, each with its own root.

Made by `gateway init --example hub_and_edges`: `offline` has all private keys, the systems' among them. What the
systems keep, and what was observed, is beside the roots.
"""

import asyncio
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gateway_demo_city.form import Form
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.site import DESTINATION, Site
from gateway_demo_city.stage import Process, Stage, free_port, gateway

_EXAMPLE: Final = "hub_and_edges"
_PORT: Final = re.compile(r"(?m)^port = (\d+)$")
_LIMITS: Final = "\n[limits]\nretry_first = 0.2\nretry_longest = 2.0\n"
"""Retries at a demo's pace: seconds, not minutes."""
_FORMS: Final = ("jsonl", "fhir")
_EXPORTS: Final = "".join(
    f'[[exports]]\nname = "{form}"\nform = "{form}"\ntenants = ["{MUNICIPALITY}", "system"]\nfolder = "{form}"\n'
    for form in _FORMS
)
"""Copies of the hub's logs, to be searched with all else."""


@dataclass(frozen=True, slots=True)
class Split:
    """Three roots and the one that is not connected. It is used as a `Site` is."""

    hub: Site
    edges: Site
    internet: Site
    offline: Site

    @classmethod
    async def make(cls, stage: Stage) -> Self:
        """New roots with free ports. Raises Failed."""
        root = stage.root
        await stage.must("init", *gateway("init", str(root), "--tenant", MUNICIPALITY, "--example", _EXAMPLE))
        files = [root / name / "config" / "gateway.toml" for name in ("hub", "edges", "internet")]
        texts = [file.read_text(encoding="utf-8") + _LIMITS for file in files]
        texts[0] += _EXPORTS
        for form in _FORMS:
            (root / "hub" / form).mkdir()
        ports = {port: str(free_port()) for text in texts for port in _PORT.findall(text)}
        for file, text in zip(files, texts, strict=True):
            file.write_text(re.sub("|".join(ports), lambda found: ports[found[0]], text), encoding="utf-8")
        return cls.read(root)

    @classmethod
    def read(cls, root: Path) -> Self:
        """The sites as configured now."""
        return cls(*(Site.read(root / name, root) for name in ("hub", "edges", "internet", "offline")))

    @property
    def processes(self) -> dict[str, Site]:
        """What runs, the hub first."""
        return {"hub": self.hub, "edges": self.edges, "internet": self.internet}

    async def start(self, stage: Stage) -> list[Process]:
        """The three processes; the hub first."""
        started = [
            stage.start(name, *gateway("hub" if site is self.hub else "edge", "--root", str(site.root)))
            for name, site in self.processes.items()
        ]
        return list(await asyncio.gather(*started))

    # ---- the configuration, the same in all roots --------------------------------------------------------------------

    def point_at(self, port: int, connector: str = DESTINATION, key: str = "base_url") -> None:
        """See `Site.point_at`."""
        for site in self._all():
            site.point_at(port, connector, key)

    def ask_keys(self) -> None:
        """See `Site.ask_keys`."""
        for site in self._all():
            site.ask_keys()

    def send_all(self) -> None:
        """See `Site.send_all`."""
        for site in self._all():
            site.send_all()

    def between_bodies(self, result_seconds: int, reconcile_seconds: int) -> None:
        """See `Site.between_bodies`."""
        for site in self._all():
            site.between_bodies(result_seconds, reconcile_seconds)

    # ---- as a site ---------------------------------------------------------------------------------------------------

    @property
    def root(self) -> Path:
        """The folder with all roots."""
        return self.hub.beside

    @property
    def beside(self) -> Path:
        """See `Site`."""
        return self.hub.beside

    @property
    def exchange(self) -> Path:
        """The municipal system's own folder."""
        return self.edges.exchange

    @property
    def form(self) -> Form:
        """How the municipal system writes its files."""
        return self.edges.form

    @property
    def entrance(self) -> str:
        """Where the portal's server and the clinics' applications come in."""
        return self.internet.listener

    def admin(self) -> tuple[str, ssl.SSLContext]:
        """The hub's operators' address, and one operator."""
        return self.hub.admin()

    def line(self) -> tuple[str, ssl.SSLContext]:
        """Where the municipal system asks, and its identity."""
        return self.edges.line(self.offline.root)

    def system(self, connector: str, port: int) -> tuple[str, ssl.SSLContext]:
        """See `Site.system`."""
        return self.offline.system(connector, port)

    def records(self, port: int) -> tuple[str, ssl.SSLContext]:
        """See `Site.records`."""
        return self.offline.records(port)

    def record_system(self) -> Path:
        """See `Site.record_system`."""
        return self.offline.record_system()

    def pmh_system(self, faults: Mapping[str, int]) -> Path:
        """See `Site.pmh_system`."""
        return self.offline.pmh_system(faults)

    def _all(self) -> Iterator[Site]:
        yield from (self.hub, self.edges, self.internet, self.offline)
