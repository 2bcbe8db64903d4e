"""The operators' listener: health, metrics, traces, replays and reloads, each act under a personal certificate.

Health means "can serve": it is bad while a log cannot be written, the hub is not linked, or a required connector is not
open, and says why.
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.errors import Deferred, Misconfigured, Refused
from gateway.hub import telling
from gateway.hub.admin_holds import HoldRoutes
from gateway.hub.admin_people import PeopleRoutes
from gateway.hub.admin_reports import ReportRoutes
from gateway.hub.admin_review import ReviewRoutes
from gateway.hub.admin_search import SearchRoutes
from gateway.hub.callers import Callers
from gateway.hub.hub import TenantHub
from gateway.hub.people import Role
from gateway.hub.review import Subject
from gateway.link.https import later, problems
from gateway.observe import Telemetry


class Routes(Protocol):
    """Addresses of one matter."""

    def add_to(self, router: web.UrlDispatcher) -> None: ...


class Daemon(Protocol):
    """What the operators' listener may ask of the running process."""

    @property
    def hubs(self) -> Mapping[str, TenantHub]: ...
    @property
    def directories(self) -> Mapping[str, int]: ...
    def vitals(self) -> Mapping[str, Any]: ...
    def law(self) -> list[str]: ...
    def witnesses(self) -> list[str]: ...
    def lapsed(self) -> Mapping[str, int]: ...
    def reviews(self) -> list[str]: ...
    async def connectors(self) -> list[dict[str, Any]]: ...
    async def reload(self, by: str) -> str: ...


_LARGEST: Final = 16_384
"""Bytes of a body: nobody asks for more here than a form on a screen holds, or one person's tags of some years."""


class AdminListener:
    """`operators` maps the personal certificates of the configured operators, as hex digests, to names. Persons with
    that role in a tenant act as they do, but on the whole process.
    """

    def __init__(
        self, daemon: Daemon, operators: Mapping[str, str], telemetry: Telemetry, clock: Callable[[], datetime]
    ) -> None:
        self._daemon = daemon
        self._telemetry = telemetry
        self.callers = Callers(lambda: daemon.hubs, operators, clock)
        self._routes: list[Routes] = [
            PeopleRoutes(self.callers, clock),
            HoldRoutes(self.callers),
            SearchRoutes(self.callers, clock),
            ReportRoutes(self.callers, clock),
            ReviewRoutes(self.callers, clock),
        ]

    def add(self, routes: Routes) -> None:
        """Addresses that are no matter of the hub; to be said before `application`."""
        self._routes.append(routes)

    @property
    def noise(self) -> int:
        """How many came that nobody knows, and have not been counted in a fact yet."""
        return self.callers.noise

    @noise.setter
    def noise(self, count: int) -> None:
        self.callers.noise = count

    def crowded(self) -> None:
        """Somebody found no room: noise, for who it was is not known."""
        self.noise += 1

    def application(self) -> web.Application:
        """The aiohttp application of the admin listener."""
        application = web.Application(middlewares=[problems(self._telemetry)], client_max_size=_LARGEST)
        application.router.add_get("/healthz", self.healthz, allow_head=False)
        application.router.add_get("/readyz", self.readyz, allow_head=False)
        application.router.add_get("/metrics", self.metrics, allow_head=False)
        application.router.add_get("/v1/connectors", self.connectors, allow_head=False)
        application.router.add_get("/v1/{tenant}/dead", self.dead, allow_head=False)
        application.router.add_get("/v1/{tenant}/refused", self.refused, allow_head=False)
        application.router.add_get("/v1/{tenant}/messages/{message_id}", self.trace, allow_head=False)
        application.router.add_post("/v1/{tenant}/messages/{message_id}/replay", self.replay)
        application.router.add_post("/v1/reload", self.reload)
        for each in self._routes:
            each.add_to(application.router)
        return application

    async def healthz(self, request: web.Request) -> web.Response:
        """200 while every log can be written, or at an edge process while its hub is linked; else 503 and the cause.
        What is not cosigned, or not reviewed in time, is named, and stops nothing.
        """
        del request
        wrong = self._daemon.vitals()
        of_logs = {"witnesses": self._daemon.witnesses(), "reviews": self._daemon.reviews()}
        told = of_logs if "logs" in wrong else {}
        return _healthy({"ok": not any(wrong.values()), **wrong, **told})

    async def readyz(self, request: web.Request) -> web.Response:
        """200 if also every required connector is well, else 503 with the causes."""
        del request
        wrong = self._daemon.vitals()
        ill = [each for each in await self._daemon.connectors() if each["required"] and not each["ok"]]
        return _healthy({"ok": not any(wrong.values()) and not ill, **wrong, "connectors": ill})

    async def metrics(self, request: web.Request) -> web.Response:
        """Prometheus metrics."""
        del request
        for code, hub in self._daemon.hubs.items():
            self._telemetry.facts.labels(code).set(hub.journal.size_and_root()[0])
            self._telemetry.waiting.labels(code).set(hub.dispatcher.waiting)
            with contextlib.suppress(Deferred):  # the log cannot be read: that it is not well is said below
                self._telemetry.held.labels(code).set(hub.journal.holds.count())
                self._telemetry.findings.labels(code).set(len(hub.reviews.standing().open_findings()))
                for subject in Subject:
                    if (due := hub.reviews.due(subject)) is not None:
                        self._telemetry.review_due.labels(code, subject).set(due.timestamp())
            self._telemetry.healthy.labels(code).set(hub.journal.health()[0])
        for code, version in self._daemon.directories.items():
            self._telemetry.directory.labels(code).set(version)
        for code, count in self._daemon.lapsed().items():
            self._telemetry.lapsed.labels(code).set(count)
        return web.Response(
            body=generate_latest(self._telemetry.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def connectors(self, request: web.Request) -> web.Response:
        """What is enabled, and its health."""
        await self.callers.operator(request, "connectors")
        return web.json_response(await self._daemon.connectors())

    async def dead(self, request: web.Request) -> web.Response:
        """Messages with dead records that wait for a decision; with `?all` every one. The looking is a fact, too."""
        hub, person = await self.callers.person(request, "dead", Role.OPERATOR)
        letters = hub.journal.dead_letters(every="all" in request.query)
        await self.callers.acted(request, hub, person, "dead")
        return web.json_response(telling.listed(letters, person))

    async def refused(self, request: web.Request) -> web.Response:
        """What was refused lately, newest first; with `?before=SEQ` what was before that fact. The looking is a fact,
        too.
        """
        hub, person = await self.callers.person(request, "refused", Role.OPERATOR)
        asked = request.query.get("before", "")
        before = int(asked) if re.fullmatch("[1-9][0-9]{0,17}", asked) else None
        found, down_to = await hub.refused(before)
        await self.callers.acted(request, hub, person, "refused")
        return web.json_response({"refused": telling.listed(found, person), "down_to": down_to})

    async def trace(self, request: web.Request) -> web.Response:
        """Every fact of one message. The looking is a fact, too."""
        hub, person = await self.callers.person(request, "trace", Role.OPERATOR)
        message_id = request.match_info["message_id"]
        facts = hub.trace(message_id, person)
        if not facts:
            raise Refused("unknown_message")
        await self.callers.acted(request, hub, person, "trace")
        return web.json_response(facts)

    async def replay(self, request: web.Request) -> web.Response:
        """Have the dead records of a message handed on again, under today's routes."""
        message_id = request.match_info["message_id"]
        async with self.callers.acting(request, "replay", Role.OPERATOR) as (hub, person):
            indices = await hub.replay(message_id, person.id)
        return web.json_response({"message_id": message_id, "records": list(indices)})

    async def reload(self, request: web.Request) -> web.Response:
        """Apply the configuration on disk, if it is valid; else say what is wrong and run on."""
        operator = await self.callers.operator(request, "reload")
        try:
            digest = await self._daemon.reload(operator)
        except Misconfigured as wrong:
            return web.json_response({"applied": False, "problems": list(wrong.problems)}, status=409)
        applied = {"applied": True, "digest": digest, "directories": dict(self._daemon.directories)}
        return web.json_response(applied | {"law": self._daemon.law()})


def _healthy(body: Mapping[str, Any]) -> web.Response:
    """200 if `ok`, else 503."""
    return web.json_response(body) if body["ok"] else web.json_response(body, status=503, headers=later())
