"""A system that is told what to do, and tells what came of it: JSON over mutual TLS, as anybody of the trial CA."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from gateway_demo_city.faults import Expected
from gateway_demo_city.stage import Failed


@dataclass(frozen=True, slots=True)
class Said:
    """What the gateway said to a portal or a clinic that sent one record: its status, and the answer or the code."""

    status: int
    ending: Expected
    record: dict[str, Any] = field(repr=False)
    body: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Peer:
    """A system's own entrance for tests and demonstrations."""

    session: aiohttp.ClientSession = field(repr=False)
    url: str
    tls: ssl.SSLContext = field(repr=False)

    async def post(self, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Raises Failed."""
        return await self._exchange("POST", path, json=body, headers=headers)

    async def form(self, path: str, body: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        """Raises Failed."""
        return await self._exchange("POST", path, data=body, headers=headers)

    async def put(self, path: str, body: object) -> None:
        """Raises Failed."""
        await self._exchange("PUT", path, json=body)

    async def get(self, path: str) -> dict[str, Any]:
        """Raises Failed."""
        return await self._exchange("GET", path)

    async def send(self, path: str, body: object = None) -> Said:
        """Let it send something to the gateway. Raises Failed."""
        told = await self.post(path, body)
        return said(told["status"], told["answer"])

    async def _exchange(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        async with self.session.request(method, self.url + path, ssl=self.tls, **more) as response:
            if response.status >= 300:
                raise Failed(f"a system answered {response.status}")
            return dict(await response.json()) if response.status != 204 else {}


def said(status: int, body: dict[str, Any]) -> Said:
    """One record's ending, wherever in the gateway's answer it stands."""
    (one, *_) = body.get("replies") or body.get("records") or [body]
    record = dict(one.get("record") or {})
    ending = Expected("answered") if record else Expected("refused", one.get("code"), one.get("path"))
    return Said(status, ending, record, body)
