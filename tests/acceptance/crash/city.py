"""A site with all that stands around it: the gateway's processes, the record system, PMH, each to be killed."""

import hashlib
import json
import re
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.acceptance.peer import Peer
from tests.acceptance.programs import Program, until
from tests.acceptance.site import Site
from tests.acceptance.split import SplitSite
from tests.acceptance.subjects import MUNICIPALITY
from tests.ports import free_port

RECORD_SYSTEM_FAULTS: Final = "503:0.02,drop_before:0.02,drop_after:0.02,garbage:0.02,busy:0.05,other_person:0.1"
PMH_FAULTS: Final = {"lie": 1, "drop": 1, "garbage": 1, "busy": 1, "asynchronous": 1, "token_lost": 1}
"""Each strikes so often after each start."""
FOREVER: Final = 1_000_000


class City:
    """`programs` by name: gateway (the hub, where there is one), the edges, records, pmh."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.pmh_port = free_port()
        self.roots = [site.root]
        edges: Mapping[str, Program] = {}
        if isinstance(site, SplitSite):
            self.roots += [site.folder / name for name in site.names]
            edges = site.edges
        self._configure()
        site.records = site._record_system(
            "gateway_vaccination_records.simulator", "--faults", RECORD_SYSTEM_FAULTS, "--seed", "1"
        )
        pmh = (sys.executable, "-m", "gateway_pmh.simulator", str(self._pmh_system()))
        self.programs = {
            "gateway": site.gateway,
            **edges,
            "records": site.records,
            "pmh": Program(pmh, site.observed / "pmh.out"),
        }

    @classmethod
    def made(cls, deployment: str, folder: Path, starter: Path) -> "City":
        """`deployment` is "run", one process copied from `starter`, or one of the examples with a hub."""
        if deployment == "run":
            return cls(Site.made(folder, starter, pmh=True))
        return cls(SplitSite(folder, deployment))

    def start(self) -> None:
        """All that does not run, until each serves; it may take what a crash interrupted."""
        if not self.programs["pmh"].running:
            self.programs["pmh"].start()
        self.site.start()

    def close(self) -> None:
        for program in self.programs.values():
            if program.running:
                program.kill()

    def stop(self) -> None:
        """As an operator does; each must end well."""
        ended = {name: program.stop() for name, program in reversed(self.programs.items()) if name != "gateway"}
        ended["gateway"] = self.programs["gateway"].stop()
        assert set(ended.values()) == {0}, ended

    # ---- configuration -----------------------------------------------------------------------------------------------

    def limit(self, name: str, value: float) -> None:
        """The same limit for every process."""
        for root in self.roots:
            path = root / "config/gateway.toml"
            text = re.sub(rf"(?m)^{name} = .*\n", "", path.read_text(encoding="utf-8"))
            path.write_text(text.replace("[limits]", f"[limits]\n{name} = {value}"), encoding="utf-8")

    def _configure(self) -> None:
        for root in self.roots:
            path = root / f"config/tenants/{MUNICIPALITY}.toml"
            text = path.read_text(encoding="utf-8").replace(
                "https://localhost:8446", f"https://localhost:{self.pmh_port}"
            )
            text = text.replace("ask_keys = false", "ask_keys = true").replace(
                "chunk_records = 500", "chunk_records = 40"
            )
            path.write_text(text, encoding="utf-8")
        hub = self.site.root / "config/gateway.toml"
        text = hub.read_text(encoding="utf-8")
        text = text if "[journal]" in text else f"{text}\n[journal]\n"
        hub.write_text(text.replace("[journal]", "[journal]\nwal_bytes = 1048576"), encoding="utf-8")
        self.limit("in_flight", 4)
        self.limit("request_patience", 10.0)  # what is killed and away meanwhile may be answered later

    def _pmh_system(self) -> Path:
        tls = self.site.tls
        folder = self.site.root / "pmh_system"
        folder.mkdir(mode=0o700)
        (secret,) = [found for root in self.roots for found in root.glob("keys/*/pmh/client_secret")]
        (client,) = {found.read_bytes() for root in self.roots for found in root.glob("keys/tls/pmh.crt")}
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(client.decode())).hexdigest()
        faults = ", ".join(f"{name} = {times}" for name, times in PMH_FAULTS.items())
        file = folder / "pmh.toml"
        file.write_text(
            f'data = "keys.sqlite3"\nfaults = {{ {faults} }}\ntimes = {{ retry_after = 0, processing = 0.1 }}\n'
            f"[listen]\nport = {self.pmh_port}\n"
            f'[tls]\ncertificate = "{tls}/pmh_system.crt"\nkey = "{tls}/pmh_system.key"\nca = "{tls}/ca.crt"\n'
            f'[[client]]\nclient_id = "renkei-{MUNICIPALITY}"\nclient_secret = "file:{secret}"\n'
            f'certificate = "{fingerprint}"\n'
        )
        return file

    # ---- what the systems say ----------------------------------------------------------------------------------------

    def keys(self) -> dict[str, int]:
        """How many numbers have a PMH key, want one or are in dispute, by the record system's own account."""
        records = Peer(self.site.ports["records"], self.site.tls / "ca.crt", self.site.tls / "vaccination_records.crt")
        return dict(records.get("/v1/keys").json)

    def pmh(self) -> dict[str, Any]:
        """What PMH counts."""
        return dict(self._pmh().get("/simulator/counts").json)

    def trouble(self, faults: Mapping[str, int]) -> None:
        """From now on PMH has these faults and no others, each so often."""
        until(lambda: self.site._serves(self.programs["pmh"], lambda: bool(self.pmh())))
        assert self._pmh().ask("PUT", "/simulator/faults", json.dumps(faults).encode()).status == 204

    def _pmh(self) -> Peer:
        return Peer(self.pmh_port, self.site.tls / "ca.crt", self.site.tls / "pmh.crt")

    def at_rest(self, patience: float = 180.0) -> None:
        """Until nothing is open, nobody is still to hear of an ending, and no number wants a key."""
        due = "SELECT count(*) FROM message WHERE open > 0 OR settle_asked > settle_told"
        until(lambda: self.site.query(due) == [(0,)] and self.keys()["wanted"] == 0, patience)
