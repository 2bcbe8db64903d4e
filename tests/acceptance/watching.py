"""A witness as `gateway init --witness` makes it, a process of its own, for the sites and made-up logs it watches."""

import re
import shutil
from pathlib import Path

from gateway.tlog.note import COSIGNATURE, Verifier
from tests.acceptance.peer import Answer, Peer
from tests.acceptance.programs import GATEWAY, Program, command, until
from tests.acceptance.site import Site
from tests.acceptance.subjects import MUNICIPALITY
from tests.ports import free_port

LOGS = (MUNICIPALITY, "system")


class Watching:
    """`start` it once it knows its logs: it reads its configuration then."""

    def __init__(self, root: Path, name: str) -> None:
        assert command(*GATEWAY, "init", str(root), "--witness", "--name", name).status == 0
        self.root = root
        self.name = name
        self.port = free_port()
        self.program = Program((*GATEWAY, "witness", "--root", str(root)), root / "witness.out")
        self.edit("port = 8450", f"port = {self.port}")

    def edit(self, old: str, new: str) -> None:
        path = self.root / "config/witness.toml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), encoding="utf-8")

    def watch(self, **vkeys: str) -> None:
        """From its next start on, it knows these logs."""
        files = []
        for name, vkey in vkeys.items():
            file = self.root / f"keys/{name}.vkey"
            file.write_text(vkey, encoding="utf-8")
            files.append(f'"keys/{file.name}"')
        self.edit("logs = []", f"logs = [{', '.join(files)}]")

    def watched_by(self, site: Site, *, every: float = 0.1) -> None:
        """Both know each other; `site` asks it from its next start or reload on."""
        keys = {f"log_{log}": (site.root / f"keys/{log}/log/log.vkey").read_text(encoding="utf-8") for log in LOGS}
        self.watch(**keys)
        folder = site.root / "keys" / self.name
        folder.mkdir()
        shutil.copy(self.vkey, folder)
        shutil.copy(self.ca, folder)
        path = site.root / "config/gateway.toml"
        text = re.sub(r"(?m)^witness_seconds = .*\n", "", path.read_text(encoding="utf-8"))
        text = text.replace("[journal]", f"[journal]\nwitness_seconds = {every}")
        at = f"keys/{self.name}"
        address = f'url = "https://localhost:{self.port}"\nkey = "{at}/witness.vkey"\nca = "{at}/ca.crt"\n'
        path.write_text(f"{text}\n[[witnesses]]\n{address}", encoding="utf-8")

    def start(self, **environment: str) -> "Watching":
        self.program.start(**environment)
        until(self._serves)
        return self

    def _serves(self) -> bool:
        assert self.program.running, self.program.output.read_text()
        try:
            return bool(self.peer().get("/healthz").json["ok"])
        except OSError:
            return False

    def close(self) -> None:
        if self.program.running:
            self.program.kill()

    def peer(self) -> Peer:
        return Peer(self.port, self.ca, None)

    def add(self, body: str) -> Answer:
        return self.peer().ask("POST", "/add-checkpoint", body.encode())

    @property
    def ca(self) -> Path:
        return self.root / "keys/tls/ca.crt"

    @property
    def vkey(self) -> Path:
        return self.root / "keys/witness/witness.vkey"

    @property
    def verifier(self) -> Verifier:
        return Verifier.parse(self.vkey.read_text(encoding="utf-8").strip(), type=COSIGNATURE)

    def cosigned(self, site: Site, log: str = MUNICIPALITY) -> int:
        """How many facts of a log it cosigned, by what the site keeps of its word."""
        sql = f"SELECT coalesce(max(size), 0) FROM cosignature WHERE witness = '{self.name}'"
        return int(site.query(sql, log)[0][0])

    def up_to_date(self, site: Site) -> None:
        """Until it has cosigned every fact of every log."""

        def all_cosigned() -> bool:
            return all(self.cosigned(site, log) == len(site.facts(log)) for log in LOGS)

        until(all_cosigned)
