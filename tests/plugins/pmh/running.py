"""The simulator as a process of its own, and connectors that speak to it over mutual TLS."""

import json
import signal
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, cast

import aiohttp

from gateway.plugin import Accepted, Context, Delivery, Outbox, Outcome
from gateway_pmh.connector import Pmh
from gateway_pmh.interface import AskedConfirmation, AskedKey
from gateway_pmh.settings import Settings
from gateway_pmh.simulated import signing
from tests.forking import Speaking
from tests.plugins.vaccination_records.certificates import Authority, Identity
from tests.plugins.vaccination_records.subjects import individual_number, message_id

CLIENT = "city-999997"
ISSUER = "https://eligibility.example"
CLINIC_A, CLINIC_B = "1319999999", "1319999981"
SECRET = b"a made-up client secret: +/%?"
_fresh = count(1)


def numbers(how_many: int) -> list[str]:
    """Individual numbers that no other test has asked for."""
    return [individual_number(next(_fresh)) for _ in range(how_many)]


def asks(*asked: str, deadline: float = 60.0) -> Delivery:
    """A delivery of its own message."""
    records = tuple((index, AskedKey(individual_number=number)) for index, number in enumerate(asked))
    return Delivery(message_id(next(_fresh)), "pmh_key.issue", records, deadline)


def subject() -> str:
    """A 予防接種対象者番号 that no other test has."""
    return f"MADEUPSUBJECT{next(_fresh):05d}"


def refers(*confirmations: str, deadline: float = 60.0) -> Delivery:
    """A delivery that asks for confirmations."""
    records = tuple((index, AskedConfirmation(identity_confirmation=each)) for index, each in enumerate(confirmations))
    return Delivery(message_id(next(_fresh)), "confirmation.fetch", records, deadline)


def key_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Accepted)
    assert outcome.reply is not None
    return str(outcome.reply["pmh_key"])


class Said:
    """A telemetry logger that keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **known: Any) -> None:
        self.lines.append((event, known))

    warning = info


@dataclass(frozen=True)
class Site:
    """A folder with certificates, the client's secret, the eligibility side's key and the simulator's configuration."""

    folder: Path
    authority: Authority
    city: Identity
    stranger: Identity
    clinics: Mapping[str, Identity]
    said: Said = field(default_factory=Said)

    @classmethod
    def make(cls, folder: Path) -> "Site":
        authority = Authority(folder)
        (folder / "client_secret").write_bytes(SECRET + b"\n")
        (folder / "client_secret").chmod(0o600)
        signing.make(folder / "eligibility")
        clinics = {code: authority.issue(f"clinic-{code}") for code in (CLINIC_A, CLINIC_B)}
        return cls(folder, authority, authority.issue("city"), authority.issue("stranger"), clinics)

    @property
    def jwks(self) -> bytes:
        return (self.folder / "eligibility/jwks.json").read_bytes()

    def configuration(self, more: str = "") -> Path:
        server = self.authority.issue("server")
        tls = f'certificate = "{server.certificate}"\nkey = "{server.key}"\nca = "{self.authority.ca}"\n'
        terminals = "".join(
            f'[[eligibility.terminal]]\nclinic_code = "{code}"\ncertificate = "{each.fingerprint}"\n'
            for code, each in self.clinics.items()
        )
        file = self.folder / "pmh.toml"
        file.write_text(
            f"{more}\n[tls]\n{tls}"
            f'[eligibility]\nissuer = "{ISSUER}"\nsigning_key = "eligibility/signing.pem"\n[eligibility.tls]\n{tls}'
            f"{terminals}"
            f'[[client]]\nclient_id = "{CLIENT}"\nclient_secret = "file:client_secret"\n'
            f'certificate = "{self.city.fingerprint}"\n'
        )
        return file

    def session(self, identity: Identity) -> aiohttp.ClientSession:
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        context.load_cert_chain(identity.certificate, identity.key)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))

    @asynccontextmanager
    async def connected(
        self, url: str, *, secret: bytes = SECRET, identity: Identity | None = None, **changes: Any
    ) -> AsyncIterator[Pmh]:
        who = identity or self.city
        tls = {"certificate": str(who.certificate), "key": str(who.key), "ca": str(self.authority.ca)}
        given = {"base_url": url, "tls": tls, "client_id": CLIENT, "client_secret": "file:client_secret"}
        settings = Settings.model_validate(given | changes)
        self.said.lines.clear()
        async with self.session(who) as session:
            connector, outbox = Pmh(), cast(Outbox, None)
            await connector.open(
                Context("999997", settings, outbox, session, self.said, lambda: datetime.now(UTC), lambda _: secret)
            )
            yield connector
            await connector.close()
            await connector.close()


class Simulator:
    """One process; `output` is what it wrote to stdout and stderr, complete after `end`."""

    def __init__(self, site: Site, process: Speaking) -> None:
        self._site = site
        self._process = process
        told = json.loads(process.first)
        self.url = f"https://127.0.0.1:{told['port']}"
        self.eligibility = f"https://127.0.0.1:{told['eligibility_port']}"

    async def card(self, whose: str, **more: str) -> str:
        """A new card of that person."""
        card = f"CARD-{next(_fresh):04d}"
        body = {"card": card, "vaccination_subject_no": whose, **more}
        assert (await self.eligible("/cards", body, self._site.city))[0] == 201
        return card

    async def confirmed(self, whose: str, clinic: str = CLINIC_A, consent: str | None = "2026-04") -> dict[str, str]:
        """What the clinic's terminal is told when the person shows a card there."""
        shown = {"card": await self.card(whose)} | ({"consent": consent} if consent else {})
        status, told = await self.eligible("/eligibility/confirmations", shown, self._site.clinics[clinic])
        assert status == 200
        return dict(told)

    async def eligible(self, path: str, body: object, who: Identity) -> tuple[int, Any]:
        """A POST to the eligibility side."""
        async with self._site.session(who) as session, session.post(self.eligibility + path, json=body) as response:
            return response.status, await response.json()

    async def faults(self, strikes: Mapping[str, int]) -> int:
        async with (
            self._site.session(self._site.city) as session,
            session.put(f"{self.url}/simulator/faults", json=dict(strikes)) as response,
        ):
            return response.status

    async def counts(self) -> dict[str, Any]:
        async with (
            self._site.session(self._site.city) as session,
            session.get(f"{self.url}/simulator/counts") as response,
        ):
            return dict(await response.json())

    def end(self, *, kill: bool = False) -> tuple[int, bytes]:
        """Exit status and everything that it wrote."""
        return self._process.end(signal.SIGKILL if kill else signal.SIGTERM)


@contextmanager
def running(site: Site, more: str = "") -> Iterator[Simulator]:
    process = Speaking("gateway_pmh.simulator", str(site.configuration(more)))
    try:
        yield Simulator(site, process)
    finally:
        process.end()
