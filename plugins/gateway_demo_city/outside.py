"""The gateway and the record system as their peers see them: HTTPS with mutual TLS, each as who it is."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from gateway_demo_city.peer import Peer
from gateway_demo_city.site import DESTINATION, PMH, Site
from gateway_demo_city.split import Split
from gateway_demo_city.stage import Failed, Process

_TRIES: Final = 10
_LOOKS: Final = 1200
_READY_WITHIN: Final = 120.0


class Outside:
    """Three peers in one: an operator, the municipal system, and the record system's own user."""

    def __init__(self, site: Site | Split, records_port: int) -> None:
        self._hub = site.admin()
        self._line, self._line_tls = site.line()
        self._records, self._records_tls = site.records(records_port)
        self._site = site
        self._observed = site.beside / "observed"

    async def __aenter__(self) -> Self:
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    async def ready(self, daemon: Process, site: Site | None = None) -> None:
        """Until the gateway, or the one process of it whose site is given, says that it is ready. Raises Failed."""
        at = site.admin() if site is not None else self._hub
        try:
            async with asyncio.timeout(_READY_WITHIN):
                while not await self._is_ready(*at):
                    daemon.running("readiness")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise Failed("the gateway was not ready in time") from None

    async def until(self, holds: Callable[[Mapping[str, int]], bool], awaited: str) -> Mapping[str, int]:
        """What the record system holds, once something holds of it. Raises Failed."""
        for _ in range(_LOOKS):
            if holds(held := await self.held()):
                return held
            await asyncio.sleep(0.1)
        raise Failed(f"waited for {awaited} in vain")

    async def _is_ready(self, admin: str, tls: ssl.SSLContext) -> bool:
        try:
            async with self.session.get(f"{admin}/readyz", ssl=tls) as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def ended(self) -> int:
        """How many of the file's records have ended at the record system."""
        counted = _summed(await self._metrics(*self._hub), "renkei_records_total").get(DESTINATION, Counter())
        answers_with_keys = (await self.keys())["issued"]  # they are delivered to the record system too
        return max(0, counted.total() - counted["deferred"] - answers_with_keys)

    async def deliveries(self) -> dict[str, dict[str, int]]:
        """For each destination: attempts, and how often a record ended or was deferred in one."""
        text = await self._metrics(*self._hub)
        attempts = _summed(text, "renkei_delivery_duration_seconds_count", "destination")
        return {
            name: {"attempts": attempts[name].total(), **outcomes}
            for name, outcomes in sorted(_summed(text, "renkei_records_total").items())
        }

    async def keep_metrics(self, sites: Mapping[str, Site]) -> None:
        """What each process says of itself, to be searched with all else."""
        for name, site in sites.items():
            (self._observed / f"{name}.metrics.txt").write_text(await self._metrics(*site.admin()))

    async def _metrics(self, admin: str, tls: ssl.SSLContext) -> str:
        async with self.session.get(f"{admin}/metrics", ssl=tls) as response:
            response.raise_for_status()
            return await response.text()

    async def held(self) -> dict[str, int]:
        """How much the record system holds, by its own account."""
        async with self.session.get(f"{self._records}/v1/areas/self", ssl=self._records_tls) as response:
            response.raise_for_status()
            return dict(await response.json())

    async def keys(self) -> dict[str, int]:
        """How many numbers have a PMH key, want one or are in dispute, by the record system's own account."""
        async with self.session.get(f"{self._records}/v1/keys", ssl=self._records_tls) as response:
            response.raise_for_status()
            return dict(await response.json())

    def peer(self, url: str) -> Peer:
        """A system that stands at this address, for whoever may tell it what to do."""
        return Peer(self.session, url, self._hub[1])

    async def pmh(self, port: int) -> dict[str, Any]:
        """What stands for PMH counts: `rows` that it was asked for, `keys` that it ever issued, and `faults`."""
        url, tls = self._site.system(PMH, port)
        async with self.session.get(f"{url}/simulator/counts", ssl=tls) as response:
            response.raise_for_status()
            return dict(await response.json())

    async def send(self, operation: str, records: Sequence[Mapping[str, Any]]) -> None:
        """An event of the municipal system, until every record of it has been accepted. Raises Failed."""
        async with self.session.post(f"{self._line}/{operation}", json=records, ssl=self._line_tls) as response:
            if response.status != 202:
                raise Failed(f"the line answered {response.status} to {operation}")
            told = await response.json()
        at = f"{self._line.rpartition('/v1/')[0]}/v1/messages/{told['message_id']}"
        status: dict[str, Any] = {"outcomes": []}
        for _ in range(_LOOKS):
            async with self.session.get(at, ssl=self._line_tls) as response:
                status = await response.json()
            if status["ended"]:
                break
            await asyncio.sleep(0.1)
        if [each["outcome"] for each in status["outcomes"]] != ["accepted"] * len(records):
            raise Failed(f"not every record of {operation} was accepted")

    async def ask(
        self, questions: Sequence[Mapping[str, str]], operation: str = "subject.lookup"
    ) -> list[dict[str, Any]]:
        """Look persons up through the line (R02); the replies in the order of their index. Raises Failed.

        A reply that does not come in time is asked for anew.
        """
        for _ in range(_TRIES):
            url = f"{self._line}/{operation}"
            async with self.session.post(url, json=questions, ssl=self._line_tls) as response:
                if response.status == 200:
                    replies = (await response.json())["replies"]
                    return sorted(replies, key=lambda reply: int(reply["index"]))
                if response.status not in (202, 503):
                    raise Failed(f"the line answered {response.status} to a look-up")
            await asyncio.sleep(0.5)
        raise Failed("the line did not answer a look-up in time")


def _summed(text: str, metric: str, by: str = "outcome") -> dict[str, Counter[str]]:
    """A counter's figures, for each destination, by one of its labels."""
    figures: dict[str, Counter[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == metric:
                figures.setdefault(sample.labels["destination"], Counter())[sample.labels[by]] += int(sample.value)
    return figures
