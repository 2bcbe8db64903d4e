"""A clinic's application as a client of the gateway: records go there over mutual TLS with the visit's token.

The rule: what the gateway says is handed on as it came. An answer that is late or lost with its connection is asked for
by the same request again, with the same key and token, until patience ends: without a token nobody gets it.
"""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from gateway_clinic_app.simulated.config import Gateway

PROOF: Final = "Renkei-Proof"
_PAUSE: Final = 0.25
"""Seconds, where the gateway does not say when to come again."""
_DROPPED: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)


@dataclass(frozen=True, slots=True)
class Said:
    """The gateway's status and body, and in how many seconds to ask again; status 0: it could not be reached or said
    nothing that can be read.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    again: float = _PAUSE


class Entrance:
    """The gateway's listener for our zone, with one clinic's certificate. `patience` is in seconds."""

    def __init__(self, session: aiohttp.ClientSession, settings: Gateway, patience: float) -> None:
        self._session = session
        self._settings = settings
        self._patience = patience

    async def post(self, operation: str, records: object, token: str) -> Said:
        """Send the records, with a token if there is one, and wait for the answer."""
        headers = {"Idempotency-Key": secrets.token_hex(16)} | ({PROOF: token} if token else {})
        ends = asyncio.get_running_loop().time() + self._patience
        try:
            said = await self._sent(operation, records, headers)
            while said.status == 202 and asyncio.get_running_loop().time() < ends:
                await asyncio.sleep(min(said.again, max(0.0, ends - asyncio.get_running_loop().time())))
                said = await self._sent(operation, records, headers)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError):
            return Said(0)
        return said

    async def _sent(self, operation: str, records: object, headers: Mapping[str, str]) -> Said:
        """Once more if the connection was dropped: what became of it is not known, and with its key it is the same."""
        try:
            return await self._exchange(operation, records, headers)
        except _DROPPED:
            return await self._exchange(operation, records, headers)

    async def _exchange(self, operation: str, records: object, headers: Mapping[str, str]) -> Said:
        url = f"{self._settings.url}/v1/{self._settings.tenant}/clinic_app/{operation}"
        timeout = aiohttp.ClientTimeout(total=self._patience)
        async with self._session.post(
            url, json=records, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            body = await response.json(content_type=None)
            return Said(response.status, body if isinstance(body, dict) else {}, _again(response))


def _again(response: aiohttp.ClientResponse) -> float:
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdigit() else _PAUSE
