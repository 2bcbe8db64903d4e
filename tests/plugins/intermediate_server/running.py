"""The simulator as a process of its own, with a city's client and one for what happens elsewhere, over mutual TLS."""

import json
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from gateway_intermediate_server.simulated import signing
from gateway_intermediate_server.simulated.network import OTHERS
from tests.forking import Speaking
from tests.plugins.vaccination_records.certificates import Authority, Identity
from tests.plugins.vaccination_records.subjects import CITY, UPDATED_AT, individual_number

MUNICIPALITY, PREFECTURE = OTHERS
ISSUER = "https://network.example"
QUICK = "times = { code = 0, permit = 0, answer = 0, announcement = 0, retry_after = 7, slow = 0.2 }"
_fresh = count(1)


def fresh() -> int:
    """A serial that no other test has."""
    return next(_fresh)


@dataclass(frozen=True)
class Resident:
    """A made-up resident of our own city."""

    internal_no: str
    individual_number: str

    @classmethod
    def new(cls) -> "Resident":
        serial = fresh()
        return cls(f"9{serial:09d}", individual_number(serial))

    def addressee(self, seq: int = 1, **changes: Any) -> dict[str, Any]:
        return {
            "internal_no": self.internal_no,
            "municipality_code": CITY,
            "individual_number": self.individual_number,
            "name": "架空 花子",
            "birth_date": "2024-01-31",
            "sex": "2",
            "address": "架空市架空町一番地",
            "no_auto_response_flag": False,
            "updated_at": UPDATED_AT,
            "update_seq": seq,
        } | changes


@dataclass(frozen=True)
class Site:
    """A folder with certificates, keys and the simulator's configuration."""

    folder: Path
    authority: Authority
    city: Identity
    elsewhere: Identity
    server: Identity

    @classmethod
    def make(cls, folder: Path) -> "Site":
        authority = Authority(folder)
        signing.make(folder / "keys", list(OTHERS))
        return cls(folder, authority, *(authority.issue(name) for name in ("city", "elsewhere", "server")))

    @property
    def jwks(self) -> bytes:
        """What the connector pins."""
        return (self.folder / "keys" / signing.JWKS).read_bytes()

    @property
    def city_key(self) -> dict[str, str]:
        """The city's inquiry key, a private JWK."""
        return dict(json.loads((self.folder / "keys" / signing.CITY).read_bytes()))

    def configuration(self, more: str = "") -> Path:
        file = self.folder / "intermediate_server.toml"
        file.write_text(
            f'body = "{CITY}"\nissuer = "{ISSUER}"\nsigning_key = "keys/{signing.NETWORK}"\n{more}\n'
            "[inquiry_keys]\n"
            + "".join(f'{body} = "keys/{body}.jwk"\n' for body in OTHERS)
            + f'[listen]\nclients = ["{self.city.fingerprint}"]\n'
            f'[control]\nclients = ["{self.elsewhere.fingerprint}"]\n'
            f'[tls]\ncertificate = "{self.server.certificate}"\nkey = "{self.server.key}"\nca = "{self.authority.ca}"\n'
        )
        return file

    def session(self, identity: Identity) -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        context.load_cert_chain(identity.certificate, identity.key)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))


class Simulator:
    """One process; what it wrote to stdout and stderr is complete after `end`."""

    def __init__(self, site: Site, process: Speaking) -> None:
        self.site = site
        self._process = process
        told = json.loads(process.first)
        self.url = f"https://127.0.0.1:{told['port']}"
        self.control_url = f"https://127.0.0.1:{told['control_port']}"

    async def ask(self, path: str, body: object = None, *, who: Identity | None = None) -> tuple[int, Any]:
        """A call of the city's: status and answer."""
        return await self._post(f"{self.url}/{path}", body, who or self.site.city)

    async def call(self, path: str, body: object = None, *, status: int = 200) -> Any:
        """A call of the city's that must end with that status: the answer."""
        ended, answer = await self.ask(path, body)
        assert (ended, answer if ended != status else None) == (status, None)
        return answer

    async def control(self, path: str, body: object = None, *, status: int = 200, who: Identity | None = None) -> Any:
        """What happens elsewhere: the answer."""
        ended, answer = await self._post(f"{self.control_url}/control/v1/{path}", body, who or self.site.elsewhere)
        assert (ended, answer if ended != status else None) == (status, None)
        return answer

    async def matching_list(self) -> str:
        """The signed list."""
        async with (
            self.site.session(self.site.city) as session,
            session.get(f"{self.url}/server/v1/matching-list") as response,
        ):
            assert response.status == 200
            return str((await response.json())["list"])

    async def resident(self, **changes: Any) -> Resident:
        """One with a code."""
        resident = Resident.new()
        await self.call("platform/v1/addressees/register", resident.addressee(**changes))
        await self.acquire(resident)
        return resident

    async def acquire(self, resident: Resident) -> None:
        whose = {"internal_no": resident.internal_no}
        serial = await self.call("platform/v1/process-serials", whose, status=201)
        assert await self.call("platform/v1/codes/acquire", whose | serial, status=202) == {}

    async def _post(self, url: str, body: object, who: Identity) -> tuple[int, Any]:
        async with self.site.session(who) as session, session.post(url, json=body or {}) as response:
            return response.status, await response.json()

    def end(self, *, kill: bool = False) -> tuple[int, bytes]:
        """Exit status and everything that it wrote."""
        return self._process.end(signal.SIGKILL if kill else signal.SIGTERM)


@contextmanager
def running(site: Site, more: str = QUICK) -> Iterator[Simulator]:
    process = Speaking("gateway_intermediate_server.simulator", str(site.configuration(more)))
    try:
        yield Simulator(site, process)
    finally:
        process.end()
