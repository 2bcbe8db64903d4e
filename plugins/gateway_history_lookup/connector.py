"""Turns deliveries into inquiries of 履歴照会回答システム, and its answers into an ID5 per key.

The rule: it keeps nothing. What it cannot tell for sure is deferred and may be asked again without harm: a key's ID5 is
always the same.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final, cast

from gateway.plugin import Context, Delivery, Health, Outcome, Payload
from gateway.plugin import Final as Ended
from gateway.plugin.exchange import Later, in_portions
from gateway_history_lookup import answers
from gateway_history_lookup.client import InquirySystem
from gateway_history_lookup.interface import AskedId5
from gateway_history_lookup.settings import Settings

_HEALTH_WITHIN: Final = 3.0


class HistoryLookup:
    """The connector `history_lookup`. It receives only, so `settled` has nothing to hear."""

    _context: Context
    _settings: Settings
    _system: InquirySystem

    async def open(self, context: Context) -> None:
        """The first connection is made with the first delivery."""
        self._context = context
        self._settings = cast(Settings, context.settings)
        self._system = InquirySystem(context.session, self._settings)

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Ask in portions, within the deadline. After a failed portion the rest is deferred."""
        return await in_portions(
            delivery, self._settings.rows_per_request, partial(self._inquire, delivery.message_id), self._context.log
        )

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> None:
        """Never called: this connector sends nothing."""

    async def health(self) -> Health:
        """Ask the system whether it serves us now."""
        try:
            await self._system.status(self._now() + _HEALTH_WITHIN)
        except Later as later:
            return Health(ok=False, detail=f"the inquiry system does not serve us: {later.outcome.code}")
        return Health(ok=True, detail="the inquiry system answers")

    async def close(self) -> None:
        """Nothing to close: the session belongs to the line."""

    async def _inquire(self, message_id: str, portion: Mapping[int, Payload], ends: float) -> dict[int, Outcome]:
        """An outcome for each record of the portion. Raises Later."""
        keys = {index: cast(AskedId5, record).pmh_key for index, record in portion.items()}
        rows: list[dict[str, object]] = [{"index": index, "pmh_key": key} for index, key in keys.items()]
        return answers.found(await self._system.inquire(_inquiry(message_id, keys), rows, ends), keys)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _inquiry(message_id: str, indices: Iterable[int]) -> str:
    """The same in every repeat of the same records, made of nothing personal: the message's id and the row numbers."""
    rows = ",".join(map(str, sorted(indices)))
    return f"{message_id}-{hashlib.sha256(rows.encode()).hexdigest()[:16]}"
