"""The record system's HTTPS interface: a request becomes the body of its answer, or `Later`.

The rule: whatever is not an answer with status 200 in time says nothing about the rows, so it comes again later.
"""

import asyncio
from typing import Final

import aiohttp

from gateway.plugin.exchange import Later, System, TooLarge
from gateway_vaccination_records.settings import Settings

_LONGEST_PATIENCE: Final = 3600.0
_BYTES_PER_ROW: Final = 1024
_BYTES_BESIDE: Final = 1024


class RecordSystem:
    """The system at `base_url`, over a session of the line."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        times = settings.connect_timeout, settings.answer_timeout, _LONGEST_PATIENCE
        self._system = System(session, settings.base_url, *times)

    async def get(self, path: str, seconds: float) -> bytes:
        """The body of a 200 answer that came within so many seconds. Raises Later for anything else."""
        return await self._request("GET", path, None, seconds, _BYTES_PER_ROW)

    async def post(self, path: str, body: object, seconds: float, rows: int, row_bytes: int = _BYTES_PER_ROW) -> bytes:
        """The same for a POST whose answer has at most so many rows, of so many bytes on the average. Raises Later."""
        return await self._request("POST", path, body, seconds, rows * row_bytes)

    async def _request(self, method: str, path: str, body: object, seconds: float, longest: int) -> bytes:
        ends = asyncio.get_running_loop().time() + seconds
        try:
            return (await self._system.request(method, path, body, ends=ends, most=_BYTES_BESIDE + longest)).body
        except TooLarge:  # it is there, and speaks: no reason to keep others from it
            raise Later("connector_bug") from None


def left(ends: float) -> float:
    """Seconds until a moment of the running loop's clock."""
    return ends - asyncio.get_running_loop().time()
