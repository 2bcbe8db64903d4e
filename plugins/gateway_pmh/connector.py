"""Turns deliveries into tasks of PMH, for keys or for confirmations, and its answers into an outcome per record.

The rule: it keeps nothing. What it cannot tell for sure is deferred and may be handed over again without harm: the same
numbers are the same task, with the same receipt, and a number that has a key keeps it (C167); a confirmation (C206) is
asked for anew each time.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias, cast

from gateway.plugin import Context, Delivery, Health, Outcome, Payload, Refused, RefusedRecord
from gateway.plugin import Final as Ended
from gateway.plugin.exchange import in_portions
from gateway_pmh import answers
from gateway_pmh.client import PublicMedicalHub
from gateway_pmh.interface import AskedConfirmation, AskedKey
from gateway_pmh.later import Later
from gateway_pmh.settings import Settings

_HEALTH_WITHIN: Final = 3.0
_UPSERT: Final = "1"  # 変更区分 登録/更新; a key's end is described nowhere, so "2" 削除 is never sent
_Parse: TypeAlias = Callable[[bytes, Mapping[int, str]], dict[int, Outcome]]


class Pmh:
    """The connector `pmh`. It receives only, so `settled` has nothing to hear."""

    _context: Context
    _settings: Settings
    _pmh: PublicMedicalHub

    async def open(self, context: Context) -> None:
        """Read the client secret; the first connection is made with the first delivery. Raises Misconfigured."""
        self._context = context
        self._settings = cast(Settings, context.settings)
        self._pmh = PublicMedicalHub(context, self._settings, context.secret(self._settings.client_secret))

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Ask in portions, for keys or confirmations, in the deadline. After a failed portion the rest is deferred."""
        ask = self._issue if delivery.operation == "pmh_key.issue" else self._confirm
        return await in_portions(delivery, self._settings.rows_per_request, partial(ask, delivery), self._context.log)

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> None:
        """Never called: this connector sends nothing."""

    async def health(self) -> Health:
        """Ask PMH, with a token, whether it serves us now."""
        try:
            await self._pmh.status(self._now() + _HEALTH_WITHIN)
        except Later as later:
            cause = f" ({later.cause})" if later.cause else ""
            return Health(ok=False, detail=f"PMH does not serve us: {later.outcome.code}{cause}")
        return Health(ok=True, detail="PMH answers")

    async def close(self) -> None:
        """Nothing to close: the session belongs to the line, and the token dies with us."""

    async def _issue(self, delivery: Delivery, portion: Mapping[int, Payload], ends: float) -> dict[int, Outcome]:
        """An outcome for each record of the portion. Raises Later."""
        numbers = {index: cast(AskedKey, record).individual_number for index, record in portion.items()}
        rows = [{"rowNo": index, "modificationSeg": _UPSERT, "myNumber": number} for index, number in numbers.items()]
        answer = await self._pmh.issue(rows, _request_key(delivery.message_id, numbers), ends)
        return self._read(answers.issued, answer, numbers, delivery)

    async def _confirm(self, delivery: Delivery, portion: Mapping[int, Payload], ends: float) -> dict[int, Outcome]:
        """An outcome for each record of the portion. Raises Later."""
        wanted = {index: cast(AskedConfirmation, record).identity_confirmation for index, record in portion.items()}
        rows = [{"rowNo": index, "identityConfirmation": each} for index, each in wanted.items()]
        return self._read(answers.confirmed, await self._pmh.confirm(rows, ends), wanted, delivery)

    def _read(self, parse: _Parse, answer: bytes, asked: Mapping[int, str], delivery: Delivery) -> dict[int, Outcome]:
        """An outcome for each row that was asked. Raises Later."""
        try:
            return parse(answer, asked)
        except answers.Garbage:
            raise Later("system_unreachable") from None
        except Refused as refused:
            of = {"operation": delivery.operation, "message_id": delivery.message_id, "count": len(asked)}
            self._context.log.warning("answer.refused", code=refused.code, **of)
            return dict.fromkeys(asked, RefusedRecord(refused.code))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _request_key(message_id: str, indices: Mapping[int, str]) -> str:
    """The same in every repeat of the same records, made of nothing personal: the message's id and the row numbers."""
    rows = ",".join(map(str, sorted(indices)))
    return f"{message_id}-{hashlib.sha256(rows.encode()).hexdigest()[:16]}"
