"""Platform, server, network and other bodies as the conformance suite meets them: the simulator, with made-up people.

The rule: whatever a delivery needs to find there is there once its record is told. It is put there by the simulator's
own code, over the data of the process that serves.
"""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from gateway.plugin import JsonValue
from gateway.plugin.testing import MadeUp, Place, Subject, started
from gateway_intermediate_server.interface import INTERFACE
from gateway_intermediate_server.interface.city import ADDRESSEE, REPLICA, REPLICA_DELETE
from gateway_intermediate_server.interface.network import PROVISION, SELF_INFORMATION
from gateway_intermediate_server.simulated import config, signing
from gateway_intermediate_server.simulated.elsewhere import Elsewhere
from gateway_intermediate_server.simulated.faults import Faults
from gateway_intermediate_server.simulated.network import OTHERS
from gateway_intermediate_server.simulated.own import OwnCity
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.server import Server

_ISSUER: Final = "https://network.invalid"
_BODY: Final = next(iter(OTHERS))
_DOSES: Final = {"row": "25", "procedure_code": "JT00000000002501", "dataset_code": "TM00000000000101"}
_TAX: Final = {"row": "27", "procedure_code": "JT00000000002701", "dataset_code": "TM00000000000201"}
_WHO: Final = {REPLICA: 10_000, REPLICA_DELETE: 20_000, ADDRESSEE: 30_000}
"""Added to a person's number: who has no replica yet, who has one to be deleted, who is not there yet."""
_SOMEBODY: Final = 40_000
"""No record is about this person; what there is for the city from the beginning is."""
_ASKED_FOR: Final = (PROVISION, SELF_INFORMATION)
_WAITING: Final = 3
"""Requests of one kind, at most: each poll looks at all of them."""
_MADE_UP: Final = MadeUp(INTERFACE)


class IntermediateServer(Subject):
    """An effect is what platform and server have by a delivery: a person, a replica or its end, an inquiry, an
    announcement, an answer.
    """

    _place: Place
    _server: Server | None = None

    def __init__(self) -> None:
        self._waiting: dict[str, list[str]] = {operation: [] for operation in _ASKED_FOR}
        self._ours = 0

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[str]:
        """The network decides, and bodies answer, at once."""
        self._place = place
        file = _configured(place)
        command = (sys.executable, "-m", "gateway_intermediate_server.simulator", str(file))
        async with started(*command) as said:
            with ExitStack() as opened:
                faults = Faults({})
                self._server = Server(config.load(file), faults, opened)
                self._calls = OwnCity(self._server).calls() | Elsewhere(self._server, faults).calls()
                if not self._count():
                    self._something_for_the_city()
                yield f"https://127.0.0.1:{said['port']}"
            self._server = None

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        return {
            "platform_url": address,
            "server_url": address,
            "tls": asdict(place.connector),
            "issuer": _ISSUER,
            "network_jwks": f"file:keys/{signing.JWKS}",
            "inquiry_key": f"file:keys/{signing.CITY}",
            "datasets": [_DOSES["dataset_code"]],
            "tax_datasets": [_TAX["dataset_code"]],
            "answer_timeout": 2.0,  # five kinds are looked for in one poll
            "people_per_export": 10,
        }

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        if direction == "sends":
            return _MADE_UP.record(direction, operation, person)
        own = {**_DOSES, "inquiry_row": "25", "inquirer_code": _BODY, "provider_code": _BODY}
        person += _WHO.get(operation, 0)
        if self._server is not None and operation != ADDRESSEE:
            self._prepare(operation, person)
            if operation in _ASKED_FOR:
                own["provision_no"] = self._asked(operation, person)
        return _MADE_UP.record(direction, operation, person, **own)

    async def effects(self, address: str) -> int:
        return self._count() - self._ours

    def _prepare(self, operation: str, person: int) -> None:
        """A resident, with a code and a replica where the operation needs them. The same again changes nothing."""
        before = self._count()
        addressee = _MADE_UP.record("receives", ADDRESSEE, person)
        self._do("/platform/v1/addressees/register", **addressee)
        whose = {"internal_no": addressee["internal_no"]}
        if operation not in (REPLICA, REPLICA_DELETE):
            self._do("/platform/v1/codes/acquire", **whose, **self._do("/platform/v1/process-serials", **whose))
        if operation in (REPLICA_DELETE, *_ASKED_FOR):
            replica = _MADE_UP.record("receives", REPLICA, person, **_DOSES)
            del replica["municipality_code"]
            self._do("/platform/v1/replicas/register", **replica)
        self._ours += self._count() - before

    def _asked(self, operation: str, person: int) -> str:
        """The number of a request about a resident: another body's, or their own. Former ones do not wait for ever."""
        number = {"individual_number": _number(person)}
        if operation == SELF_INFORMATION:
            own = self._do("/control/v1/self-information", **number, dataset_code=_DOSES["dataset_code"])
            name, path = "self_request_no", "/server/v1/self-information/answer"
        else:
            own = self._do("/control/v1/inquire", body=_BODY, **number, **_DOSES)
            name, path = "provision_no", "/server/v1/provisions/answer"
        self._waiting[operation].append(own[name])
        if len(self._waiting[operation]) > _WAITING:
            before = self._count()
            with suppress(Refusal):  # it was answered
                self._do(path, **{name: self._waiting[operation].pop(0)}, result="refused")
            self._ours += self._count() - before
        return str(own[name])

    def _something_for_the_city(self) -> None:
        """Requests of both kinds; an announcement's status, answers of both kinds, an inquiry that was refused."""
        for operation in _ASKED_FOR:
            self._prepare(operation, _SOMEBODY)
            self._asked(operation, _SOMEBODY)
        before = self._count()
        announced = _MADE_UP.record("receives", "announcement.send", _SOMEBODY)
        internal_no = announced["internal_no"]
        self._do(
            "/server/v1/announcements/send",
            announcement_no=announced["notice_id"],
            internal_no=internal_no,
            title=announced["notice_title"],
            text=announced["notice_text"],
            updated_at=announced["updated_at"],
            update_seq=announced["update_seq"],
        )
        number = _number(_SOMEBODY)
        doses = _MADE_UP.record("sends", "inquiry.answer", _SOMEBODY)["doses"]
        tax_items = _MADE_UP.record("sends", "inquiry.tax_answer", _SOMEBODY, fiscal_year="2026")["tax_items"]
        self._do("/control/v1/person", body=_BODY, individual_number=number, doses=doses, tax_items=tax_items)
        self._inquire("MADEUP-INQUIRY-DOSES", internal_no, _DOSES)
        self._inquire("MADEUP-INQUIRY-TAX", internal_no, _TAX)
        self._do("/control/v1/next", wrong="refuses")
        self._inquire("MADEUP-INQUIRY-REFUSED", internal_no, _DOSES)
        self._ours += self._count() - before

    def _inquire(self, inquiry_no: str, internal_no: str, what: Mapping[str, str]) -> None:
        asked = self._do(
            "/server/v1/permits/request",
            **what,
            request_id=inquiry_no,
            internal_no=internal_no,
            provider_code=_BODY,
            undisclosed_flag=False,
            inquirer_encryption_key=_public(self._place),
        )
        permit = self._do("/server/v1/permits/fetch", **asked)["permit"]
        self._do("/server/v1/inquiries/send", request_id=inquiry_no, permit=permit)

    def _count(self) -> int:
        """A replica that was deleted was registered before."""
        state = self._do("/control/v1/state")
        kept = ("addressees", "replicas", "replicas_deleted", "results", "announcements", "answered")
        return sum(int(state[name]) for name in kept) + int(state["replicas_deleted"])

    def _do(self, path: str, **said: object) -> Mapping[str, Any]:
        call = self._calls[path]
        return call.work(call.form.model_validate(said))


def _number(person: int) -> str:
    return str(_MADE_UP.record("receives", ADDRESSEE, person)["individual_number"])


def _public(place: Place) -> dict[str, str]:
    key = json.loads((place.folder / "keys" / signing.CITY).read_bytes())
    return {name: key[name] for name in ("kty", "crv", "x")}


def _configured(place: Place) -> Path:
    """The simulator's configuration: the city's client is also the one who says what happens elsewhere."""
    if not (place.folder / "keys").exists():
        signing.make(place.folder / "keys", list(OTHERS))
    file, tls = place.folder / "intermediate_server.toml", place.system
    clients = f'clients = ["{place.fingerprint.removeprefix("sha256:")}"]'
    keys = "\n".join(f'{body} = "keys/{body}.jwk"' for body in OTHERS)
    file.write_text(
        f'body = "999997"\nissuer = "{_ISSUER}"\ndata = "data"\nsigning_key = "keys/{signing.NETWORK}"\n'
        f"times = {{ code = 0, permit = 0, answer = 0, announcement = 0 }}\n[inquiry_keys]\n{keys}\n"
        f"[listen]\n{clients}\n[control]\n{clients}\n"
        f'[tls]\ncertificate = "{tls.certificate}"\nkey = "{tls.key}"\nca = "{tls.ca}"\n'
    )
    return file
