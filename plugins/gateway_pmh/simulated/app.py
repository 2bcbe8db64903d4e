"""PMH's face: tasks for keys and confirmations as JSON arrays with an answer per row, at once or against a receipt;
tokens; and, for tests, counts and faults.

The rule: what it does not understand it refuses whole, with a code and without a value.
"""

import asyncio
import hashlib
import secrets
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from aiohttp import web
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from gateway_pmh.simulated.config import Strikes, Times
from gateway_pmh.simulated.confirmations import Confirmations
from gateway_pmh.simulated.faults import Faults
from gateway_pmh.simulated.keys import Keys
from gateway_pmh.simulated.rows import ASKED, ROWS, Asked, Malformed, Row, read
from gateway_pmh.simulated.tokens import Tokens

_Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Work: TypeAlias = Callable[[bytes], list[dict[str, Any]]]
_OPEN: Final = frozenset({"/oauth2/token", "/simulator/counts", "/simulator/faults"})
_WRONG: Final = ("other_person", "other_clinic", "without_consent", "ended", "other_confirmation")
_STRIKES: Final = TypeAdapter(Strikes)


class Refusal(Exception):
    """The whole request is refused."""

    def __init__(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.response = web.json_response({"code": code}, status=status, headers=headers)


class PublicMedicalHub:
    """The HTTP application over a store of keys and one of confirmations."""

    def __init__(self, keys: Keys, confirmations: Confirmations, tokens: Tokens, faults: Faults, times: Times) -> None:
        self._keys = keys
        self._confirmations = confirmations
        self._tokens = tokens
        self._faults = faults
        self._times = times
        self._calls: Counter[str] = Counter()
        self._receipts: dict[str, tuple[float, bytes, str]] = {}  # when the task is done, its result, its key
        self._receipt_of: dict[str, str] = {}  # by Idempotency-Key

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=1024 * 1024, middlewares=[self._guard])
        app.router.add_post("/oauth2/token", self._token)
        app.router.add_post("/v1/pmh-key-tasks", self._key_task)
        app.router.add_post("/v1/confirmation-tasks", self._confirmation_task)
        app.router.add_get("/v1/{task:pmh-key-tasks|confirmation-tasks}/{receipt}", self._result)
        app.router.add_get("/v1/status", self._status)
        app.router.add_get("/simulator/counts", self._counts)
        app.router.add_put("/simulator/faults", self._set_faults)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Answer) -> web.StreamResponse:
        """A token everywhere but where it is granted and where tests ask."""
        try:
            if request.path not in _OPEN and not self._tokens.valid(*_shown(request)):
                raise Refusal(401, "invalid_token", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
            return await handler(request)
        except Refusal as refusal:
            return refusal.response
        except Malformed:
            return Refusal(400, "malformed").response

    async def _token(self, request: web.Request) -> web.Response:
        self._calls["tokens"] += 1
        if (await request.post()).get("grant_type") != "client_credentials":
            raise Refusal(400, "unsupported_grant_type")
        token = self._tokens.grant(*_shown(request))
        if token is None:
            raise Refusal(401, "invalid_client", {"WWW-Authenticate": "Basic"})
        grant = {"access_token": token, "token_type": "Bearer", "expires_in": self._tokens.seconds}
        return web.json_response(grant, headers={"Cache-Control": "no-store"})

    async def _key_task(self, request: web.Request) -> web.Response:
        """Keys for numbers."""
        return await self._task(request, self._issue)

    async def _confirmation_task(self, request: web.Request) -> web.Response:
        """What is stored of confirmations."""
        return await self._task(request, self._tell)

    async def _task(self, request: web.Request, work: _Work) -> web.Response:
        """At once or later. The same Idempotency-Key has the same receipt while there is one."""
        self._calls["tasks"] += 1
        patience = {"Retry-After": str(self._times.retry_after)}
        if self._faults.strikes("busy"):
            raise Refusal(429, "too_many_requests", patience)
        if self._faults.strikes("maintenance"):
            raise Refusal(503, "maintenance", patience)
        if self._faults.strikes("token_lost"):
            self._tokens.revoke(*_shown(request))
            raise Refusal(401, "invalid_token")
        if self._faults.strikes("hang"):
            await asyncio.Event().wait()
        if self._faults.strikes("slow"):
            await asyncio.sleep(self._times.slow)
        task = request.headers.get("Idempotency-Key", "")
        if task in self._receipt_of:
            return self._accepted(self._receipt_of[task])
        result = to_json({"rows": work(await request.read())})
        if self._faults.strikes("asynchronous"):
            return self._accepted(self._receive(task, result))
        if self._faults.strikes("drop") and request.transport is not None:
            request.transport.abort()
        if self._faults.strikes("garbage"):
            result = b'{"rows":[{"rowNo":'
        return web.Response(body=result, content_type="application/json")

    def _issue(self, body: bytes) -> list[dict[str, Any]]:
        """An answer per row; the first row has what is switched on."""
        rows = read(ROWS, body)
        self._calls["rows"] += len(rows)
        failures = [_failure(row) for row in rows]
        for name, code in (("row_busy", "busy"), ("unknown_number", "unknown_number")):
            failures[0] = failures[0] or (code if self._faults.strikes(name) else None)
        good = [row.myNumber for row, failure in zip(rows, failures, strict=True) if failure is None]
        keys = iter(self._keys.issue(good))
        answers = [
            {"rowNo": row.rowNo, "status": "failed", "code": failure}
            if failure
            else {"rowNo": row.rowNo, "status": "succeeded", "issued": {"pmhKey": next(keys), "myNumber": row.myNumber}}
            for row, failure in zip(rows, failures, strict=True)
        ]
        return self._tampered(answers)

    def _tampered(self, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        record = next((each["issued"] for each in answers if "issued" in each), None)
        if record is not None and self._faults.strikes("extra_field"):
            record["name"] = "架空 太郎"
        if record is not None and self._faults.strikes("lie"):
            record["myNumber"] = _neighbour(record["myNumber"])
        return answers

    def _tell(self, body: bytes) -> list[dict[str, Any]]:
        """An answer per row, as it is stored now; the first row has what is switched on."""
        rows = read(ASKED, body)
        self._calls["confirmations"] += len(rows)
        answers = [self._found(row) for row in rows]
        if self._faults.strikes("confirmation_busy"):
            answers[0] = {"rowNo": rows[0].rowNo, "status": "failed", "code": "busy"}
        return answers

    def _found(self, row: Asked) -> dict[str, Any]:
        found = self._confirmations.find(row.identityConfirmation)
        if found is None:
            return {"rowNo": row.rowNo, "status": "failed", "code": "unknown_confirmation"}
        fault = next(filter(self._faults.strikes, _WRONG), None)
        told = found.told() if fault is None else found.wrong(fault)
        surplus = {"name": "架空 太郎"} if self._faults.strikes("surplus_field") else {}
        return {"rowNo": row.rowNo, "status": "succeeded", "found": told | surplus}

    def _receive(self, task: str, result: bytes) -> str:
        receipt = secrets.token_hex(8)
        self._receipts[receipt] = (asyncio.get_running_loop().time() + self._times.processing, result, task)
        if task:
            self._receipt_of[task] = receipt
        self._calls["receipts"] += 1
        return receipt

    def _accepted(self, receipt: str) -> web.Response:
        patience = {"Retry-After": str(self._times.retry_after)}
        return web.json_response({"receiptNo": receipt}, status=202, headers=patience)

    async def _result(self, request: web.Request) -> web.Response:
        self._calls["results"] += 1
        receipt = request.match_info["receipt"]
        if receipt not in self._receipts:
            raise Refusal(404, "no_such_receipt")
        done, result, task = self._receipts[receipt]
        if asyncio.get_running_loop().time() < done:
            return self._accepted(receipt)
        self._receipt_of.pop(task, None)  # answered: the same again is a new task
        return web.Response(body=result, content_type="application/json")

    async def _status(self, request: web.Request) -> web.Response:
        if self._faults.waits("maintenance"):
            raise Refusal(503, "maintenance", {"Retry-After": str(self._times.retry_after)})
        return web.json_response({})

    async def _counts(self, request: web.Request) -> web.Response:
        """Keys ever issued, confirmations stored; since the start tokens granted, tasks, rows of key tasks, rows of
        confirmation tasks, receipts, fetched results; faults.
        """
        names = ("tokens", "tasks", "rows", "confirmations", "receipts", "results")
        stored = {"keys": self._keys.count(), "stored": self._confirmations.count()}
        counts = {**stored, **{name: self._calls[name] for name in names}}
        return web.json_response(counts | {"faults": dict(self._faults.struck)})

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.set(_STRIKES.validate_json(await request.read()))
        except ValidationError:
            raise Refusal(422, "no_such_fault") from None
        return web.Response(status=204)


def _shown(request: web.Request) -> tuple[str, str]:
    """What the client shows: its Authorization header, and the sha256 of its certificate."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    return request.headers.get("Authorization", ""), hashlib.sha256(der or b"").hexdigest()


def _failure(row: Row) -> str | None:
    if row.modificationSeg == "2":
        return "deletion_not_offered"
    return None if row.myNumber[-1] == _check_digit(row.myNumber[:11]) else "wrong_check_digit"


def _neighbour(number: str) -> str:
    """Another valid number."""
    eleven = f"{(int(number[:11]) + 1) % 10**11:011d}"
    return eleven + _check_digit(eleven)


def _check_digit(eleven: str) -> str:
    rest = sum(int(digit) * weight for digit, weight in zip(eleven, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=True))
    return str(0 if rest % 11 <= 1 else 11 - rest % 11)
