"""The face of 履歴照会回答システム: inquiries with an answer per row, at once or against a receipt; counts and faults.

The rule: what it does not understand it refuses whole, with a code and without a value.
"""

import asyncio
import hashlib
import secrets
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, ClassVar, Final, TypeAlias

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import to_json

from gateway_history_lookup.simulated.config import Config, Strikes
from gateway_history_lookup.simulated.faults import Faults
from gateway_history_lookup.simulated.insured import Insured

_Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
_STRIKES: Final = TypeAdapter(Strikes)


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Row(_Closed):
    """Whose ID5 is asked for: a PMHキー and nothing else."""

    index: Annotated[int, Field(ge=0)]
    pmh_key: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z-]{1,64}$")]


class Inquiry(_Closed):
    """`inquiry` is the asker's own mark: the same one has the same receipt while there is one."""

    inquiry: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z-]{1,80}$")]
    rows: Annotated[list[Row], Field(min_length=1, max_length=1000)]


class Refusal(Exception):
    """The whole request is refused."""

    def __init__(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.response = web.json_response({"code": code}, status=status, headers=headers)


class HistoryLookup:
    """The HTTP application over the insured."""

    def __init__(self, config: Config, insured: Insured) -> None:
        self._clients = frozenset(config.clients)
        self._times = config.times
        self._insured = insured
        self._faults = Faults(config.faults)
        self._calls: Counter[str] = Counter()
        self._receipts: dict[str, tuple[float, bytes, str]] = {}  # when it is answered, its answer, its inquiry
        self._receipt_of: dict[str, str] = {}  # by inquiry

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=1024 * 1024, middlewares=[self._guard])
        app.router.add_post("/v1/id5-inquiries", self._inquire)
        app.router.add_get("/v1/id5-inquiries/{receipt}", self._result)
        app.router.add_get("/v1/status", self._status)
        app.router.add_get("/simulator/counts", self._counts)
        app.router.add_put("/simulator/faults", self._set_faults)
        return app

    def counts(self) -> dict[str, Any]:
        """Inquiries, rows, receipts and fetched answers since the start, and the faults that struck."""
        counted = {name: self._calls[name] for name in ("inquiries", "rows", "receipts", "results")}
        return counted | {"faults": dict(self._faults.struck)}

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Answer) -> web.StreamResponse:
        """Known certificates only; tests may use any of the CA."""
        try:
            if request.path.startswith("/v1/") and _certificate(request) not in self._clients:
                raise Refusal(403, "unknown_client")
            return await handler(request)
        except Refusal as refusal:
            return refusal.response

    async def _inquire(self, request: web.Request) -> web.Response:
        self._calls["inquiries"] += 1
        if self._faults.strikes("maintenance"):
            raise Refusal(503, "maintenance", self._patience())
        if self._faults.strikes("hang"):
            await asyncio.Event().wait()
        if self._faults.strikes("slow"):
            await asyncio.sleep(self._times.slow)
        asked = await _asked(request)
        if asked.inquiry in self._receipt_of:
            return self._accepted(self._receipt_of[asked.inquiry])
        answer = to_json({"rows": self._answers(asked.rows)})
        if self._faults.strikes("asynchronous"):
            return self._accepted(self._receive(asked.inquiry, answer))
        if self._faults.strikes("forgotten"):
            return self._accepted(secrets.token_hex(8))
        if self._faults.strikes("drop") and request.transport is not None:
            request.transport.abort()
        if self._faults.strikes("garbage"):
            answer = b'{"rows":[{"index":'
        return web.Response(body=answer, content_type="application/json")

    def _answers(self, rows: list[Row]) -> list[dict[str, Any]]:
        """An answer per row; the first ones have what is switched on."""
        self._calls["rows"] += len(rows)
        answers: list[dict[str, Any]] = [
            {"index": row.index, "status": "found", "pmh_key": row.pmh_key, "id5": self._insured.id5(row.pmh_key)}
            for row in rows
        ]
        if len(answers) > 1 and self._faults.strikes("swapped"):
            first, second, *_ = answers
            first["index"], second["index"] = second["index"], first["index"]
        if len(answers) > 1 and self._faults.strikes("shared"):
            answers[1]["id5"] = answers[0]["id5"]
        for fault, status in (("row_busy", "busy"), ("unknown", "unknown")):
            if self._faults.strikes(fault):
                answers[0] = {"index": answers[0]["index"], "status": status}
        return answers

    def _receive(self, inquiry: str, answer: bytes) -> str:
        receipt = secrets.token_hex(8)
        self._receipts[receipt] = (asyncio.get_running_loop().time() + self._times.processing, answer, inquiry)
        self._receipt_of[inquiry] = receipt
        self._calls["receipts"] += 1
        return receipt

    def _accepted(self, receipt: str) -> web.Response:
        return web.json_response({"receipt": receipt}, status=202, headers=self._patience())

    async def _result(self, request: web.Request) -> web.Response:
        self._calls["results"] += 1
        receipt = request.match_info["receipt"]
        if receipt not in self._receipts:
            raise Refusal(404, "no_such_receipt")
        done, answer, inquiry = self._receipts[receipt]
        if asyncio.get_running_loop().time() < done:
            return self._accepted(receipt)
        self._receipt_of.pop(inquiry, None)  # answered: the same again is a new one
        return web.Response(body=answer, content_type="application/json")

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


async def _asked(request: web.Request) -> Inquiry:
    try:
        asked = Inquiry.model_validate_json(await request.read())
    except ValidationError:  # its text may quote the body
        raise Refusal(400, "malformed") from None
    if len({row.index for row in asked.rows}) != len(asked.rows):
        raise Refusal(400, "malformed")
    return asked


def _certificate(request: web.Request) -> str:
    """The sha256 of the client's certificate."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    return hashlib.sha256(der or b"").hexdigest()
