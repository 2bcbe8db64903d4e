"""Speaks to Public Medical Hub: token, tasks, receipts. An answer's bytes come out, or `Later`.

The rule: nothing is decided here. Personal data goes to the configured address and nowhere else, and nothing of a body
is ever told.
"""

import asyncio
import base64
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote_plus

import aiohttp
from pydantic_core import to_json

from gateway.plugin import Context
from gateway_pmh import answers
from gateway_pmh.later import Later
from gateway_pmh.settings import Settings
from gateway_pmh.token import Granted, Token

_TOKEN: Final = "/oauth2/token"  # noqa: S105 - an address
_KEY_TASKS: Final = "/v1/pmh-key-tasks"
_CONFIRMATION_TASKS: Final = "/v1/confirmation-tasks"
_JSON: Final = {"Content-Type": "application/json"}
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_BYTES_PER_ROW: Final = 512
_AS_IT_IS: Final = {"Accept-Encoding": "identity"}
_SMALL: Final = 8192
_POLL: Final = 1.0
_LEAST_PAUSE: Final = 0.5  # whatever PMH asks: it is not to be stormed
_T = TypeVar("_T")
_LONGEST_PATIENCE: Final = 24 * 3600.0  # a maintenance window; the hub has a bound of its own


@dataclass(frozen=True, slots=True)
class _Answer:
    """`body` is read for 200 and 202 only; `retry_after` is in seconds."""

    status: int
    retry_after: float | None
    body: bytes = field(default=b"", repr=False)


class PublicMedicalHub:
    """One municipality's client. `clock` is the loop's; every `ends` below is a time of it."""

    def __init__(self, context: Context, settings: Settings, secret: bytes) -> None:
        self._context = context
        self._settings = settings
        self._clock: Callable[[], float] = asyncio.get_running_loop().time
        self._credentials = base64.b64encode(settings.client_id.encode() + b":" + _form_encoded(secret)).decode()
        self._token = Token(self._grant, self._clock)

    async def issue(self, rows: list[dict[str, Any]], request_key: str, ends: float) -> bytes:
        """The answer to one key task, awaited until `ends`. Raises Later.

        The same `request_key` with the same rows is the same task: it has the same receipt, however often it is asked.
        """
        return await self._task(_KEY_TASKS, rows, {"Idempotency-Key": request_key}, ends)

    async def confirm(self, rows: list[dict[str, Any]], ends: float) -> bytes:
        """The answer to one confirmation task, awaited until `ends`. Raises Later.

        Each is a new task: an earlier one's answer says what was true then.
        """
        return await self._task(_CONFIRMATION_TASKS, rows, {}, ends)

    async def _task(self, path: str, rows: list[dict[str, Any]], more: Mapping[str, str], ends: float) -> bytes:
        most = _SMALL + len(rows) * _BYTES_PER_ROW
        answer = await self._authorized("POST", path, ends, to_json(rows), {**_JSON, **more}, most)
        if answer.status == 202:
            address = f"{path}/{_read(answers.receipt, answer.body)}"
            while answer.status == 202:
                await self._pause(answer.retry_after, ends)
                answer = await self._authorized("GET", address, ends, most=most)
            if answer.status == 404:  # PMH no longer knows the receipt: the same task is asked anew
                raise Later("system_busy")
        if answer.status != 200:
            raise _refusal(answer)
        return answer.body

    async def status(self, ends: float) -> None:
        """Returns if PMH serves us now. Raises Later."""
        answer = await self._authorized("GET", "/v1/status", ends)
        if answer.status != 200:
            raise _refusal(answer)

    async def _pause(self, asked: float | None, ends: float) -> None:
        """Before the result of a receipt is fetched again. Raises Later if the delivery would be over by then."""
        pause = _POLL if asked is None else max(asked, _LEAST_PAUSE)
        if self._clock() + pause >= ends:
            raise Later("deadline", asked)
        await asyncio.sleep(pause)

    async def _authorized(
        self,
        method: str,
        path: str,
        ends: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        most: int = _SMALL,
    ) -> _Answer:
        """With a token; once more with a new one if it is refused (RFC 6750 §3.1)."""
        for _ in range(2):
            token = await self._bearer(ends)
            bearer = {"Authorization": f"Bearer {token}", **(headers or {})}
            answer = await self._exchange(method, path, ends, body, bearer, most)
            if answer.status != 401:
                return answer
            self._token.forget(token)
        self._context.log.warning("token.refused", status=401)
        raise Later("system_unreachable", cause="it answers 401 to the very tokens that it grants")

    async def _bearer(self, ends: float) -> str:
        """A token, also where another request is fetching it and takes its time. Raises Later."""
        try:
            async with asyncio.timeout_at(ends):
                return await self._token.value(ends)
        except TimeoutError:
            raise Later("deadline") from None

    async def _grant(self, ends: float) -> Granted:
        """A new token. Raises Later."""
        headers = _FORM | {"Authorization": f"Basic {self._credentials}"}
        answer = await self._exchange("POST", _TOKEN, ends, b"grant_type=client_credentials", headers, _SMALL)
        if answer.status == 200:
            return _read(answers.granted, answer.body)
        if answer.status in (429, 503):
            raise _refusal(answer)
        self._context.log.warning("token.not_granted", status=answer.status)
        raise Later("system_unreachable", cause=_not_granted(answer.status))

    async def _exchange(
        self, method: str, path: str, ends: float, body: bytes | None, headers: Mapping[str, str], most: int
    ) -> _Answer:
        """One request. Raises Later if there is no answer in time, or one that is larger than any honest one."""
        settings = self._settings
        left = max(0.001, ends - self._clock())
        timeout = aiohttp.ClientTimeout(total=min(left, settings.answer_timeout), sock_connect=settings.connect_timeout)
        try:
            async with self._context.session.request(
                method,
                settings.base_url.rstrip("/") + path,
                data=io.BytesIO(body) if body is not None else None,
                headers={**_AS_IT_IS, **headers},
                auto_decompress=False,  # a few bytes may inflate to gigabytes before they can be counted
                timeout=timeout,
                allow_redirects=False,  # personal data goes to the configured address and nowhere else
            ) as response:
                patience = _patience(response.headers.get("Retry-After", ""), self._context.now())
                content = await _bounded(response.content, most) if response.status in (200, 202) else b""
                return _Answer(response.status, patience, content)
        except aiohttp.ConnectionTimeoutError:
            raise Later("system_unreachable") from None
        except TimeoutError:
            raise Later("deadline") from None
        except (aiohttp.ClientError, OSError):
            raise Later("system_unreachable") from None


def _form_encoded(secret: bytes) -> bytes:
    """RFC 6749 §2.3.1 has both halves of the credentials form-encoded; our client ids are the same either way."""
    return quote_plus(secret).encode()


def _read(parse: Callable[[bytes], _T], body: bytes) -> _T:
    try:
        return parse(body)
    except answers.Garbage:
        raise Later("system_unreachable") from None


async def _bounded(stream: aiohttp.StreamReader, most: int) -> bytes:
    """All of a body that is no larger than any honest answer. Raises Later."""
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > most:
            raise Later("system_unreachable")
    return bytes(body)


def _not_granted(status: int) -> str:
    """RFC 6749 §5.2: 400 or 401 is how an authorization server refuses a client; 403 is how a proxy before it does."""
    if status in (400, 401, 403):
        return f"its token endpoint answers {status}: it refuses our client_id, client_secret or certificate"
    return f"its token endpoint answers {status}"


def _refusal(answer: _Answer) -> Later:
    """PMH refused the whole request. Which record would be to blame is not known, so none is refused for it."""
    match answer.status:
        case 429 | 503:
            return Later("system_busy", answer.retry_after)
        case 400 | 404 | 405 | 409 | 413 | 415 | 422:
            return Later("connector_bug")  # we do not speak as it understands: for people to look at
        case _:
            return Later("system_unreachable")


def _patience(text: str, now: datetime) -> float | None:
    """Retry-After in seconds; maintenance windows have its other form too, a date (RFC 9110 §10.2.3)."""
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return min(float(text), _LONGEST_PATIENCE)
    try:
        until = parsedate_to_datetime(text)
        seconds = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_PATIENCE)
