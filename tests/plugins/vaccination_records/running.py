"""A record system (or its simulator) as a process of its own, and clients that speak to it over mutual TLS."""

import asyncio
import io
import json
import os
import signal
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from tests.forking import Speaking
from tests.plugins.vaccination_records.certificates import Authority, Identity
from tests.plugins.vaccination_records.subjects import CITY, OTHER_CITY

SERVICE = "gateway_vaccination_records.record_system"
SIMULATOR = "gateway_vaccination_records.simulator"


@dataclass(frozen=True)
class Site:
    """A folder with a configuration: two municipalities, a certificate for each, and one that is pinned to none."""

    folder: Path
    authority: Authority
    city: Identity
    other_city: Identity
    stranger: Identity
    config: Path = field(init=False)
    keys: list[Path] = field(init=False)

    def __post_init__(self) -> None:
        server = self.authority.issue("server")
        keys = []
        for code in (CITY, OTHER_CITY):
            keys.append(self.folder / f"{code}.key")
            keys[-1].write_text(os.urandom(32).hex() + "\n")
            keys[-1].chmod(0o600)
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "config", self.folder / "record_system.toml")
        self.config.write_text(
            f'data = "data"\nlisten = {{ port = 0 }}\n'
            f'tls = {{ certificate = "{server.certificate}", key = "{server.key}", ca = "{self.authority.ca}" }}\n'
            f'[[area]]\nmunicipality_code = "{CITY}"\n'
            f'certificates = ["{self.city.fingerprint}"]\nkey = "file:{CITY}.key"\n'
            f'[[area]]\nmunicipality_code = "{OTHER_CITY}"\n'
            f'certificates = ["{self.other_city.fingerprint}"]\nkey = "file:{keys[1]}"\n'
        )

    def session(self, identity: Identity | None, authority: Authority | None = None) -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=str((authority or self.authority).ca))
        if identity is not None:
            context.load_cert_chain(identity.certificate, identity.key)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context), timeout=aiohttp.ClientTimeout(total=60)
        )


class Running:
    """One process; all its output is kept in `output`."""

    def __init__(self, process: Speaking) -> None:
        self._process = process
        self.url = f"https://127.0.0.1:{json.loads(process.first)['port']}"

    @classmethod
    async def start(cls, site: Site, module: str = SERVICE, *options: str) -> Self:
        return cls(await asyncio.to_thread(Speaking, module, "--config", str(site.config), *options))

    async def kill(self) -> None:
        """What a power cut does."""
        await self.end(signal.SIGKILL)

    async def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, bytes]:
        """Exit status and everything that the process wrote to stdout and stderr."""
        return await asyncio.to_thread(self._process.end, how)


class Client:
    """Calls the API as one identity; an answer is (status, parsed body)."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def store(self, message: str, *rows: dict[str, Any]) -> tuple[int, Any]:
        return await self.post("/v1/subjects", {"message_id": message, "rows": list(rows)})

    async def lookup(self, *rows: tuple[str, str]) -> tuple[int, Any]:
        wanted = [{"index": n, "internal_no": no, "municipality_code": code} for n, (no, code) in enumerate(rows)]
        return await self.post("/v1/subjects/lookup", {"rows": wanted})

    async def held(self) -> dict[str, int]:
        """How many persons there are, how many states, and how many of them are deleted."""
        status, counts = await self.get("/v1/areas/self")
        assert status == 200
        return {name: counts[name] for name in ("persons", "versions", "deleted")}

    async def post(self, path: str, body: Any, **options: Any) -> tuple[int, Any]:
        content = {"data": io.BytesIO(body)} if isinstance(body, bytes) else {"json": body}
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._url + path, headers=headers, **content, **options) as response:
            return response.status, json.loads(await response.text())

    async def get(self, path: str) -> tuple[int, Any]:
        async with self._session.get(self._url + path) as response:
            return response.status, json.loads(await response.text())
