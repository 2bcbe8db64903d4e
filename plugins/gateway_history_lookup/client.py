"""The HTTPS interface of 履歴照会回答システム: an inquiry becomes the body of its answer, or `Later`.

The rule: an inquiry that was accepted (202) is asked for by its receipt until the delivery ends.
"""

import asyncio
from typing import Final

import aiohttp
from pydantic_core import from_json

from gateway.plugin.exchange import Later, System
from gateway_history_lookup.settings import Settings

_INQUIRIES: Final = "/v1/id5-inquiries"
_SMALL: Final = 1024
_BYTES_PER_ROW: Final = 256
_POLL: Final = 1.0
_LEAST_PAUSE: Final = 0.1  # whatever the system asks: it is not to be stormed


class InquirySystem:
    """The system, over a session of the line. Every `ends` is a time of the running loop's clock."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._system = System(session, settings.base_url, settings.connect_timeout, settings.answer_timeout)

    async def inquire(self, inquiry: str, rows: list[dict[str, object]], ends: float) -> bytes:
        """The answer to one inquiry, awaited until `ends`. The same `inquiry` with the same rows is the same one: it
        has the same receipt, however often it is sent. Raises Later.
        """
        most = _SMALL + len(rows) * _BYTES_PER_ROW
        body = {"inquiry": inquiry, "rows": rows}
        answer = await self._system.request("POST", _INQUIRIES, body, ends=ends, most=most, good=(200, 202))
        address = f"{_INQUIRIES}/{_receipt(answer.body)}" if answer.status == 202 else ""
        while answer.status == 202:
            await _pause(answer.retry_after, ends)
            answer = await self._system.request("GET", address, ends=ends, most=most, good=(200, 202, 404))
        if answer.status == 404:  # it no longer knows the receipt: the same is asked anew
            raise Later("system_busy")
        return answer.body

    async def status(self, ends: float) -> None:
        """Returns if the system serves us now. Raises Later."""
        await self._system.request("GET", "/v1/status", ends=ends, most=_SMALL, good=(200, 202))


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
