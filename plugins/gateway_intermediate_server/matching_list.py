"""Our own copy of the matching list (照会許可用照合リスト, C187, C188): every exchange is held against it, both ways.

The rule: without a list that the network signed, nothing is asked and nothing given; and an older list never takes the
place of a newer one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from gateway.plugin import Refused
from gateway.plugin.exchange import Later
from gateway_intermediate_server.permits import Exchange, MatchingListToken, Network, body_kind


class MatchingList:
    """The list as the server has it, kept for `seconds` of `steady`, the running loop's clock, which nobody sets.
    `fetch` gets it until a time of that clock.
    """

    def __init__(
        self,
        network: Network,
        fetch: Callable[[float], Awaitable[str]],
        now: Callable[[], datetime],
        steady: Callable[[], float],
        seconds: float,
    ) -> None:
        self._network = network
        self._fetch = fetch
        self._now = now
        self._steady = steady
        self._seconds = seconds
        self._fetching = asyncio.Lock()
        self._list: MatchingListToken | None = None
        self._newest = 0
        self._fetched_at = 0.0

    async def admits(self, exchange: Exchange, ends: float) -> None:
        """Raises Refused("not_on_matching_list"), Later with the same code without a list, or as `fetch` does."""
        listed = await self._current(ends)
        inquirer, provider = body_kind(exchange.inquirer), body_kind(exchange.provider)
        if not any(
            (each.row, each.procedure_code, each.dataset_code)
            == (exchange.row, exchange.procedure_code, exchange.dataset_code)
            and each.inquirer in ("any", inquirer)
            and each.provider in ("any", provider)
            for each in listed.rows
        ):
            raise Refused("not_on_matching_list")

    async def told(self, ends: float) -> str:
        """Version and age, for the operator. Raises Later."""
        listed = await self._current(ends)
        return f"matching list version {listed.version}, {self._age():.0f} s old"

    async def _current(self, ends: float) -> MatchingListToken:
        try:
            async with asyncio.timeout_at(ends), self._fetching:  # who has it may wait longer than we can
                if self._list is None or self._age() >= self._seconds or self._list.exp <= self._now().timestamp():
                    self._list = None  # a list that is too old, or replaced by a wrong one, is none
                    self._list = self._read(await self._fetch(ends))
                    self._fetched_at, self._newest = self._steady(), self._list.version
                return self._list
        except TimeoutError:
            raise Later("deadline") from None

    def _read(self, token: str) -> MatchingListToken:
        """Raises Later, also where it is genuine and its time has not come."""
        try:
            listed = self._network.read(token, MatchingListToken, self._now())
        except Refused:
            raise Later("not_on_matching_list") from None
        if listed.version < self._newest:
            raise Later("not_on_matching_list")
        return listed

    def _age(self) -> float:
        return self._steady() - self._fetched_at
