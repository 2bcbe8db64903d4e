"""The HTTPS interface of 予防接種DB: what is asked, where, and how large an honest answer is."""

from typing import Final

import aiohttp

from gateway.plugin.exchange import System
from gateway_vaccination_db.settings import Settings

_SMALL: Final = 1024
_BYTES_PER_ROW: Final = 256


class ResearchDatabase:
    """The database, over a session of the line. Every `ends` is a time of the running loop's clock."""

    def __init__(self, session: aiohttp.ClientSession, settings: Settings) -> None:
        self._system = System(session, settings.base_url, settings.connect_timeout, settings.answer_timeout)

    async def register(self, body: object, ends: float, rows: int) -> bytes:
        """The answer to `POST /v1/doses`. Raises Later."""
        most = _SMALL + rows * _BYTES_PER_ROW
        return (await self._system.request("POST", "/v1/doses", body, ends=ends, most=most)).body

    async def status(self, ends: float) -> None:
        """Returns if the database serves us now. Raises Later."""
        await self._system.request("GET", "/v1/status", ends=ends, most=_SMALL)
