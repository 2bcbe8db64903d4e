"""Starts everything that the gateway speaks to, each as a process of its own that listens on mutual TLS.

The rule: a system gets from `offline` the certificate that stands for it, pins those of its peers, and keeps what it
keeps in a folder of its own.
"""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gateway_demo_city.addressees import FORMER_CITY, PREFECTURE
from gateway_demo_city.keys import Pmh
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.site import DESTINATION, INTERMEDIATE, PMH, Site, strikes
from gateway_demo_city.split import Split
from gateway_demo_city.stage import Process, Stage, free_port

PORTAL: Final = "myna_portal"
CLINICS: Final = "clinic_app"
HISTORY: Final = "history_lookup"
RESEARCH: Final = "vaccination_db"
KEEPS: Final = "system"
"""What `RESEARCH` and `INTERMEDIATE` have kept lies in a folder that is called after each and ends so."""
INIT_SYSTEMS: Final = "systems"
"""Under the root: what init made for systems that are started by hand."""
CONTROL: Final = "control"
"""The second face of `INTERMEDIATE`: what happens at other bodies."""
RESULT_SECONDS: Final = 20
"""How long results of inquiries are kept on that day."""
_RECONCILE_SECONDS: Final = 3
_NETWORK: Final = "503:0.02,drop_before:0.02,drop_after:0.04,garbage:0.02,busy:0.02"
_FAULTS: Final = {
    HISTORY: {"asynchronous": 1, "drop": 1},
    RESEARCH: {"drop": 1, "row_busy": 1},
    PORTAL: {"garbage": 1, "row_busy": 1},
    INTERMEDIATE: {"maintenance": 1, "drop": 2, "garbage": 1},
}
"""What goes wrong on that day, and how often: every one of them must be made good by the line."""


@dataclass(frozen=True, slots=True)
class Systems:
    """All of them run. `ports` has where each listens; the eligibility side is PMH's second face."""

    records: Process
    pmh: Pmh
    others: tuple[Process, ...]
    ports: dict[str, int]

    @classmethod
    async def start(cls, stage: Stage, site: Split, seed: int, pmh_faults: Mapping[str, int]) -> Self:
        """Each on a free port, where its connector is pointed. Raises Failed."""
        portal, eligibility = free_port(), free_port()  # the one is in every token, the other in the clinics' file
        configs = {
            PORTAL: _portal(site, portal),
            CLINICS: _clinics(site, eligibility),
            HISTORY: _keeping(site.offline, HISTORY, "insured"),
            RESEARCH: _keeping(site.offline, RESEARCH, "doses.sqlite3"),
            INTERMEDIATE: _intermediate(site.offline),
        }
        simulators = [_simulator(stage, name, str(config)) for name, config in configs.items()]
        noisy = ("--config", str(site.record_system()), "--faults", _NETWORK, "--seed", str(seed))
        records = _simulator(stage, DESTINATION, *noisy, name="record_system")
        pmh, (first, *others) = await asyncio.gather(
            Pmh.start(stage, site, pmh_faults, more=_eligibility(site.offline, eligibility)),
            asyncio.gather(records, *simulators),
        )
        told = [await each.first_line() for each in (first, *others)]
        ports = {name: int(line["port"]) for name, line in zip((DESTINATION, *configs), told, strict=True)}
        ports[CONTROL] = int(told[-1]["control_port"])
        for connector in (DESTINATION, PORTAL, HISTORY, RESEARCH):
            site.point_at(ports[connector], connector)
        site.point_at(portal, PORTAL, "issuer")
        for url in ("platform_url", "server_url"):
            site.point_at(ports[INTERMEDIATE], INTERMEDIATE, url)
        site.between_bodies(RESULT_SECONDS, _RECONCILE_SECONDS)
        site.send_all()
        return cls(first, pmh, tuple(others), ports)

    @property
    def processes(self) -> tuple[Process, ...]:
        """All of them."""
        return (self.records, self.pmh.process, *self.others)


async def _simulator(stage: Stage, connector: str, *arguments: str, name: str = "") -> Process:
    return await stage.start(name or connector, sys.executable, "-m", f"gateway_{connector}.simulator", *arguments)


def _eligibility(offline: Site, port: int) -> str:
    """The tables of the eligibility side, and of each clinic's terminal."""
    terminals = "".join(
        f'[[eligibility.terminal]]\nclinic_code = "{code}"\ncertificate = "{offline.fingerprint(name)}"\n'
        for name, code in clinics(offline).items()
    )
    return (
        f'[eligibility]\nissuer = "{offline.settings(CLINICS)["issuer"]}"\n'
        f'signing_key = "{_issuer(offline, CLINICS)}"\n'
        f"[eligibility.listen]\nport = {port}\n[eligibility.tls]\n{offline.pem(f'{PMH}_system')}{terminals}"
    )


def _portal(site: Split, port: int) -> Path:
    offline = site.offline
    file = offline.folder(f"{PORTAL}_{KEEPS}") / "portal.toml"
    file.write_text(
        f'{strikes(_FAULTS[PORTAL])}listen = {{ host = "localhost", port = {port} }}\ntimes = {{ retry_after = 0 }}\n'
        f"[tls]\n{offline.pem(f'{PORTAL}_system')}"
        f'[gateway]\nurl = "{site.entrance}"\ntenant = "{MUNICIPALITY}"\n'
        f'certificate = "{offline.fingerprint(PORTAL)}"\n[gateway.tls]\n{offline.pem(f"{PORTAL}_client")}'
        f'[provider]\nissuer = "https://localhost:{port}"\nclient_id = "{offline.settings(PORTAL)["audience"]}"\n'
        f'signing_key = "{_issuer(offline, PORTAL)}"\n'
    )
    return file


def _clinics(site: Split, eligibility_port: int) -> Path:
    offline = site.offline
    tls = offline.root / "keys" / "tls"
    file = offline.folder(f"{CLINICS}_{KEEPS}") / "clinics.toml"
    file.write_text(
        f"[tls]\n{offline.pem(f'{CLINICS}_system')}"
        f'[gateway]\nurl = "{site.entrance}"\ntenant = "{MUNICIPALITY}"\nca = "{tls / "ca.crt"}"\n'
        f'[eligibility]\nurl = "https://localhost:{eligibility_port}"\nca = "{tls / "ca.crt"}"\n'
        + "".join(
            f'[[clinic]]\ncode = "{code}"\ncertificate = "{tls / name}.crt"\nkey = "{tls / name}.key"\n'
            for name, code in clinics(offline).items()
        )
    )
    return file


def _keeping(offline: Site, connector: str, data: str) -> Path:
    file = offline.folder(f"{connector}_{KEEPS}") / "system.toml"
    file.write_text(
        f'data = "{data}"\nclients = ["{offline.fingerprint(connector)}"]\ntimes = {{ retry_after = 0 }}\n'
        f"{strikes(_FAULTS[connector])}[tls]\n{offline.pem(f'{connector}_system')}"
    )
    return file


def _intermediate(offline: Site) -> Path:
    """Platform, 中間サーバー, network, and two other bodies, each with the key that init made for it."""
    keys = "".join(f'{body} = "{bodies_key(offline, body)}"\n' for body in (FORMER_CITY, PREFECTURE))
    file = offline.folder(f"{INTERMEDIATE}_{KEEPS}") / "network.toml"
    file.write_text(
        f'body = "{MUNICIPALITY}"\ndata = "data"\nsigning_key = "{network_key(offline)}"\n'
        "times = { code = 0.2, permit = 0.2, answer = 0.2, announcement = 0.2, retry_after = 0 }\n"
        f"{strikes(_FAULTS[INTERMEDIATE])}"
        f'[listen]\nclients = ["{offline.fingerprint(INTERMEDIATE)}"]\n'
        f'[control]\nclients = ["{offline.fingerprint("operator")}"]\n'
        f"[tls]\n{offline.pem(f'{INTERMEDIATE}_system')}[inquiry_keys]\n{keys}"
    )
    return file


def network_key(offline: Site) -> Path:
    """Who signs permits; the connector pins its public half."""
    return _issuer(offline, INTERMEDIATE)


def bodies_key(offline: Site, body: str) -> Path:
    """With what another body opens."""
    return offline.beside / INIT_SYSTEMS / "keys" / "inquiry" / f"{body}.jwk"


def clinics(offline: Site) -> dict[str, str]:
    """The name of each clinic's certificate, and its 医療機関コード."""
    return {Path(file).stem: code for file, code in offline.settings(CLINICS)["clinics"].items()}


def _issuer(offline: Site, connector: str) -> Path:
    """The private key of who signs what that connector is shown."""
    return offline.root / "keys" / "tls" / f"{connector}_issuer.key"
