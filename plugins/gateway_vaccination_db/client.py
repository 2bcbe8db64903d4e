"""Speaks to 予防接種DB over HTTPS: a request becomes the body of its answer, or `Later`.

The rule: whatever is not an answer with status 200 in time says nothing about the rows, so they come again later.
"""

import asyncio
import io
from typing import Final

import aiohttp
from pydantic_core import to_json

from gateway.plugin import DeferredRecord
from gateway_vaccination_db.settings import Settings

_LONGEST_PATIENCE: Final = 24 * 3600  # a maintenance window; the hub has a bound of its own
_BYTES_PER_ROW: Final = 256
_AS_IT_IS: Final = {"Accept-Encoding": "identity"}


class Later(Exception):
    """Nothing is known about what was asked; `outcome` says why and when to come again."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.outcome = DeferredRecord(code, retry_after)


class ResearchDatabase:
    """The database at `base_url`, over a session of the line. Every `ends` is a time of the running loop's clock."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        self._settings = settings

    async def register(self, body: object, ends: float, rows: int) -> bytes:
        """The answer to `POST /v1/doses`. Raises Later."""
        return await self._request("POST", "/v1/doses", to_json(body, exclude_none=True), ends, rows)

    async def status(self, ends: float) -> None:
        """Returns if the database serves us now. Raises Later."""
        await self._request("GET", "/v1/status", None, ends, 1)

    async def _request(self, method: str, path: str, body: bytes | None, ends: float, rows: int) -> bytes:
        settings = self._settings
        left = max(0.001, ends - asyncio.get_running_loop().time())
        timeout = aiohttp.ClientTimeout(total=min(left, settings.answer_timeout), sock_connect=settings.connect_timeout)
        try:
            async with self._session.request(
                method,
                settings.base_url.rstrip("/") + path,
                data=io.BytesIO(body) if body is not None else None,
                headers=_AS_IT_IS | ({"Content-Type": "application/json"} if body is not None else {}),
                auto_decompress=False,  # a few bytes may inflate to gigabytes before they can be counted
                timeout=timeout,
                allow_redirects=False,  # personal data goes to the configured address and nowhere else
            ) as response:
                if response.status != 200:
                    raise _refusal(response)
                return await _bounded(response.content, 1024 + rows * _BYTES_PER_ROW)
        except aiohttp.ConnectionTimeoutError:
            raise Later("system_unreachable") from None
        except TimeoutError:
            raise Later("deadline") from None
        except (aiohttp.ClientError, OSError):
            raise Later("system_unreachable") from None


async def _bounded(stream: aiohttp.StreamReader, most: int) -> bytes:
    """All of a body that is no larger than any honest answer. Raises Later."""
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > most:
            raise Later("system_unreachable")
    return bytes(body)


def _refusal(response: aiohttp.ClientResponse) -> Later:
    """It refused the whole request. Which record would be to blame is not known, so none is refused for it."""
    match response.status:
        case 429 | 503:
            return Later("system_busy", _patience(response.headers.get("Retry-After", "")))
        case 400 | 404 | 405 | 413 | 415 | 422:
            return Later("connector_bug")  # we do not speak as it understands: for people to look at
        case _:
            return Later("system_unreachable")


def _patience(text: str) -> float | None:
    """Retry-After in seconds; its other form, a date, tells too little between two clocks."""
    return float(min(int(text), _LONGEST_PATIENCE)) if text.isascii() and text.isdecimal() and len(text) < 10 else None
