"""The gateway and the record system as their peers see them: HTTPS with mutual TLS, each as who it is."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from gateway_demo_city.site import DESTINATION, PMH, Site
from gateway_demo_city.stage import Failed, Process

_TRIES: Final = 10
_READY_WITHIN: Final = 30.0


class Outside:
    """Three peers in one: an operator, the municipal system, and the record system's own user."""

    def __init__(self, site: Site, records_port: int) -> None:
        self._admin, self._admin_tls = site.admin()
        self._line, self._line_tls = site.line()
        self._records, self._records_tls = site.records(records_port)
        self._site = site
        self._observed = site.root / "observed"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def ready(self, daemon: Process) -> None:
        """Until the gateway says that it is ready. Raises Failed."""
        try:
            async with asyncio.timeout(_READY_WITHIN):
                while not await self._is_ready():
                    daemon.running("readiness")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise Failed("the gateway was not ready in time") from None

    async def _is_ready(self) -> bool:
        try:
            async with self._session.get(f"{self._admin}/readyz", ssl=self._admin_tls) as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def ended(self) -> int:
        """How many of the file's records have ended at the record system."""
        return sum(n for name, n in (await self._counted()).items() if name != "deferred")

    async def deliveries(self) -> dict[str, int]:
        """Attempts, and how often a record ended or was deferred in one. Keeps the metrics' text to be searched."""
        text = await self._metrics()
        (self._observed / "metrics.txt").write_text(text)
        counted = await self._counted()
        attempts = sum(
            int(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "renkei_delivery_duration_seconds_count" and sample.labels["destination"] == DESTINATION
        )
        return {"attempts": attempts} | {f"records {outcome}": n for outcome, n in counted.items()}

    async def _counted(self) -> dict[str, int]:
        counted: dict[str, int] = {}
        for family in text_string_to_metric_families(await self._metrics()):
            for sample in family.samples:
                if sample.name == "renkei_records_total" and sample.labels["destination"] == DESTINATION:
                    outcome = sample.labels["outcome"]
                    counted[outcome] = counted.get(outcome, 0) + int(sample.value)
        answers_with_keys = (await self.keys())["issued"]  # they are delivered to the record system too
        return counted | {"accepted": max(0, counted.get("accepted", 0) - answers_with_keys)}

    async def _metrics(self) -> str:
        async with self._session.get(f"{self._admin}/metrics", ssl=self._admin_tls) as response:
            response.raise_for_status()
            return await response.text()

    async def held(self) -> dict[str, int]:
        """How much the record system holds, by its own account."""
        async with self._session.get(f"{self._records}/v1/areas/self", ssl=self._records_tls) as response:
            response.raise_for_status()
            return dict(await response.json())

    async def keys(self) -> dict[str, int]:
        """How many numbers have a PMH key, want one or are in dispute, by the record system's own account."""
        async with self._session.get(f"{self._records}/v1/keys", ssl=self._records_tls) as response:
            response.raise_for_status()
            return dict(await response.json())

    async def pmh(self, port: int) -> dict[str, Any]:
        """What stands for PMH counts: `rows` that it was asked for, `keys` that it ever issued, and `faults`."""
        url, tls = self._site.system(PMH, port)
        async with self._session.get(f"{url}/simulator/counts", ssl=tls) as response:
            response.raise_for_status()
            return dict(await response.json())

    async def ask(self, questions: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """Look persons up through the line (R02); the replies in the order of their index. Raises Failed.

        A reply that does not come in time is asked for anew.
        """
        for _ in range(_TRIES):
            url = f"{self._line}/subject.lookup"
            async with self._session.post(url, json=questions, ssl=self._line_tls) as response:
                if response.status == 200:
                    replies = (await response.json())["replies"]
                    return sorted(replies, key=lambda reply: int(reply["index"]))
                if response.status not in (202, 503):
                    raise Failed(f"the line answered {response.status} to a look-up")
            await asyncio.sleep(0.5)
        raise Failed("the line did not answer a look-up in time")
