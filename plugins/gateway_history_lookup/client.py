"""Speaks to 履歴照会回答システム over HTTPS: an inquiry becomes the body of its answer, or `Later`.

The rule: whatever is not an answer in time says nothing about the rows, so they come again later. An inquiry that was
accepted (202) is asked for by its receipt until the delivery ends.
"""

import asyncio
import io
from typing import Final

import aiohttp
from pydantic_core import from_json, to_json

from gateway.plugin import DeferredRecord
from gateway_history_lookup.settings import Settings

_INQUIRIES: Final = "/v1/id5-inquiries"
_LONGEST_PATIENCE: Final = 24 * 3600  # a maintenance window; the hub has a bound of its own
_BYTES_PER_ROW: Final = 256
_SMALL: Final = 1024
_POLL: Final = 1.0
_LEAST_PAUSE: Final = 0.1  # whatever the system asks: it is not to be stormed
_AS_IT_IS: Final = {"Accept-Encoding": "identity"}


class Later(Exception):
    """Nothing is known about what was asked; `outcome` says why and when to come again."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.outcome = DeferredRecord(code, retry_after)


class InquirySystem:
    """The system at `base_url`, over a session of the line. Every `ends` is a time of the running loop's clock."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._session = session
        self._settings = settings

    async def inquire(self, inquiry: str, rows: list[dict[str, object]], ends: float) -> bytes:
        """The answer to one inquiry, awaited until `ends`. The same `inquiry` with the same rows is the same one: it
        has the same receipt, however often it is sent. Raises Later.
        """
        most = _SMALL + len(rows) * _BYTES_PER_ROW
        body = to_json({"inquiry": inquiry, "rows": rows})
        status, pause, answer = await self._request("POST", _INQUIRIES, body, ends, most)
        address = f"{_INQUIRIES}/{_receipt(answer)}" if status == 202 else ""
        while status == 202:
            await _pause(pause, ends)
            status, pause, answer = await self._request("GET", address, None, ends, most)
        return answer

    async def status(self, ends: float) -> None:
        """Returns if the system serves us now. Raises Later."""
        await self._request("GET", "/v1/status", None, ends, _SMALL)

    async def _request(
        self, method: str, path: str, body: bytes | None, ends: float, most: int
    ) -> tuple[int, float | None, bytes]:
        """Status (200 or 202), Retry-After and body. Raises Later."""
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
                patience = _patience(response.headers.get("Retry-After", ""))
                if response.status not in (200, 202):
                    raise _refusal(response.status, patience, asked_by_receipt=body is None)
                return response.status, patience, await _bounded(response.content, most)
        except aiohttp.ConnectionTimeoutError:
            raise Later("system_unreachable") from None
        except TimeoutError:
            raise Later("deadline") from None
        except (aiohttp.ClientError, OSError):
            raise Later("system_unreachable") from None


def _receipt(answer: bytes) -> str:
    """The receipt number of what was accepted; it becomes a part of an address. Raises Later."""
    try:
        plain = from_json(answer, cache_strings="keys")
    except ValueError:  # its text may quote the answer
        raise Later("system_unreachable") from None
    receipt = plain.get("receipt") if isinstance(plain, dict) else None
    if not (isinstance(receipt, str) and receipt.isascii() and receipt.isalnum() and len(receipt) <= 64):
        raise Later("system_unreachable")
    return receipt


async def _pause(asked: float | None, ends: float) -> None:
    """Before a receipt is asked for again. Raises Later if the delivery would be over by then."""
    pause = _POLL if asked is None else max(asked, _LEAST_PAUSE)
    if asyncio.get_running_loop().time() + pause >= ends:
        raise Later("deadline", asked)
    await asyncio.sleep(pause)


async def _bounded(stream: aiohttp.StreamReader, most: int) -> bytes:
    """All of a body that is no larger than any honest answer. Raises Later."""
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > most:
            raise Later("system_unreachable")
    return bytes(body)


def _refusal(status: int, patience: float | None, *, asked_by_receipt: bool) -> Later:
    """The whole was refused. Which record would be to blame is not known, so none is refused for it."""
    match status:
        case 429 | 503:
            return Later("system_busy", patience)
        case 404 if asked_by_receipt:  # it no longer knows the receipt: the same is asked anew
            return Later("system_busy")
        case 400 | 404 | 405 | 413 | 415 | 422:
            return Later("connector_bug")  # we do not speak as it understands: for people to look at
        case _:
            return Later("system_unreachable")


def _patience(text: str) -> float | None:
    """Retry-After in seconds; its other form, a date, tells too little between two clocks."""
    return float(min(int(text), _LONGEST_PATIENCE)) if text.isascii() and text.isdecimal() and len(text) < 10 else None
