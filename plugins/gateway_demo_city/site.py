"""One municipality's site in a scratch folder: made by `gateway init`, with ports and folders of its own.

Reads the configuration as any operator's script would: the TOML files say where certificates, listeners and the
exchange folder are.
"""

import hashlib
import json
import re
import secrets
import ssl
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from gateway_demo_city.form import Form
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.stage import Failed, Stage, client_tls, free_port, gateway

SOURCE = "health_management"
DESTINATION = "vaccination_records"
PMH = "pmh"
INTERMEDIATE = "intermediate_server"
PMH_FOLDER = "pmh_system"
"""Under the root: what stands for PMH, with the keys that it issued."""


@dataclass(frozen=True, slots=True)
class Site:
    """A root folder and what its configuration says. `beside` it are its systems' folders, and what was observed."""

    root: Path
    gateway: dict[str, Any]
    tenant: dict[str, Any]
    beside: Path

    @classmethod
    async def make(cls, stage: Stage) -> Self:
        """A new site with free ports, and with retries at a demo's pace: seconds, not minutes."""
        root = stage.root
        await stage.must("init", *gateway("init", str(root), "--tenant", MUNICIPALITY))
        file = root / "config" / "gateway.toml"
        file.write_text(re.sub(r"(?m)^port = \d+", lambda _: f"port = {free_port()}", file.read_text(encoding="utf-8")))
        _set(file, "retry_first", 0.2)
        _set(file, "retry_longest", 2.0)
        return cls.read(root)

    @classmethod
    def read(cls, root: Path, beside: Path | None = None) -> Self:
        """The site as configured now."""
        return cls(
            root,
            tomllib.loads((root / "config" / "gateway.toml").read_text(encoding="utf-8")),
            tomllib.loads(_tenant_file(root).read_text(encoding="utf-8")),
            beside or root,
        )

    def point_at(self, port: int, connector: str = DESTINATION, key: str = "base_url") -> None:
        """Let a connector know its system at this port of the loopback address. Raises Failed."""
        _set(_tenant_file(self.root), key, f"https://localhost:{port}", self.settings(connector)[key])

    def ask_keys(self) -> None:
        """Let the connector of the record system ask for PMH keys. Raises Failed."""
        _set(_tenant_file(self.root), "ask_keys", value=True)

    def send_all(self) -> None:
        """Let it also ask for ID5s, and send all that is due: notices, doses to the city and to research."""
        _set(_tenant_file(self.root), "ask_id5", value=True)
        _set(_tenant_file(self.root), "send", ["notice", "return", "research"])

    def between_bodies(self, result_seconds: int, reconcile_seconds: int) -> None:
        """How long results of inquiries are kept, and how often replicas are held against the originals."""
        _set(_tenant_file(self.root), "result_seconds", result_seconds)
        _set(_tenant_file(self.root), "reconcile_seconds", reconcile_seconds)

    @property
    def exchange(self) -> Path:
        """The municipal system's own folder."""
        return Path(self.tenant["connectors"][SOURCE]["settings"]["exchange_folder"])

    @property
    def form(self) -> Form:
        """How the municipal system writes its files."""
        return Form.configured(self.tenant["connectors"][SOURCE]["settings"])

    @property
    def listener(self) -> str:
        """Where systems come in."""
        return _address(self.gateway["listeners"][0])

    def admin(self) -> tuple[str, ssl.SSLContext]:
        """The operators' address and the identity of one operator."""
        admin = self.gateway["admin"]
        certificate = self.root / next(iter(admin["operators"].values()))
        return _address(admin), client_tls(self.root / admin["client_ca"], certificate, certificate.with_suffix(".key"))

    def line(self, keys: Path | None = None) -> tuple[str, ssl.SSLContext]:
        """Where the municipal system asks, and its identity; `keys` is the root where its key lies, if not here."""
        certificate = (keys or self.root) / self.tenant["connectors"][SOURCE]["certificates"][0]
        ca = self.root / self.gateway["listeners"][0]["client_ca"]
        identity = client_tls(ca, certificate, certificate.with_suffix(".key"))
        return f"{self.listener}/v1/{MUNICIPALITY}/{SOURCE}", identity

    def system(self, connector: str, port: int) -> tuple[str, ssl.SSLContext]:
        """The address of a connector's system, and the identity of that connector."""
        tls = self.tenant["connectors"][connector]["settings"]["tls"]
        return f"https://localhost:{port}", client_tls(
            *(self.root / tls[name] for name in ("ca", "certificate", "key"))
        )

    def records(self, port: int) -> tuple[str, ssl.SSLContext]:
        """The record system's address, and the identity of the connector that speaks to it."""
        return self.system(DESTINATION, port)

    def record_system(self) -> Path:
        """Write the record system's own configuration, with a new key for its area; the file's path."""
        folder = self.folder("record_system")
        key = folder / "area.key"
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32))
        file = folder / "record_system.toml"
        file.write_text(
            f'data = "data"\n[listen]\nport = 0\n[tls]\n{self.pem(f"{DESTINATION}_system")}'
            f'[[area]]\nmunicipality_code = "{MUNICIPALITY}"\nkey = "file:area.key"\n'
            f'certificates = ["{self.fingerprint(DESTINATION)}"]\n'
        )
        return file

    def pmh_system(self, faults: Mapping[str, int]) -> Path:
        """Write the configuration of what stands for PMH; the file's path."""
        settings = self.settings(PMH)
        file = self.folder(PMH_FOLDER) / "pmh.toml"
        file.write_text(
            f'data = "keys.sqlite3"\ntimes = {{ retry_after = 0, processing = 0.2 }}\n{strikes(faults)}'
            f"[tls]\n{self.pem(f'{PMH}_system')}"
            f'[[client]]\nclient_id = "{settings["client_id"]}"\ncertificate = "{self.fingerprint(PMH)}"\n'
            f'client_secret = "file:{self.root / settings["client_secret"].removeprefix("file:")}"\n'
        )
        return file

    # ---- what a system's own configuration is made of ----------------------------------------------------------------

    def settings(self, connector: str) -> dict[str, Any]:
        """The settings of a connector."""
        return dict(self.tenant["connectors"][connector]["settings"])

    def folder(self, name: str) -> Path:
        """A folder beside the root, for its owner only."""
        folder = self.beside / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def pem(self, name: str) -> str:
        """The keys of a TOML table: a certificate under `keys/tls`, its key, and the CA of the others."""
        tls = self.root / "keys" / "tls"
        return f'certificate = "{tls / name}.crt"\nkey = "{tls / name}.key"\nca = "{tls / "ca.crt"}"\n'

    def fingerprint(self, name: str) -> str:
        """The sha256 of a certificate under `keys/tls`."""
        certificate = self.root / "keys" / "tls" / f"{name}.crt"
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="utf-8"))).hexdigest()


def strikes(faults: Mapping[str, int]) -> str:
    """A line of TOML: which faults, and how often."""
    return f"faults = {{ {', '.join(f'{name} = {times}' for name, times in faults.items())} }}\n"


def _address(listener: dict[str, Any]) -> str:
    return f"https://{listener['host']}:{listener['port']}"


def _tenant_file(root: Path) -> Path:
    return root / "config" / "tenants" / f"{MUNICIPALITY}.toml"


def _set(file: Path, key: str, value: str | float | list[str], was: str | None = None) -> None:
    """Give a key that stands exactly once in a TOML file, or once with what it `was`, another value. Raises Failed."""
    before = ".*" if was is None else re.escape(json.dumps(was))
    text, found = re.subn(
        rf"(?m)^{key} = {before}(?:  #.*)?$", f"{key} = {json.dumps(value)}", file.read_text(encoding="utf-8")
    )
    if found != 1:
        raise Failed(f"{file.name}: {key} stands there {found} times")
    file.write_text(text, encoding="utf-8")
