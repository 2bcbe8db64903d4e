"""Turns deliveries into requests to the record system, and its answers into an outcome per record.

The rule: it decides nothing and keeps nothing. What it cannot tell for sure is deferred, and may be handed over again
without harm, because (message id, index) goes along and the record system acts on it once.
"""

import asyncio
import io
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Final, TypeAlias, cast

import aiohttp
from pydantic_core import to_json

from gateway.plugin import Context, DeferredRecord, Delivery, Health, Outcome, Payload
from gateway.plugin import Final as Ended
from gateway_vaccination_records import answers
from gateway_vaccination_records.settings import Settings

_OPERATIONS: Final = {"subject.register": "register", "subject.delete": "delete"}
_SHARE: Final = 0.9  # of the delivery's deadline, so that what was answered so far is still told in time
_LONGEST_PATIENCE: Final = 3600
_BYTES_PER_ROW: Final = 1024
_Records: TypeAlias = Mapping[int, Payload]


class _Later(Exception):
    """Nothing is known about these rows; `outcome` says why and when to come again."""

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.outcome = DeferredRecord(code, retry_after)


class VaccinationRecords:
    """The connector `vaccination_records`. It receives only, so `settled` has nothing to hear."""

    _context: Context
    _settings: Settings

    async def open(self, context: Context) -> None:
        """Keep what the line gives; the first connection is made with the first delivery."""
        self._context = context
        self._settings = cast(Settings, context.settings)

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """Hand the records over in portions, within the deadline. After a failed portion the rest is deferred."""
        ask = self._lookup if delivery.operation == "subject.lookup" else self._store
        ends = asyncio.get_running_loop().time() + delivery.deadline * _SHARE
        outcomes: dict[int, Outcome] = {}
        records = iter(delivery.records)
        while portion := dict(islice(records, self._settings.rows_per_request)):
            try:
                outcomes |= await ask(delivery, portion, ends)
            except _Later as later:
                self._context.log.warning("delivery.deferred", code=later.outcome.code)
                untried = dict.fromkeys([*portion, *(index for index, _ in records)], later.outcome)
                return outcomes | untried
        return outcomes

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> None:
        """Never called: this connector sends nothing."""

    async def health(self) -> Health:
        """Ask the record system whether our area can be written now."""
        ends = asyncio.get_running_loop().time() + self._settings.connect_timeout
        try:
            await self._request("GET", "/v1/health", None, ends)
        except _Later as later:
            return Health(ok=False, detail=f"the record system does not serve us: {later.outcome.code}")
        return Health(ok=True, detail="the record system answers")

    async def close(self) -> None:
        """Nothing to close: the session belongs to the line."""

    async def _store(self, delivery: Delivery, portion: _Records, ends: float) -> dict[int, Outcome]:
        operation = _OPERATIONS[delivery.operation]
        rows = [{"index": index, "operation": operation, "record": record} for index, record in portion.items()]
        body = {"message_id": delivery.message_id, "rows": rows}
        answer = await self._request("POST", "/v1/subjects", body, ends, len(rows))
        return _read(lambda: answers.stored(answer, portion))

    async def _lookup(self, delivery: Delivery, portion: _Records, ends: float) -> dict[int, Outcome]:
        rows = [{"index": index, **record.model_dump(exclude_none=True)} for index, record in portion.items()]
        answer = await self._request("POST", "/v1/subjects/lookup", {"rows": rows}, ends, len(rows))
        return _read(lambda: answers.looked_up(answer, portion))

    async def _request(self, method: str, path: str, body: object, ends: float, rows: int = 1) -> bytes:
        """The body of a 200 answer. Raises _Later for anything else."""
        settings = self._settings
        left = max(0.001, ends - asyncio.get_running_loop().time())
        timeout = aiohttp.ClientTimeout(total=min(left, settings.answer_timeout), sock_connect=settings.connect_timeout)
        try:
            async with self._context.session.request(
                method,
                settings.base_url.rstrip("/") + path,
                data=io.BytesIO(to_json(body, exclude_none=True)) if body is not None else None,
                headers={"Content-Type": "application/json"} if body is not None else None,
                timeout=timeout,
                allow_redirects=False,  # personal data goes to the configured address and nowhere else
            ) as response:
                if response.status != 200:
                    raise _refusal(response)
                return await _bounded(response.content, 1024 + rows * _BYTES_PER_ROW)
        except aiohttp.ConnectionTimeoutError:
            raise _Later("system_unreachable") from None
        except TimeoutError:
            raise _Later("deadline") from None
        except (aiohttp.ClientError, OSError):
            raise _Later("system_unreachable") from None


def _read(parse: Callable[[], dict[int, Outcome]]) -> dict[int, Outcome]:
    try:
        return parse()
    except answers.Garbage:
        raise _Later("system_unreachable") from None


async def _bounded(stream: aiohttp.StreamReader, most: int) -> bytes:
    """All of a body that is no larger than any honest answer. Raises _Later."""
    body = bytearray()
    async for chunk in stream.iter_any():
        body += chunk
        if len(body) > most:
            raise _Later("system_unreachable")
    return bytes(body)


def _refusal(response: aiohttp.ClientResponse) -> _Later:
    """The system refused the whole request. Which record would be to blame is not known, so none is refused for it."""
    match response.status:
        case 429 | 503:
            return _Later("system_busy", _patience(response.headers.get("Retry-After", "")))
        case 400 | 404 | 405 | 413 | 415 | 422:
            return _Later("connector_bug")  # we do not speak as it understands: for people to look at
        case _:
            return _Later("system_unreachable")


def _patience(text: str) -> float | None:
    """Retry-After in seconds; its other form, a date, tells too little between two clocks."""
    return float(min(int(text), _LONGEST_PATIENCE)) if text.isascii() and text.isdecimal() and len(text) < 10 else None
