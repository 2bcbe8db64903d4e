"""The face of 予防接種DB: doses with a verdict per row; how many there are; faults.

The rule: what it does not understand it refuses whole, with a code and without a value. It has a column for what
research may have, and for nothing else.
"""

import asyncio
import hashlib
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import to_json

from gateway_vaccination_db.simulated.config import Config, Strikes
from gateway_vaccination_db.simulated.doses import Doses
from gateway_vaccination_db.simulated.faults import Faults

_Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
_STRIKES: Final = TypeAdapter(Strikes)


def _instant(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("no offset")
    return text


_Id = Annotated[str, StringConstraints(pattern="^[0-9A-Za-z-]{1,64}$")]


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Dose(_Closed):
    """The columns of the database. There is none for a name, an address, a day of birth or another number."""

    id5: _Id
    vaccination_record_id: _Id
    municipality_code: str
    birth_month: Annotated[str, StringConstraints(pattern="^[0-9]{4}-[0-9]{2}$")]
    sex: str
    subject_category: str
    vaccination_management_id: str
    vaccination_setting_id: str
    vaccinated_on: str
    consent_flag: bool
    implementation_type: str | None = None
    vaccination_type: str | None = None
    gtin: str | None = None
    vaccine_maker: str | None = None
    vaccine_generic_name: str | None = None
    vaccine_common_name: str | None = None
    vaccine_brand_name: str | None = None
    lot_no: str | None = None
    dose_volume: str | None = None
    injection_site: str | None = None
    injection_method: str | None = None
    vaccine_expiry_date: str | None = None
    caution_flag: bool
    overseas_flag: bool
    is_deleted: bool
    updated_at: Annotated[str, AfterValidator(_instant)]
    update_seq: Annotated[int, Field(ge=0)]


class Row(_Closed):
    """A dose, and its place in the message."""

    index: Annotated[int, Field(ge=0)]
    record: Dose


class Message(_Closed):
    """A row of the same message and place is judged once."""

    message_id: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z-]{1,64}$")]
    rows: Annotated[list[Row], Field(min_length=1, max_length=1000)]


class Refusal(Exception):
    """The whole request is refused."""

    def __init__(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.response = web.json_response({"code": code}, status=status, headers=headers)


class VaccinationDb:
    """The HTTP application over the doses."""

    def __init__(self, config: Config, doses: Doses) -> None:
        self._clients = frozenset(config.clients)
        self._times = config.times
        self._doses = doses
        self._faults = Faults(config.faults)
        self._calls: Counter[str] = Counter()

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=8 * 1024 * 1024, middlewares=[self._guard])
        app.router.add_post("/v1/doses", self._register)
        app.router.add_get("/v1/doses/count", self._count)
        app.router.add_get("/v1/status", self._status)
        app.router.add_get("/simulator/counts", self._counts)
        app.router.add_put("/simulator/faults", self._set_faults)
        return app

    def counts(self) -> dict[str, Any]:
        """What is kept; messages and rows that came since the start, verdicts, and the faults that struck."""
        names = ("messages", "rows", "accepted", "duplicate", "superseded", "version_conflict")
        counted = {name: self._calls[name] for name in names}
        return self._doses.counts() | counted | {"faults": dict(self._faults.struck)}

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Answer) -> web.StreamResponse:
        """Known certificates only; tests may use any of the CA."""
        try:
            if request.path.startswith("/v1/") and _certificate(request) not in self._clients:
                raise Refusal(403, "unknown_client")
            return await handler(request)
        except Refusal as refusal:
            return refusal.response

    async def _register(self, request: web.Request) -> web.Response:
        self._calls["messages"] += 1
        if self._faults.strikes("maintenance"):
            raise Refusal(503, "maintenance", self._patience())
        if self._faults.strikes("hang"):
            await asyncio.Event().wait()
        if self._faults.strikes("slow"):
            await asyncio.sleep(self._times.slow)
        answer = to_json({"rows": self._judged(await _message(request))})
        if self._faults.strikes("drop") and request.transport is not None:
            request.transport.abort()
        if self._faults.strikes("garbage"):
            answer = b'{"rows":[{"index":'
        return web.Response(body=answer, content_type="application/json")

    def _judged(self, message: Message) -> list[dict[str, Any]]:
        """An answer per row; the first row has what is switched on."""
        self._calls["rows"] += len(message.rows)
        left = message.rows[1:] if self._faults.strikes("row_busy") else message.rows
        rows = [(row.index, row.record.model_dump(exclude_none=True)) for row in left]
        verdicts = self._doses.register(message.message_id, rows)
        self._calls.update(verdicts)
        judged = dict(zip((index for index, _ in rows), verdicts, strict=True))
        return [_told(row.index, judged.get(row.index, "busy")) for row in message.rows]

    async def _count(self, request: web.Request) -> web.Response:
        return web.json_response(self._doses.counts())

    async def _status(self, request: web.Request) -> web.Response:
        if self._faults.waits("maintenance"):
            raise Refusal(503, "maintenance", self._patience())
        return web.json_response({})

    async def _counts(self, request: web.Request) -> web.Response:
        return web.json_response(self.counts())

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.set(_STRIKES.validate_json(await request.read()))
        except ValidationError:
            raise Refusal(422, "no_such_fault") from None
        return web.Response(status=204)

    def _patience(self) -> dict[str, str]:
        return {"Retry-After": str(self._times.retry_after)}


async def _message(request: web.Request) -> Message:
    try:
        message = Message.model_validate_json(await request.read())
    except ValidationError:  # its text may quote the body
        raise Refusal(400, "malformed") from None
    if len({row.index for row in message.rows}) != len(message.rows):
        raise Refusal(400, "malformed")
    return message


def _told(index: int, verdict: str) -> dict[str, Any]:
    if verdict in {"accepted", "duplicate", "busy"}:
        return {"index": index, "status": verdict}
    return {"index": index, "status": "refused", "code": verdict}


def _certificate(request: web.Request) -> str:
    """The sha256 of the client's certificate."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    return hashlib.sha256(der or b"").hexdigest()
