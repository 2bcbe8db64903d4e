"""Turns deliveries into requests to 予防接種DB, and its answers into an outcome per dose.

The rule: it keeps nothing. (`message_id`, index) goes with every row, so that the database takes each of them once,
however often it comes.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final, cast

from gateway.plugin import Context, Delivery, Health, Outcome, Payload
from gateway.plugin import Final as Ended
from gateway.plugin.exchange import Later, in_portions
from gateway_vaccination_db import answers
from gateway_vaccination_db.client import ResearchDatabase
from gateway_vaccination_db.settings import Settings

_HEALTH_WITHIN: Final = 3.0


class VaccinationDb:
    """The connector `vaccination_db`. It receives only, so `settled` has nothing to hear."""

    _context: Context
    _settings: Settings
    _database: ResearchDatabase

    async def open(self, context: Context) -> None:
        """The first connection is made with the first delivery."""
        self._context = context
        self._settings = cast(Settings, context.settings)
        self._database = ResearchDatabase(context.session, self._settings)

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Hand doses over in portions, within the deadline. After a failed portion the rest is deferred."""
        return await in_portions(
            delivery, self._settings.rows_per_request, partial(self._register, delivery.message_id), self._context.log
        )

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> None:
        """Never called: this connector sends nothing."""

    async def health(self) -> Health:
        """Ask the database whether it serves us now."""
        try:
            await self._database.status(self._now() + _HEALTH_WITHIN)
        except Later as later:
            return Health(ok=False, detail=f"the research database does not serve us: {later.outcome.code}")
        return Health(ok=True, detail="the research database answers")

    async def close(self) -> None:
        """Nothing to close: the session belongs to the line."""

    async def _register(self, message_id: str, portion: Mapping[int, Payload], ends: float) -> dict[int, Outcome]:
        """An outcome for each record of the portion. Raises Later."""
        rows = [{"index": index, "record": record} for index, record in portion.items()]
        answer = await self._database.register({"message_id": message_id, "rows": rows}, ends, len(rows))
        return answers.registered(answer, portion)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
