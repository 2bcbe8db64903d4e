"""The sender: puts one-record messages on a way, one at a time or many, and notes how long each took.

A message counts as under way until its record is at the sink, so that no way can take in more than it gets rid of.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

import aiohttp
from pydantic_core import to_json

from bench.sink import Sink
from bench.ways import Way
from gateway_demo_city.people import MUNICIPALITY, individual_number, internal_no

CONCURRENT: Final = 32
_PAUSE: Final = 0.005
"""Seconds between messages at low load, so that none meets the outcome of the one before."""
_POLL: Final = 0.01
_PATIENCE: Final = 30.0
_JSON: Final = {"Content-Type": "application/json"}


@dataclass(slots=True)
class Slice:
    """One way's turn: seconds of each message until acknowledged and until at the sink; seconds of the whole."""

    acknowledged: list[float] = field(default_factory=list)
    through: list[float] = field(default_factory=list)
    seconds: float = 0.0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Sender:
    """One client with connections kept alive. No person comes twice, so that no message waits for another's lane."""

    _session: aiohttp.ClientSession
    _sink: Sink
    _ordinals: Iterator[int]

    @classmethod
    @asynccontextmanager
    async def ready(cls, sink: Sink) -> AsyncIterator[Self]:
        """With as many connections as it will need."""
        connector = aiohttp.TCPConnector(limit=CONCURRENT)
        async with aiohttp.ClientSession(connector=connector) as session:
            yield cls(session, sink, itertools.count(1))

    async def low(self, way: Way, count: int) -> Slice:
        """So many messages, one at a time."""
        seen, before = Slice(), await way.concluded()
        for _ in range(count):
            await self._send(way, seen)
            await asyncio.sleep(_PAUSE)
        await _ended(way, before, seen)
        return seen

    async def full(self, way: Way, seconds: float) -> Slice:
        """As many as go through, always `CONCURRENT` under way, for so many seconds and until all have ended."""
        seen, before, began = Slice(), await way.concluded(), time.perf_counter()

        async def one_after_the_other() -> None:
            while time.perf_counter() - began < seconds:
                await self._send(way, seen)

        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENT):
                group.create_task(one_after_the_other())
        await _ended(way, before, seen)
        seen.seconds = time.perf_counter() - began
        return seen

    async def _send(self, way: Way, seen: Slice) -> None:
        record = subject(next(self._ordinals))
        arrival, body = self._sink.awaits(record["internal_no"]), to_json([record])
        began = time.perf_counter()
        try:
            async with asyncio.timeout(_PATIENCE):
                async with self._session.post(way.url, data=body, headers=_JSON, ssl=way.tls) as response:
                    await response.read()
                    acknowledged = time.perf_counter()
                    response.raise_for_status()
                arrived = await arrival
        except (aiohttp.ClientError, TimeoutError):
            seen.lost += 1
            return
        seen.acknowledged.append(acknowledged - began)
        seen.through.append(arrived - began)


async def _ended(way: Way, before: int, seen: Slice) -> None:
    """Until nothing is left to do for what came through, so that the next turn begins with a way at rest."""
    concluded, ends = 0, time.perf_counter() + _PATIENCE
    while time.perf_counter() < ends:
        concluded = await way.concluded() - before
        if concluded >= len(seen.through):
            break
        await asyncio.sleep(_POLL)
    seen.lost += abs(concluded - len(seen.through))


def subject(ordinal: int) -> dict[str, Any]:
    """A made-up infant, as the city registers it."""
    return {
        "internal_no": internal_no(ordinal),
        "municipality_code": MUNICIPALITY,
        "individual_number": individual_number(ordinal),
        "name": "架空　太郎",
        "name_kana": "ｶｸｳ ﾀﾛｳ",
        "address": "架空県架空市見本町2丁目13番地　見本荘Ⅲ　105号室",
        "birth_date": "2025-03-01",
        "sex": "1",
        "guardian_name": "架空　花子",
        "resident_status": "1",
        "subject_category": "A1",
        "municipality_business_id": "001",
        "change_type": "1",
        "updated_at": "2026-04-10T09:00:00+09:00",
        "update_seq": 1,
        "control_flag_recovery": False,
        "control_flag_nondisclosure": False,
        "control_flag_view_suspended": False,
    }
