"""`edge_per_zone` with every system that it speaks to: each its simulator, a process of its own over mutual TLS.

What the systems know and the gateway may not is here as their callers have it: keys of PMH, logins at the portal, cards
shown at clinics.
"""

import base64
import hashlib
import json
import re
import sqlite3
import ssl
import sys
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway_demo_city.sweep import Finding, sweep
from tests.acceptance.child import Child
from tests.acceptance.peer import Answer, Peer
from tests.acceptance.programs import PATIENCE, Program, until
from tests.acceptance.split import SplitSite
from tests.acceptance.subjects import MUNICIPALITY
from tests.ports import free_port

PYTHON: Final = sys.executable
CLINICS: Final[Mapping[str, str]] = {"clinic_a": "1319999999", "clinic_b": "1319999980"}
"""医療機関コード by the name of the certificate. The second is a substitute, whose check digit does not fit (§10.4)."""
DOSES: Final = "doses.sqlite3"
"""What the simulator of 予防接種DB keeps."""
_PORTS: Final = {"pmh": 8446, "myna_portal": 8451, "history_lookup": 8452, "vaccination_db": 8453}
"""Where the example has the systems that the gateway connects to."""


class Outside(SplitSite):
    """`outside` is the folder of the systems beyond the gateway, but for the record system and the exchange folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "edge_per_zone")
        self.outside = folder / "outside"
        self.outside.mkdir()
        self.ports |= {name: free_port() for name in (*_PORTS, "eligibility", "clinic_app")}
        internet = tomllib.loads((folder / "internet/config/gateway.toml").read_text(encoding="utf-8"))
        self.ports["public"] = internet["listeners"][0]["port"]
        for process in ("hub", *self.names):
            file = folder / process / f"config/tenants/{MUNICIPALITY}.toml"
            for name, port in _PORTS.items():
                self._replace(file, f"https://localhost:{port}", self._url(name))
            self._replace(file, "1319999981", CLINICS["clinic_b"])
            self._connect(file)
        written = {
            "pmh": ("gateway_pmh", self._pmh()),
            "myna_portal": ("gateway_myna_portal", self._portal()),
            "clinic_app": ("gateway_clinic_app", self._clinics()),
            "history_lookup": ("gateway_history_lookup", self._client_of("history_lookup")),
            "vaccination_db": (
                "gateway_vaccination_db",
                'data = "doses.sqlite3"\n' + self._client_of("vaccination_db"),
            ),
        }
        self.systems = {name: self._simulator(name, *each) for name, each in written.items()}

    def start(self) -> "Outside":
        """The systems first, then the gateway."""
        for program in self.systems.values():
            program.start()
        for program in self.systems.values():
            until(partial(self._listening, program))
        super().start()
        return self

    def _listening(self, program: Program) -> bool:
        return self._serves(program, lambda: '"listening"' in program.output.read_text())

    def stop(self) -> None:
        """SIGTERM to every process, the gateway's first; each ends as it should."""
        for program in (*self.edges.values(), self.gateway, self.records, *self.systems.values()):
            assert program.stop() == 0, program.output.name

    def close(self) -> None:
        super().close()
        for program in self.systems.values():
            if program.running:
                program.kill()

    def edge_ready(self, name: str) -> None:
        """An edge process that was started again says that it is ready."""
        self._ready(self.edges[name], Peer(self.admins[name], self.tls / "ca.crt", self.tls / "operator.crt"))

    @staticmethod
    def _connect(file: Path) -> None:
        """The record system's connector asks and sends all that it can."""
        text = re.sub(r"(?m)^(ask_keys|ask_id5|send) = .*\n", "", file.read_text(encoding="utf-8"))
        head = "[connectors.vaccination_records.settings]\n"
        does = 'ask_keys = true\nask_id5 = true\nsend = ["notice", "return", "research"]\n'
        file.write_text(text.replace(head, head + does), encoding="utf-8")

    # ---- configuration of the systems --------------------------------------------------------------------------------

    def _simulator(self, name: str, package: str, configuration: str) -> Program:
        file = self.outside / f"{name}.toml"
        file.write_text(configuration)
        return Program((PYTHON, "-m", f"{package}.simulator", str(file)), self.observed / f"{name}.out")

    def _url(self, name: str) -> str:
        return f"https://localhost:{self.ports[name]}"

    def _listen(self, name: str, certificate: str, table: str = "") -> str:
        at = f"{table}." if table else ""
        return f"[{at}listen]\nport = {self.ports[name]}\n[{at}tls]\n{self._files(certificate)}"

    def _files(self, certificate: str) -> str:
        file = self.tls / certificate
        return f'certificate = "{file}.crt"\nkey = "{file}.key"\nca = "{self.tls / "ca.crt"}"\n'

    def _fingerprint(self, certificate: str) -> str:
        pem = (self.tls / f"{certificate}.crt").read_text()
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def _client_of(self, name: str) -> str:
        return f'clients = ["{self._fingerprint(name)}"]\n{self._listen(name, f"{name}_system")}'

    def _pmh(self) -> str:
        terminals = "".join(
            f'[[eligibility.terminal]]\nclinic_code = "{code}"\ncertificate = "{self._fingerprint(name)}"\n'
            for name, code in CLINICS.items()
        )
        return (
            f'{self._listen("pmh", "pmh_system")}[[client]]\nclient_id = "renkei-{MUNICIPALITY}"\n'
            f'client_secret = "file:{self._pmh_secret}"\ncertificate = "{self._fingerprint("pmh")}"\n'
            f'[eligibility]\nissuer = "{self._url("pmh")}"\nsigning_key = "{self.tls / "clinic_app_issuer.key"}"\n'
            f"{self._listen('eligibility', 'pmh_system', 'eligibility')}{terminals}"
        )

    @property
    def _pmh_secret(self) -> Path:
        return self.folder / "closed_network/keys" / MUNICIPALITY / "pmh/client_secret"

    def _portal(self) -> str:
        return (
            f"{self._listen('myna_portal', 'myna_portal_system')}"
            f'[provider]\nissuer = "{self._url("myna_portal")}"\nclient_id = "renkei-{MUNICIPALITY}"\n'
            f'signing_key = "{self.tls / "myna_portal_issuer.key"}"\n'
            f'[gateway]\nurl = "{self._url("public")}"\ntenant = "{MUNICIPALITY}"\n'
            f'certificate = "{self._fingerprint("myna_portal")}"\n[gateway.tls]\n{self._files("myna_portal_client")}'
        )

    def _clinics(self) -> str:
        ca = f'ca = "{self.tls / "ca.crt"}"\n'
        clinics = "".join(
            f'[[clinic]]\ncode = "{code}"\ncertificate = "{self.tls / name}.crt"\nkey = "{self.tls / name}.key"\n'
            for name, code in CLINICS.items()
        )
        return (
            f'{self._listen("clinic_app", "pmh_system")}[gateway]\nurl = "{self._url("public")}"\n'
            f'tenant = "{MUNICIPALITY}"\n{ca}[eligibility]\nurl = "{self._url("eligibility")}"\n{ca}{clinics}'
        )

    # ---- the systems -------------------------------------------------------------------------------------------------

    def say(self, system: str, method: str, path: str, body: object = None) -> Answer:
        """To a simulator, as whoever tries it."""
        peer = Peer(self.ports[system], self.tls / "ca.crt", self.tls / "operator.crt")
        return peer.get(path) if method == "GET" else peer.ask(method, path, json.dumps(body).encode())

    def told(self, system: str, path: str, body: object = None) -> Any:
        """What a simulator answers to whoever tries it, with a status of success."""
        answer = self.say(system, "POST", path, {} if body is None else body)
        assert answer.status in (200, 201), (system, answer.status)
        return answer.json

    def counts(self, system: str) -> dict[str, Any]:
        """What a simulator counts."""
        return dict(self.say(system, "GET", "/simulator/counts").json)

    def faults(self, system: str, *names: str) -> None:
        """What goes wrong there next, each once, and nothing else."""
        assert self.say(system, "PUT", "/simulator/faults", dict.fromkeys(names, 1)).status == 204

    def recorded(self, path: str = "/v1/areas/self") -> dict[str, Any]:
        """All that the record system counts."""
        own = Peer(self.ports["records"], self.tls / "ca.crt", self.tls / "vaccination_records.crt")
        return dict(own.get(path).json)

    def researched(self) -> list[dict[str, Any]]:
        """What 予防接種DB has, state by state of each dose that stands."""
        address = f"{(self.outside / DOSES).as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as database:
            return [json.loads(record) for (record,) in database.execute("SELECT record FROM doses")]

    def pmh_key(self, individual_number: str) -> str:
        """The key that PMH has issued for a number, by asking it again as the gateway did (C167)."""
        until(lambda: self.recorded("/v1/keys")["wanted"] == 0)
        pmh = Peer(self.ports["pmh"], self.tls / "ca.crt", self.tls / "pmh.crt")
        basic = base64.b64encode(f"renkei-{MUNICIPALITY}:{self._pmh_secret.read_text().strip()}".encode()).decode()
        form = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        token = pmh.ask("POST", "/oauth2/token", b"grant_type=client_credentials", form).json["access_token"]
        row = {"rowNo": 0, "modificationSeg": "1", "myNumber": individual_number}
        answer = pmh.post("/v1/pmh-key-tasks", [row], Authorization=f"Bearer {token}", Idempotency_Key="by-hand")
        return str(answer.json["rows"][0]["issued"]["pmhKey"])

    # ---- residents and clinics ---------------------------------------------------------------------------------------

    def log_in(self, child: Child) -> dict[str, str]:
        """The mother logs in for the child: who the child is there, and the token of the session."""
        return dict(self.told("myna_portal", f"/residents/{child.card}/login", {"agent": child.mother}))

    def resident(self, child: Child, act: str, body: object = None) -> dict[str, Any]:
        """What the gateway says to the portal, for whoever is logged in with that card: {"status", "answer"}."""
        return dict(self.told("myna_portal", f"/residents/{child.card}/{act}", body))

    def notices(self, child: Child) -> list[dict[str, Any]]:
        """What the portal shows."""
        return list(self.told("myna_portal", f"/residents/{child.card}/notices")["notices"])

    def visit(
        self, subject_no: str, clinic: str = "clinic_a", consent: str | None = "2026-04", mother: str | None = None
    ) -> dict[str, str]:
        """The person's card is shown at that clinic's desk; with a mother's card she consents."""
        card = f"CARD-{subject_no}"
        guardian = {"guardian": mother} if mother else {}
        self.told("eligibility", "/cards", {"card": card, "vaccination_subject_no": subject_no} | guardian)
        shown = {"card": card} | ({"consent": consent} if consent else {}) | ({"agent": mother} if mother else {})
        return dict(self.told("clinic_app", f"/clinics/{CLINICS[clinic]}/visits", shown))

    def at(self, visit: Mapping[str, str], what: str, body: object = None) -> dict[str, Any]:
        """What the gateway says to the clinic of a visit: {"status", "answer"}."""
        path = f"/clinics/{visit['clinic_code']}/visits/{visit['visit']}/{what}"
        return dict(self.told("clinic_app", path, body))

    def public(self, certificate: str, connector: str, operation: str, body: object, proof: str = "") -> Answer:
        """Whoever has this certificate, at the gateway's public listener, with nothing between."""
        peer = Peer(self.ports["public"], self.tls / "ca.crt", self.tls / f"{certificate}.crt")
        shown = {"Renkei_Proof": proof} if proof else {}
        return peer.post(f"/v1/{MUNICIPALITY}/{connector}/{operation}", body, **shown)

    # ---- what is left behind -----------------------------------------------------------------------------------------

    def leaks(self, values: Iterable[str]) -> tuple[Finding, ...]:
        """Where these values lie in any file of any process; the city's own files and 予防接種DB's excepted."""
        own = [self.exchange / name for name in ("in", "work", "done", "out")]
        research = [*self.outside.glob(f"{DOSES}*")]
        return sweep([self.folder], {"value": set(values)}, leave_out=[*own, *research]).findings
