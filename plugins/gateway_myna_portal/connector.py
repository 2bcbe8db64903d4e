"""Turns notices into requests to the portal, and the portal's ID tokens into claims about who is logged in.

The rule: it keeps nothing and pushes nothing of a person but notices. An answer that came too late for a resident is
not sent after a session that may be over: the portal's server asks again, with the same key and the session's token.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final, cast

from gateway.plugin import Accepted, Context, Deferred, Delivery, Health, Outcome, Payload, Proven, Shown
from gateway.plugin import Final as Ended
from gateway.plugin.exchange import Later, in_portions
from gateway_myna_portal import answers
from gateway_myna_portal.client import Portal
from gateway_myna_portal.id_token import IdTokens
from gateway_myna_portal.settings import Settings

_HEALTH_WITHIN: Final = 3.0


class MynaPortal:
    """The connector `myna_portal`. What residents send comes in over HTTPS, so `settled` has nothing to hear."""

    _context: Context
    _settings: Settings
    _portal: Portal
    _tokens: IdTokens | None = None

    async def open(self, context: Context) -> None:
        """Read the pinned keys; the first connection is made with the first delivery. Raises Misconfigured."""
        settings = cast(Settings, context.settings)
        self._context = context
        self._settings = settings
        self._portal = Portal(context.session, settings)
        jwks = context.secret(settings.jwks)
        self._tokens = IdTokens(jwks, settings.issuer, settings.audience, settings.longest_session)

    def attest(self, shown: Shown) -> Proven:
        """The login, the consent and the agent of an ID token; every record must be about its `sub`.

        Raises Refused("not_attested"), or Deferred until it is open.
        """
        if self._tokens is None:
            raise Deferred("system_busy")
        return self._tokens.proven(shown.proof, shown.now)

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Hand notices over in portions, within the deadline. After a failed portion the rest is deferred."""
        if delivery.reply_to is not None:  # the portal asks for it again
            return {index: Accepted() for index, _ in delivery.records}
        return await in_portions(
            delivery, self._settings.rows_per_request, partial(self._notify, delivery.message_id), self._context.log
        )

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> None:
        """A message of the portal's has ended; its server asks for that itself."""

    async def health(self) -> Health:
        """Ask the portal whether it serves us now."""
        try:
            await self._portal.status(self._now() + _HEALTH_WITHIN)
        except Later as later:
            return Health(ok=False, detail=f"the portal does not serve us: {later.outcome.code}")
        return Health(ok=True, detail="the portal answers")

    async def close(self) -> None:
        """Nothing to close: the session belongs to the line."""

    async def _notify(self, message_id: str, portion: Mapping[int, Payload], ends: float) -> dict[int, Outcome]:
        rows = [{"index": index, "record": record} for index, record in portion.items()]
        answer = await self._portal.notify({"message_id": message_id, "rows": rows}, ends, len(rows))
        return answers.notified(answer, portion)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
