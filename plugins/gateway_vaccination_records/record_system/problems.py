"""Turns whatever goes wrong with a whole request into RFC 9457 problem details with a stable code.

The rule: neither the answer nor the telemetry holds anything that the client sent; an exception shows its type and the
line that raised it, never its text.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import structlog
from aiohttp import web

from gateway_vaccination_records.record_system.closed import Place
from gateway_vaccination_records.record_system.desk import Busy

_PROBLEMS: Final = {
    "unknown_certificate": (403, "The client certificate speaks for no area here."),
    "not_found": (404, "There is nothing at this address."),
    "method_not_allowed": (405, "This address does not take that method."),
    "body_too_large": (413, "The body is larger than this system takes."),
    "not_json": (400, "The body is not one well-formed JSON text (UTF-8, no duplicate keys, no NaN)."),
    "wrong_media_type": (415, "The body must be application/json."),
    "malformed": (422, "The body does not have the form of this operation; see places."),
    "bad_request": (400, "The request cannot be read."),
    "busy": (503, "Too much is waiting; the same again later."),
    "unavailable": (503, "The database cannot be used now; the same again later."),
    "internal": (500, "The record system failed; the cause is in its telemetry."),
}
_BY_STATUS: Final = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
_OURS: Final = frozenset({"unavailable", "internal"})
_RETRY_AFTER: Final = "5"
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """The whole request is refused. `code` is one of the table; `places` say where a body is malformed."""

    def __init__(self, code: str, places: Sequence[Place] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.places = places


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every failure of a handler with a problem; report those that are ours."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - aiohttp would answer and log with the exception's text
        code = _code(error)
        if code in _OURS:
            _report(code, error)
        return _answer(code, error.places if isinstance(error, Problem) else ())


def _code(error: Exception) -> str:
    match error:
        case Problem():
            code = error.code
        case Busy():
            code = "busy"
        case sqlite3.OperationalError():
            code = "unavailable"
        case web.HTTPException():
            code = _BY_STATUS.get(error.status, "bad_request")
        case web.RequestPayloadError() | ConnectionError():
            code = "bad_request"
        case _:
            code = "internal"
    return code


def _answer(code: str, places: Sequence[Place] = ()) -> web.Response:
    status, title = _PROBLEMS[code]
    body: dict[str, object] = {
        "type": f"urn:renkei:record-system:{code}",
        "title": title,
        "status": status,
        "code": code,
    }
    if places:
        body["places"] = [place.model_dump() for place in places]
    headers = {"Retry-After": _RETRY_AFTER} if status == 503 else None
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")


def _report(code: str, error: Exception) -> None:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    at = f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}" if frame else None
    structlog.get_logger().error("failed", code=code, error=type(error).__name__, at=at)
