"""Calls over HTTPS: the client's certificate, the JSON that comes in, the JSON or the refusal that goes out.

The rule: what it does not understand it refuses whole, with a code and without a value.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from gateway_intermediate_server.simulated.config import Times
from gateway_intermediate_server.simulated.faults import Faults
from gateway_intermediate_server.simulated.forms import Form
from gateway_intermediate_server.simulated.refusal import Refusal

_LONGEST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """What is done with a form that comes in, and the status of its answer."""

    form: type[Form]
    work: Callable[[Any], Mapping[str, Any]]
    status: int = 200
    method: str = "POST"


class Face:
    """One listener's application: calls by path, for the clients with these certificates."""

    def __init__(self, calls: Mapping[str, Call], clients: Collection[str], faults: Faults, times: Times) -> None:
        self._calls = calls
        self._clients = frozenset(clients)
        self._faults = faults
        self._times = times

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=_LONGEST_BODY)
        for path, call in self._calls.items():
            app.router.add_route(call.method, path, self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            if _certificate(request) not in self._clients:
                raise Refusal(403, "not_a_client")
            await self._before()
            call = self._calls[request.path]
            answer = self._done(call, await request.read())
        except Refusal as refusal:
            return web.json_response({"code": refusal.code}, status=refusal.status, headers=refusal.headers)
        if self._faults.strikes("drop") and request.transport is not None:
            request.transport.abort()
        if self._faults.strikes("garbage"):
            return web.Response(body=b'{"list":', content_type="application/json", status=call.status)
        return web.json_response(answer, status=call.status, headers={"Cache-Control": "no-store"})

    async def _before(self) -> None:
        if self._faults.strikes("maintenance"):
            raise Refusal(503, "maintenance", {"Retry-After": str(self._times.retry_after)})
        if self._faults.strikes("hang"):
            await asyncio.Event().wait()
        if self._faults.strikes("slow"):
            await asyncio.sleep(self._times.slow)

    def _done(self, call: Call, body: bytes) -> Mapping[str, Any]:
        """Raises Refusal."""
        try:
            form = call.form.model_validate_json(body or b"{}")
        except ValidationError:  # its text may quote the body
            raise Refusal(422, "format") from None
        return call.work(form)


def _certificate(request: web.Request) -> str:
    """The sha256 of the client's certificate."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    der = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
    return hashlib.sha256(der or b"").hexdigest()
