"""How a connector speaks to its system over HTTPS: a request becomes an answer or `Later`, a delivery goes in portions.

The rule: whatever is not an answer in time and of an honest size says nothing about the rows, so they come again later.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias

import aiohttp
from pydantic_core import to_json

from gateway.plugin.connector import DeferredRecord, Delivery, Log, Outcome
from gateway.plugin.payload import Payload

_MAINTENANCE: Final = 24 * 3600.0  # the hub has a bound of its own
_SHARE: Final = 0.9  # of the delivery's deadline, so that what was answered so far is still told in time
_AS_IT_IS: Final = {"Accept-Encoding": "identity"}


class Later(Exception):
    """Nothing is known about what was asked; `outcome` says why and when to come again."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.outcome = DeferredRecord(code, retry_after)


class TooLarge(Later):
    """The answer was larger than any honest one."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a system answered. `retry_after` is in seconds."""

    status: int
    retry_after: float | None
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class System:
    """A system at `base_url`, over a session of the line. Times are in seconds; no Retry-After counts for more than
    `longest_patience`.
    """

    session: aiohttp.ClientSession
    base_url: str
    connect_timeout: float
    answer_timeout: float
    longest_patience: float = _MAINTENANCE

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        ends: float,
        most: int,
        good: Collection[int] = (200,),
    ) -> Answered:
        """An answer whose status is one of the `good`, until `ends` (the running loop's clock), of `most` bytes.

        `body` goes as JSON. Raises Later.
        """
        left = max(0.001, ends - asyncio.get_running_loop().time())
        timeout = aiohttp.ClientTimeout(total=min(left, self.answer_timeout), sock_connect=self.connect_timeout)
        try:
            async with self.session.request(
                method,
                self.base_url.rstrip("/") + path,
                data=io.BytesIO(to_json(body, exclude_none=True)) if body is not None else None,
                headers=_AS_IT_IS | ({"Content-Type": "application/json"} if body is not None else {}),
                auto_decompress=False,  # a few bytes may inflate to gigabytes before they can be counted
                timeout=timeout,
                allow_redirects=False,  # personal data goes to the configured address and nowhere else
            ) as response:
                patience = _patience(response.headers.get("Retry-After", ""), self.longest_patience)
                if response.status not in good:
                    raise _refusal(response.status, patience)
                return Answered(response.status, patience, await _bounded(response.content, most))
        except aiohttp.ConnectionTimeoutError:
            raise Later("system_unreachable") from None
        except TimeoutError:
            raise Later("deadline") from None
        except (aiohttp.ClientError, OSError):
            raise Later("system_unreachable") from None


Hand: TypeAlias = Callable[[Mapping[int, Payload], float], Awaitable[Mapping[int, Outcome]]]
"""Hands one portion over until a time of the running loop's clock. Raises Later."""


async def in_portions(delivery: Delivery, rows: int, hand: Hand, log: Log) -> dict[int, Outcome]:
    """Hand a delivery over, at most so many rows at a time, within its deadline. After a failed portion the rest is
    deferred, untried.
    """
    ends = asyncio.get_running_loop().time() + delivery.deadline * _SHARE
    outcomes: dict[int, Outcome] = {}
    records = iter(delivery.records)
    while portion := dict(islice(records, rows)):
        try:
            outcomes |= await hand(portion, ends)
        except Later as later:
            told = {"operation": delivery.operation, "message_id": delivery.message_id}
            log.warning("delivery.deferred", code=later.outcome.code, **told)
            return outcomes | dict.fromkeys([*portion, *(index for index, _ in records)], later.outcome)
    return outcomes


async def _bounded(stream: aiohttp.StreamReader, most: int) -> bytes:
    """All of a body that is no larger than any honest answer. Raises Later."""
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > most:
            raise TooLarge("system_unreachable")
    return bytes(body)


def _refusal(status: int, patience: float | None) -> Later:
    """It refused the whole request. Which record would be to blame is not known, so none is refused for it."""
    match status:
        case 429 | 503:
            return Later("system_busy", patience)
        case 400 | 404 | 405 | 413 | 415 | 422:
            return Later("connector_bug")  # we do not speak as it understands: for people to look at
        case _:
            return Later("system_unreachable")


def _patience(text: str, longest: float) -> float | None:
    """Retry-After in seconds; its other form, a date, tells too little between two clocks."""
    return min(float(text), longest) if text.isascii() and text.isdecimal() and len(text) < 10 else None
