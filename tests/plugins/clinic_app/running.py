"""Simulators as processes of their own, PMH's with its eligibility side and the clinics', and in the gateway's place a
listener with the connector behind it, all over mutual TLS.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import aiohttp
from aiohttp import web

from gateway.plugin import Context, Outbox, Refused, Shown
from gateway_clinic_app.connector import ClinicApp
from gateway_clinic_app.settings import Settings
from tests.forking import Speaking
from tests.plugins.pmh.running import ISSUER, Said, Site

CITY = "999997"


def settings(site: Site, **changes: Any) -> Settings:
    """Each clinic's certificate by the name under which the gateway's configuration pins it."""
    clinics = {f"keys/tls/{code}.crt": code for code in site.clinics}
    return Settings.model_validate({"issuer": ISSUER, "jwks": "file:jwks.json", "clinics": clinics} | changes)


async def opened(site: Site, **changes: Any) -> ClinicApp:
    """A connector with the keys of the site's eligibility side."""
    connector, nothing = ClinicApp(), cast(aiohttp.ClientSession, None)
    await connector.open(
        Context(
            CITY, settings(site, **changes), cast(Outbox, None), nothing, Said(), lambda: datetime.now(UTC),
            lambda _: site.jwks,
        )
    )  # fmt: skip
    return connector


DROPPED = 500
"""Stands for an answer that is lost with its connection."""


@dataclass
class Gateway:
    """In the gateway's place: holds what comes to what the connector attests of it, as the edge does, and keeps it.

    `answers` are by operation: a status (or DROPPED) and a body; without one, what was attested is answered with 200.
    """

    site: Site
    connector: ClinicApp
    came: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    answers: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    connections: set[asyncio.BaseTransport] = field(default_factory=set)
    retry_after: str | None = None

    async def reply(self, request: web.Request) -> web.Response:
        self.connections.update(filter(None, [request.transport]))
        operation = request.path.rpartition("/")[2]
        records = await request.json()
        self.came.append((request.path, records, dict(request.headers)))
        shown = Shown(
            operation,
            request.headers.get("Renkei-Proof", ""),
            "",
            datetime.now(UTC),
            self._pinned(request),
        )
        try:
            bound = self.connector.attest(shown).bound
        except Refused as refused:
            return web.json_response({"code": refused.code}, status=403)
        if any(record.get(name) != value for record in records for name, value in bound.items()):
            return web.json_response({"code": "all_records_refused"}, status=422)
        said = self.answers.get(operation)
        status, body = said.pop(0) if said else (200, {"message_id": "m1", "replies": [{"index": 0, "record": {}}]})
        if status == DROPPED and request.transport is not None:
            request.transport.close()
        later = {"Retry-After": self.retry_after} if status == 202 and self.retry_after else {}
        return web.json_response(body, status=status, headers=later)

    def _pinned(self, request: web.Request) -> str:
        assert request.transport is not None
        der = cast(ssl.SSLObject, request.transport.get_extra_info("ssl_object")).getpeercert(binary_form=True)
        for code, each in self.site.clinics.items():
            if der == ssl.PEM_cert_to_DER_cert(each.certificate.read_text()):
                return f"keys/tls/{code}.crt"
        return ""


@asynccontextmanager
async def standing(site: Site, port: int) -> AsyncIterator[Gateway]:
    """A gateway's listener at that port, with a connector behind it."""
    gateway = Gateway(site, await opened(site))
    identity = site.authority.issue("gateway")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(site.authority.ca))
    context.load_cert_chain(identity.certificate, identity.key)
    context.verify_mode = ssl.CERT_REQUIRED
    app = web.Application()
    app.router.add_post("/{anything:.*}", gateway.reply)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, keepalive_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    yield gateway
    for each in gateway.connections:  # those that the clinics keep would outlast the loop
        cast(asyncio.WriteTransport, each).abort()
    await runner.cleanup()
    await asyncio.sleep(0)


class Clinics:
    """The clinics' process; `output` is what it wrote to stdout and stderr, complete after `end`."""

    def __init__(self, site: Site, process: Speaking) -> None:
        self._site = site
        self._process = process
        self.url = f"https://127.0.0.1:{json.loads(process.first)['port']}"

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with (
            self._site.session(self._site.city) as session,
            session.request(method, self.url + path, json=body) as response,
        ):
            text = await response.read()
            return response.status, json.loads(text) if text.startswith((b"{", b"[")) else None

    async def visit(self, clinic: str, card: str, consent: str | None = "2026-04") -> dict[str, str]:
        """A card is shown at the clinic's desk: what the visit is."""
        shown = {"card": card} | ({"consent": consent} if consent else {})
        status, told = await self.call("POST", f"/clinics/{clinic}/visits", shown)
        assert status == 201
        return dict(told)

    async def act(self, visit: Mapping[str, str], what: str, body: object = None) -> Any:
        """What the gateway says, or the status if it was not asked."""
        path = f"/clinics/{visit['clinic_code']}/visits/{visit['visit']}/{what}"
        status, answer = await self.call("POST", path, body)
        return answer if status == 200 else status

    async def faults(self, strikes: Mapping[str, int]) -> int:
        return (await self.call("PUT", "/simulator/faults", dict(strikes)))[0]

    async def counts(self) -> dict[str, Any]:
        return dict((await self.call("GET", "/simulator/counts"))[1])

    def end(self) -> tuple[int, bytes]:
        """Exit status and everything that it wrote."""
        return self._process.end()


def configuration(site: Site, gateway: str, eligibility: str, more: str = "") -> str:
    """The path of the clinics' configuration."""
    server, ca = site.authority.issue("clinics-server"), site.authority.ca
    file = site.folder / "clinics.toml"
    clinics = "".join(
        f'[[clinic]]\ncode = "{code}"\ncertificate = "{each.certificate}"\nkey = "{each.key}"\n'
        for code, each in site.clinics.items()
    )
    file.write_text(
        f'{more}\n[tls]\ncertificate = "{server.certificate}"\nkey = "{server.key}"\nca = "{ca}"\n'
        f'[gateway]\nurl = "{gateway}"\ntenant = "{CITY}"\nca = "{ca}"\n'
        f'[eligibility]\nurl = "{eligibility}"\nca = "{ca}"\n{clinics}'
    )
    return str(file)


@contextmanager
def running(site: Site, gateway: str, eligibility: str, more: str = "") -> Iterator[Clinics]:
    file = configuration(site, gateway, eligibility, more)
    process = Speaking("gateway_clinic_app.simulator", file)
    try:
        yield Clinics(site, process)
    finally:
        process.end()
