"""What every HTTPS entrance has in common: listening, who the peer is, and errors as problem details (RFC 9457)."""

import asyncio
import math
from http import HTTPStatus
from typing import Any, ClassVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestHandler

from gateway.errors import CODES, Deferred, GatewayError, Refused
from gateway.keys.certificates import fingerprint
from gateway.observe import Telemetry


class Mute(RequestHandler):
    """aiohttp answers what it cannot parse before any middleware runs, and quotes it; this quotes nothing.

    `waiting` has an event for each connection that is open, set when it is lost; `spoken` those that have made a
    request.
    """

    __slots__ = ()
    waiting: ClassVar[dict[RequestHandler, asyncio.Event]] = {}
    spoken: ClassVar[set[RequestHandler]] = set()

    @classmethod
    def has_not_spoken(cls, handler: RequestHandler) -> bool:
        """Whether nothing that was a request came by this connection."""
        return handler not in cls.spoken

    def connection_lost(self, exc: BaseException | None) -> None:
        """The other side, or we, have let go."""
        super().connection_lost(exc)
        self.spoken.discard(self)
        if (lost := self.waiting.pop(self, None)) is not None:
            lost.set()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The status alone. Raises ConnectionError if an answer is on its way already."""
        del exc, message
        if request.writer.output_size > 0:
            raise ConnectionError
        answer = _bare(status)
        answer.force_close()
        return answer


async def expect(request: web.Request) -> web.Response | None:
    """`Expect: 100-continue` and nothing else; aiohttp's own refusal quotes what was expected."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        return _bare(HTTPStatus.EXPECTATION_FAILED)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # so that an answer still counts as not begun
    return None


def _bare(status: int) -> web.Response:
    """The status as a problem, and nothing else."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    headers = later() if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")


def later(seconds: float | None = None) -> dict[str, str]:
    """The header that every 503 has: Retry-After, in whole seconds and at least one."""
    return {"Retry-After": str(max(1, math.ceil(seconds or 0)))}


def problem(error: GatewayError, message_id: str | None = None, **more: Any) -> web.Response:
    """An error as problem details (RFC 9457): a stable code and a sentence, never a value."""
    code = CODES[error.code] if error.code in CODES else CODES["internal"]
    body = {"type": f"urn:renkei:problem:{error.code}", "title": code.title, "status": code.status, "code": error.code}
    if message_id is not None:
        body["message_id"] = message_id
    if error.cause is not None:
        body["detail"] = error.cause
    headers = later() if code.status == HTTPStatus.SERVICE_UNAVAILABLE else None
    if isinstance(error, Deferred):
        headers = later(error.retry_after)
    return web.json_response(body | more, status=code.status, headers=headers, content_type="application/problem+json")


def peer_fingerprint(request: web.Request) -> str:
    """The fingerprint of the certificate that the peer proved in the handshake."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    if not certificate:
        raise Refused("unknown_certificate")
    return fingerprint(certificate)


def problems(telemetry: Telemetry) -> Middleware:
    """The outermost middleware of every entrance: whatever goes wrong becomes a problem that quotes nothing."""

    @web.middleware
    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        Mute.spoken.add(request.protocol)
        try:
            return await handler(request)
        except GatewayError as error:
            return problem(error)
        except web.HTTPException as error:
            return _bare(error.status)
        except ConnectionError:  # it hung up in the middle: nobody is there to hear an answer
            raise
        except Exception as error:  # noqa: BLE001  (a bug of ours: the peer hears only that)
            telemetry.bug(error, "request failed")
            return problem(GatewayError("internal"))

    return answered
