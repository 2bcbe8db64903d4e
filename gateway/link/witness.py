"""A witness as a log meets it: the client's side of c2sp.org/tlog-witness. What it answers is judged elsewhere."""

import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NamedTuple

import aiohttp

from gateway.tlog import note
from gateway.tlog.note import NoteError, Verifier

SIZE: Final = "text/x.tlog.size"
_PATIENCE: Final = 10.0
_LARGEST: Final = 64 * 1024
"""Bytes of an answer."""


class Answer(NamedTuple):
    """`size` is that of the last checkpoint that it cosigned, where it says so by a conflict."""

    status: int
    text: str = ""
    size: int | None = None


class Unanswered(Exception):
    """It cannot be reached, or what it says is none of the protocol's answers. The text says which error."""


@dataclass(frozen=True, slots=True)
class RemoteWitness:
    """`url` is its submission prefix, `verifier` the pinned key by which its word is known."""

    url: str
    tls: ssl.SSLContext
    verifier: Verifier

    async def add(self, body: str) -> Answer:
        """Submit a checkpoint. Raises Unanswered."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE)) as session,
                session.post(
                    f"{self.url.rstrip('/')}/add-checkpoint", data=body.encode(), ssl=self.tls, allow_redirects=False
                ) as response,
            ):
                text = await _read(response.content)
                return Answer(response.status, text, _size(response, text))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Unanswered(type(error).__name__) from None


async def _read(content: aiohttp.StreamReader) -> str:
    """Raises ValueError if it is too long, or no UTF-8."""
    data = bytearray()
    async for chunk in content.iter_any():
        data += chunk
        if len(data) > _LARGEST:
            raise ValueError
    return data.decode()


def _size(response: aiohttp.ClientResponse, text: str) -> int | None:
    if response.status != HTTPStatus.CONFLICT or response.content_type != SIZE or not text.endswith("\n"):
        return None
    try:
        return note.decimal(text[:-1])
    except NoteError:
        return None
