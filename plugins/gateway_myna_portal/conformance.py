"""The portal as the conformance suite meets it: the simulator, to which all made-up persons are known."""

import csv
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from gateway.plugin import JsonValue, Shown, TlsFiles
from gateway.plugin.testing import MadeUp, Place, Subject, ask, started
from gateway_myna_portal.interface import INTERFACE
from gateway_myna_portal.simulated import signing

_AUDIENCE: Final = "renkei-999997"
_TAKES_NO_PROOF: Final = frozenset({"pseudonym.key_deleted"})
_MADE_UP: Final = MadeUp(INTERFACE)


class MynaPortal(Subject):
    """One portal, whose residents all have their pseudonym from before."""

    _place: Place
    _issuer = "https://localhost"  # until it stands

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[str]:
        self._place = place
        command = (sys.executable, "-m", "gateway_myna_portal.simulator", str(_configured(place)))
        async with started(*command) as said:
            self._issuer = f"https://127.0.0.1:{said['port']}"
            yield self._issuer

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        tls = place.connector
        return {
            "base_url": address,
            "tls": {"certificate": tls.certificate, "key": tls.key, "ca": tls.ca},
            "issuer": self._issuer,
            "audience": _AUDIENCE,
            "jwks": f"file:{place.folder / 'provider/jwks.json'}",
        }

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        return _MADE_UP.record(direction, operation, person, pmh_pseudonym_id=_pseudonym(person))

    async def effects(self, address: str) -> int:
        return int((await ask(self._place, "GET", f"{address}/simulator/counts"))["notices"])

    async def shown(self, address: str | None, operation: str, person: int) -> Shown | None:
        """The token of a session: the resident has logged in, and consented to the text that was shown."""
        if operation in _TAKES_NO_PROOF:
            return None
        session = await ask(self._place, "POST", f"{address}/residents/{_card(person)}/login", {})
        return Shown(operation, session["id_token"], self._place.fingerprint, datetime.now(UTC))


def _card(person: int) -> str:
    return f"CARD-{person:04}"


def _pseudonym(person: int) -> str:
    return f"MADEUP-RESIDENT-{person:04}"


def _configured(place: Place) -> Path:
    """The simulator's configuration. Nothing goes from it to a gateway: at that address there is none."""
    if not (place.folder / "provider").exists():
        signing.make(place.folder / "provider")
    _residents(place.folder / "residents.csv")
    file = place.folder / "portal.toml"
    file.write_text(
        f'residents = "residents.csv"\n{_tls("tls", place.system)}'
        f'[gateway]\nurl = "https://127.0.0.1:9"\ntenant = "999997"\n'
        f'certificate = "{place.fingerprint.removeprefix("sha256:")}"\n{_tls("gateway.tls", place.connector)}'
        f'[provider]\nclient_id = "{_AUDIENCE}"\nsigning_key = "provider/signing.pem"\n'
    )
    return file


def _residents(file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("card", "pmh_pseudonym_id"))
        for person in range(1, 10_000):
            writer.writerow((_card(person), _pseudonym(person)))


def _tls(table: str, files: TlsFiles) -> str:
    return f'[{table}]\ncertificate = "{files.certificate}"\nkey = "{files.key}"\nca = "{files.ca}"\n'
