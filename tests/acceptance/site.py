"""One municipality's site as `gateway init` makes it, with ports of its own, a record system beside it, and its peers.

Everything is done as an operator or a peer would do it: by commands, files, signals and HTTPS under client
certificates. The journal is read beside the running gateway, and never written.
"""

import hashlib
import json
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import ssl
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from gateway_demo_city.city import FORM
from gateway_demo_city.people import MUNICIPALITY, Cells
from gateway_demo_city.sweep import Finding, sweep
from gateway_health_management.simulator import StatusLine, drop, read_status
from tests.acceptance.peer import Answer, Peer
from tests.acceptance.programs import GATEWAY, PATIENCE, Ended, Program, command, until
from tests.acceptance.subjects import record
from tests.ports import free_port

SOURCE = "health_management"
DESTINATION = "vaccination_records"
RECORD_SYSTEM = "gateway_vaccination_records.record_system"
SIMULATOR = "gateway_vaccination_records.simulator"
ROUTES: Final = ("R01", "R25", "R02")
"""What a municipality begins with."""
LIMITS: Final[Mapping[str, float]] = {
    "retry_first": 0.05,
    "retry_longest": 0.1,
    "attempts": 1000,
    "request_patience": 60.0,
}
"""Retries come quickly, and as many as a slow machine needs; nor is an answer late because of it."""


class Site:
    """The root folder, the gateway and the record system. Made by `made`; `close` ends what runs."""

    def __init__(self, root: Path, listener: int, admin: int, records: int) -> None:
        self.root = root
        self.ports = {"listener": listener, "admin": admin, "records": records}
        self.tls = root / "keys" / "tls"
        self.exchange = root / "exchange"
        self.observed = root / "observed"
        self.observed.mkdir()
        self.gateway = Program((*GATEWAY, "run", "--root", str(root)), self.observed / "gateway.out")
        self.records = self._record_system(RECORD_SYSTEM)

    @classmethod
    def made(
        cls, root: Path, starter: Path, *, pmh: bool = False, routes: Sequence[str] = ROUTES, **limits: float
    ) -> "Site":
        """A new site, from what `gateway init` made once; `limits` are those of gateway.toml, beside `LIMITS`.
        It begins with these routes, and asks for no keys yet, unless `pmh`.
        """
        shutil.copytree(starter, root)
        site = cls(root, free_port(), free_port(), free_port())
        site.edit(f"tenants/{MUNICIPALITY}.toml", f'"{starter}/', f'"{root}/')
        for name in ("listener", "admin"):
            site.edit("gateway.toml", f"port = {8443 if name == 'listener' else 8444}", f"port = {site.ports[name]}")
        site.edit(
            f"tenants/{MUNICIPALITY}.toml", "https://localhost:8445", f"https://localhost:{site.ports['records']}"
        )
        for name, value in {**LIMITS, **limits}.items():
            site.limit(name, value)
        site.area(MUNICIPALITY, site.tls / f"{DESTINATION}.crt")
        site.begin_with(*routes, *(["R03"] if pmh else []))
        return site

    def close(self) -> None:
        for program in (self.gateway, self.records):
            if program.running:
                program.kill()

    def begin_with(self, *routes: str) -> None:
        """A municipality that has no other routes yet, nor connectors but those that these join."""
        path = self.root / f"config/tenants/{MUNICIPALITY}.toml"
        parts = re.split(r"(?m)^(?=\[connectors\.\w+\]$|\[\[routes\]\]$)", path.read_text(encoding="utf-8"))
        chosen = [each for each in parts if re.findall(r'(?m)^id = "(.+)"$', each)[:1] in [[route] for route in routes]]
        joined = set(re.findall(r'(?m)^(?:from|to) = "(\w+)"$', "".join(chosen)))
        kept = [each for each in parts[1:] if set(re.findall(r"^\[connectors\.(\w+)\]$", each, re.MULTILINE)) & joined]
        path.write_text("".join([parts[0], *kept, *chosen]), encoding="utf-8")

    # ---- configuration -----------------------------------------------------------------------------------------------

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace what stands exactly once in a file under config/."""
        path = self.root / "config" / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file}: {old!r} stands there {text.count(old)} times"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def limit(self, name: str, value: float) -> None:
        """Set one of the limits in gateway.toml."""
        path = self.root / "config" / "gateway.toml"
        text = re.sub(rf"(?m)^{name} = .*\n", "", path.read_text()).replace("[limits]", f"[limits]\n{name} = {value}")
        path.write_text(text)

    def route(self, route: str) -> str:
        """The text of one route."""
        text = (self.root / f"config/tenants/{MUNICIPALITY}.toml").read_text(encoding="utf-8")
        found = re.search(rf'\[\[routes\]\]\nid = "{route}"\n(?:(?!\n#|\[\[routes).*\n)*', text)
        assert found
        return found[0]

    # ---- the record system -------------------------------------------------------------------------------------------

    def area(self, municipality: str, certificate: Path) -> None:
        """Give a municipality an area of its own, with a key of its own."""
        folder = self.root / "record_system"
        file = folder / "record_system.toml"
        if not folder.exists():
            folder.mkdir(mode=0o700)
            server = self.tls / f"{DESTINATION}_system.crt"
            file.write_text(
                f'data = "data"\n[listen]\nport = {self.ports["records"]}\n'
                f'[tls]\ncertificate = "{server}"\nkey = "{server.with_suffix(".key")}"\nca = "{self.tls / "ca.crt"}"\n'
            )
        key = folder / f"{municipality}.key"
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32))
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()
        with file.open("a") as out:
            out.write(f'[[area]]\nmunicipality_code = "{municipality}"\nkey = "file:{key.name}"\n')
            out.write(f'certificates = ["{fingerprint}"]\n')

    def _record_system(self, module: str, *options: str) -> Program:
        config = self.root / "record_system" / "record_system.toml"
        words = (sys.executable, "-m", module, "--config", str(config), *options)
        return Program(words, self.observed / "records.out")

    def start_records(self, *, faults: str = "", late_seconds: float = 1.0) -> None:
        """The record system itself, or its simulator with faults."""
        if faults:
            options = ("--faults", faults, "--seed", "1", "--late-seconds", str(late_seconds))
            self.records = self._record_system(SIMULATOR, *options)
        else:
            self.records = self._record_system(RECORD_SYSTEM)
        self.records.start()
        until(lambda: self._serves(self.records, lambda: self.held() is not None))

    def held(self) -> dict[str, int]:
        """How many persons and states the record system holds for 架空市, by its own account."""
        answer = Peer(self.ports["records"], self.tls / "ca.crt", self.tls / f"{DESTINATION}.crt").get("/v1/areas/self")
        assert answer.status == 200
        return {name: answer.json[name] for name in ("persons", "versions", "deleted")}

    # ---- the gateway -------------------------------------------------------------------------------------------------

    def start_gateway(self, health: str = "/readyz") -> None:
        """Until it says that it is ready; or with "/healthz", that its log can be written."""
        self.gateway.start()
        self.ready(health)

    def ready(self, health: str = "/readyz") -> None:
        """Until the gateway says so."""
        until(lambda: self._serves(self.gateway, lambda: self.admin().get(health).status == 200))

    def start(self) -> "Site":
        """Both at once, if they do not run; until each serves its peers."""
        for program in (self.records, self.gateway):
            if not program.running:
                program.start()
        until(lambda: self._serves(self.records, lambda: self.held() is not None))
        until(lambda: self._serves(self.gateway, self._listens))
        return self

    def _listens(self) -> bool:
        """Whether systems and operators are listened for; asking anything would be a fact."""
        for name in ("listener", "admin"):
            socket.create_connection(("127.0.0.1", self.ports[name]), timeout=5).close()
        return True

    def _serves(self, program: Program, asked: Callable[[], bool]) -> bool:
        assert program.running, program.output.read_text()[-2000:]
        try:
            return asked()
        except OSError:  # nobody listens there yet
            return False

    def hang_up(self, kind: str) -> None:
        """SIGHUP, until the log says what came of it, config.applied or config.refused, and it is so: the fact comes
        first, and the line once the gateway goes by it.
        """
        before = sum(fact["kind"].startswith("config.") for fact in self.facts("system"))
        lines = self._lines(kind)
        self.gateway.signal(signal.SIGHUP)
        told = until(lambda: [f for f in self.facts("system") if f["kind"].startswith("config.")][before:])
        assert [fact["kind"] for fact in told] == [kind]
        until(lambda: self._lines(kind) > lines)

    def _lines(self, event: str) -> int:
        return self.gateway.output.read_text().count(f'"{event}"')

    def cli(self, *words: str) -> Ended:
        """A `gateway` command on this site."""
        return command(*GATEWAY, *words, "--root", str(self.root))

    def trace(self, message_id: str, tenant: str = MUNICIPALITY) -> list[dict[str, Any]]:
        """`gateway message trace --json`."""
        told = self.cli("message", "trace", tenant, message_id, "--json")
        assert told.status == 0, told.err
        return list(json.loads(told.out))

    # ---- peers -------------------------------------------------------------------------------------------------------

    def admin(self) -> Peer:
        return Peer(self.ports["admin"], self.tls / "ca.crt", self.tls / "operator.crt")

    def peer(self, certificate: str | None = SOURCE) -> Peer:
        """Whoever has this certificate, at the listener for systems."""
        shown = self.tls / f"{certificate}.crt" if certificate else None
        return Peer(self.ports["listener"], self.tls / "ca.crt", shown)

    def send(self, operation: str, body: object, **headers: str) -> Answer:
        """As the municipal system."""
        return self.peer().post(f"/v1/{MUNICIPALITY}/{SOURCE}/{operation}", body, **headers)

    def register(self, *subjects: Cells) -> str:
        """As the municipal system, by HTTPS; the id of the message."""
        answer = self.send("subject.register", [record(each) for each in subjects])
        assert answer.status == 202, answer.body
        return answer.message_id

    def look_up(self, *internal_nos: str) -> list[dict[str, Any]]:
        """The replies to a look-up (R02)."""
        asked = [{"internal_no": each, "municipality_code": MUNICIPALITY} for each in internal_nos]
        answer = self.send("subject.lookup", asked)
        assert answer.status == 200, answer.body
        return list(answer.json["replies"])

    def outcomes(self, message_id: str) -> list[dict[str, Any]]:
        """How each record of a message ended, once all have."""
        path = f"/v1/messages/{message_id}"
        until(lambda: self.peer().get(path).json["ended"])
        return sorted(self.peer().get(path).json["outcomes"], key=lambda each: int(each["index"]))

    def rests(self) -> None:
        """Until every record has ended, also of what other tests left under way: which must end, or nobody rests here
        any more.
        """
        until(lambda: self.query("SELECT count(*) FROM message WHERE open > 0") == [(0,)])

    # ---- the exchange folder -----------------------------------------------------------------------------------------

    def drop(self, name: str, data: bytes) -> None:
        """A file from the municipal system."""
        until((self.exchange / "in").is_dir)
        drop(self.exchange, name, data)

    def status(self, name: str, patience: float = PATIENCE) -> list[StatusLine]:
        """The status file, as soon as it is there."""
        return until(lambda: read_status(self.exchange, name, FORM.encoding) or [], patience)

    # ---- what it leaves behind ---------------------------------------------------------------------------------------

    def journal(self, store: str = MUNICIPALITY) -> Path:
        return self.root / "state" / "journal" / f"{store}.db"

    def query(self, sql: str, store: str = MUNICIPALITY) -> list[tuple[Any, ...]]:
        """Rows of the journal, over a connection that cannot write."""
        path = self.journal(store)
        running = path.with_name(f"{path.name}-wal").exists()
        address = f"{path.as_uri()}?{'mode=ro' if running else 'immutable=1'}"
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as connection:
            return connection.execute(sql).fetchall()

    def facts(self, store: str = MUNICIPALITY) -> list[dict[str, Any]]:
        """Every fact of a log, in order."""
        return [json.loads(body) for (body,) in self.query("SELECT body FROM fact ORDER BY seq", store)]

    def kinds(self, message_id: str) -> list[str]:
        """The kinds of one message's facts, in order."""
        return [fact["kind"] for fact in self.facts() if fact.get("message_id") == message_id]

    def leaks(self, values: Iterable[str]) -> tuple[Finding, ...]:
        """Where these values lie under the root, in any encoding; the municipal system's own files excepted."""
        own = [self.exchange / name for name in ("in", "work", "done")]
        return sweep([self.root], {"value": set(values)}, leave_out=own).findings
