"""PMH for the conformance suite: its stand-in as a process, and what passes between."""

import json
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import asdict
from http.client import HTTPSConnection
from typing import Any, Final

import aiohttp

from gateway.plugin import JsonValue
from gateway.plugin.testing import MadeUp, Place, Subject, started
from gateway_pmh.interface import INTERFACE
from gateway_pmh.simulated import signing

_CLIENT: Final = "city-999997"
_SECRET: Final = "a made-up client secret: +/%?"  # noqa: S105
_CLINIC: Final = "1319999999"
_MADE_UP: Final = MadeUp(INTERFACE)


class PublicMedicalHub(Subject):
    """Numbers that get keys, and confirmations that a terminal of the eligibility side has made."""

    _place: Place
    _terminal: HTTPSConnection

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[str | None]:
        self._place = place
        (place.folder / "client_secret").write_text(_SECRET, encoding="utf-8")
        (place.folder / "client_secret").chmod(0o600)
        if not (place.folder / "eligibility").exists():
            signing.make(place.folder / "eligibility")
        (place.folder / "pmh.toml").write_text(_configuration(place), encoding="utf-8")
        async with started(sys.executable, "-m", "gateway_pmh.simulator", str(place.folder / "pmh.toml")) as said:
            self._terminal = HTTPSConnection("127.0.0.1", said["eligibility_port"], timeout=30, context=self._tls())
            with closing(self._terminal):
                yield f"https://127.0.0.1:{said['port']}"

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        secret = {"client_id": _CLIENT, "client_secret": "file:client_secret"}
        return {"base_url": address, "tls": asdict(place.connector), "answer_timeout": 2.0, **secret}

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        if operation == "pmh_key.issue":
            return _MADE_UP.record(direction, operation, person)
        card = {"card": f"CARD-{person:04d}", "vaccination_subject_no": f"MADEUPSUBJECT{person:05d}"}
        self._eligible("/cards", card)
        confirmed = self._eligible("/eligibility/confirmations", {"card": card["card"], "consent": "2026-04"})
        return {"identity_confirmation": confirmed["identity_confirmation"]}

    async def effects(self, address: str) -> int | None:
        connector = aiohttp.TCPConnector(ssl=self._tls())
        counts = f"{address}/simulator/counts"
        async with aiohttp.ClientSession(connector=connector) as session, session.get(counts) as response:
            return int((await response.json())["keys"])

    def _eligible(self, path: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        """What the eligibility side answers the terminal, over one connection: hundreds of persons are asked for."""
        self._terminal.request("POST", path, json.dumps(body))
        return dict(json.load(self._terminal.getresponse()))

    def _tls(self) -> ssl.SSLContext:
        files = self._place.connector
        context = ssl.create_default_context(cafile=files.ca)
        context.load_cert_chain(files.certificate, files.key)
        return context


def _configuration(place: Place) -> str:
    tls = "".join(f'{name} = "{file}"\n' for name, file in asdict(place.system).items())
    shown = place.fingerprint.removeprefix("sha256:")
    return (
        "times = { token = 300, retry_after = 0, slow = 0.2, processing = 0.2 }\n"
        f"[tls]\n{tls}"
        '[eligibility]\nissuer = "https://eligibility.example"\nsigning_key = "eligibility/signing.pem"\n'
        f"[eligibility.tls]\n{tls}"
        f'[[eligibility.terminal]]\nclinic_code = "{_CLINIC}"\ncertificate = "{shown}"\n'
        f'[[client]]\nclient_id = "{_CLIENT}"\nclient_secret = "file:client_secret"\ncertificate = "{shown}"\n'
    )
