"""Turns what the city sends into questions to platform and server, and what these have for the city into messages.

The rule: it decides by what the network signed and by what the server knows now, and keeps nothing: it may be killed
between any two steps, and asks again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, cast

from gateway.plugin import Context, Deferred, DeferredRecord, Delivery, Health, Outcome, Payload, Refused, RefusedRecord
from gateway.plugin import Final as Ended
from gateway.plugin.exchange import Later, in_portions
from gateway_intermediate_server.announcements import Announcements
from gateway_intermediate_server.giving import Giving
from gateway_intermediate_server.inquiries import Inquiries
from gateway_intermediate_server.interface.city import Addressee, Announcement, Inquiry, Replica, ReplicaDeletion
from gateway_intermediate_server.interface.network import Provision, SelfInformation
from gateway_intermediate_server.provisions import Provisions
from gateway_intermediate_server.reconciling import Reconciling
from gateway_intermediate_server.results import Results
from gateway_intermediate_server.self_information import SelfInformationRequests
from gateway_intermediate_server.settings import Settings
from gateway_intermediate_server.site import Site

_HEALTH_WITHIN: Final = 3.0
_OF_THE_SYSTEM: Final = frozenset({"system_unreachable", "system_busy", "deadline"})


class IntermediateServer:
    """The connector `intermediate_server`."""

    _site: Site | None = None
    _failing: dict[str, str]
    _ways: dict[type[Payload], Callable[[Any, float], Awaitable[Outcome]]]

    async def open(self, context: Context) -> None:
        """Read the keys; the first connection is made with the first question. Raises Misconfigured."""
        site = Site.of(context, cast(Settings, context.settings))
        self._failing = {}
        self._results = Results(site)
        self._provisions = Giving(site, Provisions(site))
        self._own = Giving(site, SelfInformationRequests(site))
        self._announcements = Announcements(site)
        self._reconciling = Reconciling(site)
        self._ways = {
            Addressee: site.addressees.register,
            Replica: site.replicas.register,
            ReplicaDeletion: site.replicas.delete,
            Inquiry: Inquiries(site).ask,
            Announcement: self._announcements.send,
        }
        self._site = site

    async def deliver(self, delivery: Delivery) -> Mapping[int, Outcome]:
        """A few records at a time, within the deadline. Once the systems are down the rest is deferred, untried."""
        site = self._opened()
        portion = partial(self._portion, delivery)
        return await in_portions(delivery, site.settings.records_at_once, portion, site.log)

    async def poll(self) -> None:
        """What the server has for the city. What stops one part does not stop the others. Raises, after all had their
        turn, what a fault of one raised.
        """
        bug: Exception | None = None
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            "results": self._results.poll,
            "provisions": self._provisions.poll,
            "self_information": self._own.poll,
            "announcements": self._announcements.poll,
            "reconciling": self._reconciling.poll,
        }
        for name, part in parts.items():
            try:
                await part()
                self._failing.pop(name, None)
            except (Later, Deferred) as later:
                self._waits(name, later.outcome.code if isinstance(later, Later) else later.code)
            except Exception as error:  # noqa: BLE001  (a fault of ours: this part's own, too, and told below)
                self._waits(name, "connector_bug")
                bug = bug or error
        if bug is not None:
            raise bug

    async def settled(self, message_id: str, outcomes: Mapping[int, Ended]) -> None:
        """Tell the server what became of what was sent. Raises Deferred, to be told again."""
        try:
            for part in (self._results, self._provisions, self._own, self._announcements):
                await part.settled(message_id, outcomes)
        except Later as later:
            raise Deferred(later.outcome.code, later.outcome.retry_after) from None
        except Refused as refused:  # by the server, which knows it no more
            self._opened().log.warning("settled.gone", message_id=message_id, code=refused.code)

    async def health(self) -> Health:
        """Whether the server answers with a matching list that counts, and what people must look at."""
        site, ends = self._opened(), asyncio.get_running_loop().time() + _HEALTH_WITHIN
        try:
            told = await site.matching.told(ends)  # of a copy, which says nothing of the server
            await self._announcements.waiting(ends)
        except (Later, Refused) as why:
            code = why.outcome.code if isinstance(why, Later) else why.code
            return Health(ok=False, detail=f"the intermediate server does not serve us: {code}")
        failing = [f"{name} wait: {code}" for name, code in self._failing.items()]
        return Health(ok=not failing, detail="; ".join([f"the server answers, {told}", *failing, *self._troubles()]))

    async def close(self) -> None:
        """Nothing to close: the session belongs to the line."""

    def _opened(self) -> Site:
        if self._site is None:
            raise Deferred("system_busy")
        return self._site

    def _troubles(self) -> list[str]:
        parts = (self._results, self._provisions, self._own, self._announcements, self._reconciling)
        return [trouble for part in parts for trouble in part.troubles()]

    def _waits(self, name: str, code: str) -> None:
        """Told once, not at every look."""
        if self._failing.get(name) != code:
            self._failing[name] = code
            self._opened().log.warning("poll.deferred", operation=name, code=code)

    async def _portion(self, delivery: Delivery, portion: Mapping[int, Payload], ends: float) -> dict[int, Outcome]:
        """Raises Later if none of them reached a system that works."""
        outcomes = await asyncio.gather(*(self._outcome(delivery, record, ends) for record in portion.values()))
        down = [each for each in outcomes if isinstance(each, DeferredRecord) and each.code in _OF_THE_SYSTEM]
        if len(down) == len(outcomes):
            raise Later(down[0].code, down[0].retry_after)
        return dict(zip(portion, outcomes, strict=True))

    async def _outcome(self, delivery: Delivery, record: Payload, ends: float) -> Outcome:
        try:
            return await self._hand_over(delivery, record, ends)
        except Later as later:
            return later.outcome
        except Refused as refused:
            return RefusedRecord(refused.code)

    async def _hand_over(self, delivery: Delivery, record: Payload, ends: float) -> Outcome:
        """Raises Later, Refused."""
        site = self._opened()
        if getattr(record, "municipality_code", site.tenant) != site.tenant:
            raise Refused("no_such_person")  # rule 9, C160
        if isinstance(record, Provision):
            return await self._provisions.deliver(record, delivery.attests, ends)
        if isinstance(record, SelfInformation):
            return await self._own.deliver(record, delivery.attests, ends)
        return await self._ways[type(record)](record, ends)
