"""The record system's HTTPS interface: a request becomes the body of its answer, or `Later`.

The rule: whatever is not an answer with status 200 in time says nothing about the rows, so it comes again later.
"""

import asyncio
import io
from typing import Final

import aiohttp
from pydantic_core import to_json

from gateway.plugin import DeferredRecord
from gateway_vaccination_records.settings import Settings

_LONGEST_PATIENCE: Final = 3600
_BYTES_PER_ROW: Final = 1024
_BYTES_BESIDE: Final = 1024
_AS_IT_IS: Final = {"Accept-Encoding": "identity"}


class Later(Exception):
    """Nothing is known about what was asked; `outcome` says why and when to come again."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.outcome = DeferredRecord(code, retry_after)


class RecordSystem:
    """The system at `base_url`, over a session of the line."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        self._settings = settings

    async def get(self, path: str, seconds: float) -> bytes:
        """The body of a 200 answer that came within so many seconds. Raises Later for anything else."""
        return await self._request("GET", path, None, seconds, _BYTES_PER_ROW)

    async def post(self, path: str, body: object, seconds: float, rows: int, row_bytes: int = _BYTES_PER_ROW) -> bytes:
        """The same for a POST whose answer has at most so many rows, of so many bytes on the average. Raises Later."""
        return await self._request("POST", path, body, seconds, rows * row_bytes)

    async def _request(self, method: str, path: str, body: object, seconds: float, longest: int) -> bytes:
        settings = self._settings
        total = min(max(0.001, seconds), settings.answer_timeout)
        try:
            async with self._session.request(
                method,
                settings.base_url.rstrip("/") + path,
                data=io.BytesIO(to_json(body, exclude_none=True)) if body is not None else None,
                headers=_AS_IT_IS | ({"Content-Type": "application/json"} if body is not None else {}),
                auto_decompress=False,  # a few bytes may inflate to gigabytes before they can be counted
                timeout=aiohttp.ClientTimeout(total=total, sock_connect=settings.connect_timeout),
                allow_redirects=False,  # personal data goes to the configured address and nowhere else
            ) as response:
                if response.status != 200:
                    raise _refusal(response)
                return await _bounded(response.content, _BYTES_BESIDE + longest)
        except aiohttp.ConnectionTimeoutError:
            raise Later("system_unreachable") from None
        except TimeoutError:
            raise Later("deadline") from None
        except (aiohttp.ClientError, OSError):
            raise Later("system_unreachable") from None


def left(ends: float) -> float:
    """Seconds until a moment of the running loop's clock."""
    return ends - asyncio.get_running_loop().time()


async def _bounded(stream: aiohttp.StreamReader, most: int) -> bytes:
    """All of a body that is no larger than any honest answer. Raises Later."""
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > most:  # it is there, and speaks: no reason to keep others from it
            raise Later("connector_bug")
    return bytes(body)


def _refusal(response: aiohttp.ClientResponse) -> Later:
    """The system refused the whole request. Which record would be to blame is not known, so none is refused for it."""
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
