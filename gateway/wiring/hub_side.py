"""The hub's side of a process: a journal and a dispatcher for each tenant, and the system's log."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from gateway.config import Config, japanese_day
from gateway.errors import Deferred, Misconfigured
from gateway.hub import retention
from gateway.hub.accounts import Accounts
from gateway.hub.copies import ListedCopy, listed
from gateway.hub.cosigning import Cosigning
from gateway.hub.dispatcher import Dispatcher
from gateway.hub.exports import Exporting, Exports
from gateway.hub.flow import Clock
from gateway.hub.hub import TenantHub
from gateway.hub.journal import FactKind, Journal
from gateway.hub.journal.facts import COPY_FACTS
from gateway.hub.people import Configured
from gateway.hub.rules import HubRules, hub_rules
from gateway.hub.search import Search
from gateway.keys.directory import Directory
from gateway.keys.layout import log_verifier
from gateway.link.in_process import ToEdges
from gateway.link.witness import RemoteWitness
from gateway.messages import stamp
from gateway.observe import Telemetry
from gateway.wiring.exporting import exporting
from gateway.wiring.journals import open_journal
from gateway.wiring.opening import SYSTEM, open_witnesses
from gateway.wiring.people import configured
from gateway.wiring.reached import reached, went_back
from gateway.wiring.verifying import Verifying


class HubSide:
    """`config` is in use; `to_edges` has every edge that is open, in whatever process."""

    def __init__(self, config: Config, system: Journal, to_edges: ToEdges, telemetry: Telemetry, clock: Clock) -> None:
        self.hubs: dict[str, TenantHub] = {}
        self.system = system
        self.system_search = Search(system)
        self.to_edges = to_edges
        to_edges.appeared = self._appeared
        self.config = config
        self._telemetry = telemetry
        self._clock = clock
        self._began = False
        self._waiting: set[str] = set()
        self._steady = retention.Steady()
        self.cosigning = Cosigning(self.logs, open_witnesses(config), telemetry, clock)
        self.verifying = Verifying(self.logs, partial(log_verifier, config.root), SYSTEM, telemetry)
        places = config.path(config.gateway.journal.directory).parent / "exports"
        self.exports = Exports(self.logs, places, telemetry)

    def open(self, directories: Mapping[str, Directory]) -> None:
        """Open the journals. Raises Misconfigured."""
        limits, people = self.config.gateway.limits, configured(self.config)
        for code in self.config.tenants:
            rules, journal = hub_rules(self.config, code, directories[code]), open_journal(self.config, code)
            dispatcher = Dispatcher(rules, journal, self.to_edges, limits, self._clock, self._telemetry)
            self.hubs[code] = TenantHub(rules, journal, dispatcher, Accounts(journal, people[code]), self._clock)

    async def begin(self) -> None:
        """The first fact, and everything that is due taken up. Raises Misconfigured if a log has gone back, by the
        system's log or by a witness.
        """
        now = reached(self.hubs)
        if problems := [*went_back(self.system, now), *await self.cosigning.before_start()]:
            raise Misconfigured(problems)
        await self.fact(
            FactKind.GATEWAY_STARTED, {"config": self.config.digest, "references": self.config.references(), **now}
        )
        self._began = True
        for hub in self.hubs.values():
            hub.dispatcher.restore()
        self.exports.adopt(exporting(self.config))

    def work(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What must run as long as the process does."""
        yield from (hub.dispatcher.run() for hub in self.hubs.values())
        yield self._sign_checkpoints()
        yield self.cosigning.run(lambda: self.config.gateway.journal.witness_seconds)
        yield self.verifying.run()
        yield from (self._retain(hub) for hub in self.hubs.values())
        yield self._purge()
        yield from (hub.search.follow(self._index_bug(code)) for code, hub in self.hubs.items())
        yield self.system_search.follow(self._index_bug(SYSTEM))

    def _index_bug(self, tenant: str) -> Callable[[Exception], None]:
        return lambda error: self._telemetry.bug(error, "indexing the log failed", tenant=tenant)

    def of(self, tenant: str) -> TenantHub:
        """The tenant's hub."""
        return self.hubs[tenant]

    async def fact(self, kind: FactKind, body: Mapping[str, Any]) -> None:
        """One fact in the system's log. Raises Deferred."""
        await self.system.fact(kind, body, at=stamp(self._clock()))

    async def _sign_checkpoints(self) -> None:
        while True:
            await asyncio.sleep(self.config.gateway.journal.checkpoint_seconds)
            self._look_for_room()
            for journal in self.logs().values():
                with contextlib.suppress(Deferred):  # health says why
                    await journal.checkpoint()

    async def _retain(self, hub: TenantHub) -> None:
        """Until cancelled: the payloads that one tenant is not to keep are deleted."""
        await self.verifying.first(hub.rules.tenant.code)
        while True:
            with self._goes_on(hub.rules.tenant.code):
                if await self._may_go(hub.rules.tenant.code, hub.journal):
                    await retention.delete_outdated(hub.rules.tenant, hub.journal, self._clock())
            await asyncio.sleep(retention.pause(hub.rules.tenant))

    async def _purge(self) -> None:
        """Until cancelled: old facts go, of each tenant and of the system."""
        for name in self.logs():
            await self.verifying.first(name)
        while True:
            for code, hub in self.hubs.items():
                with self._goes_on(code):
                    if await self._may_go(code, hub.journal):
                        found = await retention.purge_old(hub.journal, self._clock())
                        await self._gone(code, hub.journal, found)
            with self._goes_on(SYSTEM):
                if not self._held and await self._may_go(SYSTEM, self.system):
                    found = await retention.purge_old(self.system, self._clock())
                    await self._gone(SYSTEM, self.system, found)
            await asyncio.sleep(retention.PURGE_SECONDS)

    async def retain(self, hub: TenantHub) -> retention.Retained:
        """Delete now what one tenant is not to keep, as somebody has said who knows the time; returns what went. If the
        log was not verified whole since the start, it is before. Raises Deferred.
        """
        code = hub.rules.tenant.code
        await self.verifying.first(code)
        if code not in self.verifying.whole:
            await self.verifying.look(code, hub.journal)
            if code not in self.verifying.whole:
                told = "it could not be verified whole, so nothing is deleted by what it says; run: gateway log verify"
                raise Deferred("log_unavailable", cause=told)
        found = await retention.retain(hub.rules.tenant, hub.journal, self._clock())
        await self._gone(code, hub.journal, found)
        return found

    async def _gone(self, log: str, journal: Journal, found: retention.Retained) -> None:
        """Copies go with what went, unless somebody investigates."""
        if not journal.retention.legal_holds():
            day = japanese_day(datetime.fromisoformat(found.before))
            await self.exports.forget(log, day)

    @property
    def _held(self) -> bool:
        """Whether some tenant's investigation may need the system's log, too. Raises Deferred."""
        return any(hub.journal.retention.legal_holds() for hub in self.hubs.values())

    async def _may_go(self, log: str, journal: Journal) -> bool:
        """Whether the time is believed, and what the log is read by, and nobody has to say so after a restore; what is
        waited for is told once. Raises Deferred.
        """
        if journal.retention.unswept():
            await journal.retention.swept()
        if log not in self.verifying.whole:
            return False
        now = self._clock()
        steady = self._steady.look(now, asyncio.get_running_loop().time())
        if not steady and retention.runs_away(journal, now):
            why = "the log has nothing from the month before yesterday, so the clock may be wrong"
        else:
            waits = await asyncio.to_thread(journal.retention.waits)
            why = "logs were restored: legal holds may be missing" if waits else ""
        if why and log not in self._waiting:
            self._telemetry.log.warning("retention.waits", tenant=log, problem=why)
        (self._waiting.add if why else self._waiting.discard)(log)
        return not why

    @contextlib.contextmanager
    def _goes_on(self, log: str) -> Iterator[None]:
        """Whatever happens is told, and the next look comes all the same."""
        try:
            yield
        except Deferred:  # health says why
            pass
        except Exception as error:  # noqa: BLE001  (what is kept too long stops no message)
            self._telemetry.bug(error, "retention failed", tenant=log)

    def copies(self) -> list[ListedCopy]:
        """Every copy of logs that was made. Raises Deferred."""
        return listed(self.system.told(COPY_FACTS))

    def _look_for_room(self) -> None:
        """A queue that was full is told to have room also if nothing comes any more."""
        now, limits = asyncio.get_running_loop().time(), self.config.gateway.limits
        for hub in self.hubs.values():
            troubles = hub.dispatcher.troubles
            if troubles.quiet(now):
                with contextlib.suppress(Deferred):  # health says why
                    if hub.journal.open_records() < limits.open_records:
                        troubles.room()

    def _appeared(self, place: tuple[str, str]) -> None:
        tenant, connector = place
        if (hub := self.hubs.get(tenant)) is not None:
            hub.dispatcher.appeared(connector)

    def unreached(self) -> frozenset[tuple[str, str]]:
        """The connectors that deliveries wait for until a probe gets through, by tenant and name."""
        return frozenset((code, name) for code, hub in self.hubs.items() for name in hub.dispatcher.unreached)

    def behind(self) -> Mapping[tuple[str, str], str]:
        """The connectors whose last message was refused because of their edge, with the code."""
        return {
            (code, name): why for code, hub in self.hubs.items() for name, why in hub.dispatcher.troubles.behind.items()
        }

    def anew(self) -> None:
        """An edge process goes by another configuration than before."""
        for hub in self.hubs.values():
            hub.dispatcher.troubles.anew()

    def vitals(self) -> dict[str, tuple[bool, str]]:
        """Whether each log can be written, and if not why."""
        return {name: journal.health() for name, journal in self.logs().items()}

    def logs(self) -> Mapping[str, Journal]:
        """Every log, by tenant; the system's, in which the others are anchored, first."""
        return {SYSTEM: self.system} | {code: hub.journal for code, hub in self.hubs.items()}

    def adopt(
        self,
        config: Config,
        rules: Mapping[str, HubRules],
        people: Mapping[str, Configured],
        witnesses: Sequence[RemoteWitness],
        exports: Sequence[Exporting],
    ) -> None:
        """A reload: from now on these hold."""
        self.config = config
        self.cosigning.adopt(witnesses)
        self.exports.adopt(exports)
        for code, hub in self.hubs.items():
            hub.adopt(rules[code], config.gateway.limits)
            hub.people.adopt(people[code])

    async def drain(self) -> None:
        """Finish what is in flight."""
        await asyncio.gather(*(hub.dispatcher.drain() for hub in self.hubs.values()))

    async def close(self) -> None:
        """The last fact; then sign and close the logs."""
        await self.exports.stop()
        with contextlib.suppress(Deferred):
            if self._began:
                await self.fact(FactKind.GATEWAY_STOPPED, reached(self.hubs))
        self.system_search.close()
        for hub in self.hubs.values():
            hub.search.close()
            hub.journal.close()
