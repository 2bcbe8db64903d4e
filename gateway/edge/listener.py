"""The HTTPS entrance: a request under mutual TLS becomes an arrival at the edge that its certificate is pinned to.

It reads no more of a body than the limit, echoes nothing, and answers every fault as a problem (RFC 9457) with a stable
code. Peers without a pinned certificate are counted, not recorded one by one, so that they cannot fill the disk.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gateway.config import Listener as ListenerSettings
from gateway.edge.description import Descriptions
from gateway.edge.edge import Edge, Taken
from gateway.errors import Deferred, GatewayError, Refused
from gateway.link.https import expect, later, peer_fingerprint, problem, problems
from gateway.messages import Arrival, BadRecord, RecordOutcome, Status
from gateway.observe import Telemetry
from gateway.plugin.connector import Answer

_ARRIVE = "/v1/{tenant}/{connector}/{operation}"
_STATUS = "/v1/messages/{message_id}"
_PROOF = "/v1/messages/{message_id}/proof"
_DESCRIPTION = "/openapi.json"
_AGAIN_SECONDS = 2.0
"""When to come for an answer that has not come yet: each asking is a fact."""
_READ = 64 * 1024
_READ_SECONDS = 60.0
_MEMORY = 128 * 1024 * 1024
_LEAST = 64 * 1024
"""Bytes of bodies that a listener holds at a time, a quarter of them from one peer, each counted as `_LEAST` or more.
Who comes beyond gets 503, but one body of each peer is always let in.
"""


@dataclass(slots=True)
class Entrance:
    """One listener's requests. `edges` gives the edges that are open now; `noise` counts who is not let in."""

    settings: ListenerSettings
    edges: Callable[[], Iterable[Edge]]
    telemetry: Telemetry
    noise: int = 0
    draining: bool = False
    _held: Counter[str] = field(default_factory=Counter)
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _descriptions: Descriptions = field(init=False)

    def __post_init__(self) -> None:
        self._descriptions = Descriptions(self.settings.name)

    def crowded(self) -> None:
        """Somebody found no room: noise, for who it was is not known."""
        self.noise += 1

    def application(self) -> web.Application:
        """The aiohttp application of this listener."""
        application = web.Application(middlewares=[problems(self.telemetry)])
        application.router.add_post(_ARRIVE, self.arrive, expect_handler=expect)
        application.router.add_route("*", _ARRIVE, self.wrong_method, expect_handler=expect)
        application.router.add_get(_STATUS, self.status, expect_handler=expect)
        application.router.add_route("*", _STATUS, self.wrong_method, expect_handler=expect)
        application.router.add_get(_PROOF, self.proof, expect_handler=expect)
        application.router.add_route("*", _PROOF, self.wrong_method, expect_handler=expect)
        application.router.add_get(_DESCRIPTION, self.description, expect_handler=expect)
        application.router.add_route("*", _DESCRIPTION, self.wrong_method, expect_handler=expect)
        application.router.add_route("*", "/{elsewhere:.*}", self.elsewhere, expect_handler=expect)
        return application

    async def arrive(self, request: web.Request) -> web.Response:
        """`POST /v1/{tenant}/{connector}/{operation}`: 202 for an event, 200 with the answers for a request."""
        if self.draining:
            raise Deferred("stopping")
        peer = peer_fingerprint(request)
        limit = max((edge.rules.limits.body_bytes for edge in self.edges()), default=_LEAST)
        size = max(_LEAST, min(limit if request.content_length is None else request.content_length, limit))
        if self._held[peer] and (self._held.total() + size > _MEMORY or self._held[peer] + size > _MEMORY // 4):
            raise Deferred("queue_full")
        self._held[peer] += size
        try:
            return await self._arrive(request, peer)
        finally:
            self._held[peer] -= size
            if not self._held.total():
                self._held.clear()
                self._idle.set()

    async def drain(self) -> None:
        """Take nothing new; return when everybody has been answered."""
        self.draining = True
        while self._held.total():
            self._idle.clear()
            await self._idle.wait()

    async def _arrive(self, request: web.Request, peer: str) -> web.Response:
        address = request.match_info
        edge = self._edge(peer, address["tenant"], address["connector"])
        body = await _read(request, edge.rules.limits.body_bytes)
        arrival = edge.arrival(
            address["operation"],
            body,
            tenant=address["tenant"],
            connector=address["connector"],
            entrance="http",
            fingerprint=peer,
            listener=self.settings.name,
            request_key=_request_key(request),
            actor=_once(request, "Renkei-Actor"),
            terminal=_once(request, "Renkei-Terminal"),
            proof=_once(request, "Renkei-Proof"),
        )
        operation = edge.rules.contract.operation("sends", arrival.operation)
        try:
            if operation is not None and operation.kind == "request":
                response = _asked(*await edge.ask(arrival, edge.rules.limits.request_patience))
            else:
                response = _taken(await edge.take(arrival))
        except GatewayError as error:
            self._count(edge, operation is not None, arrival, error.code)
            return problem(error, message_id=arrival.message_id if isinstance(error, Refused) else None)
        self._count(edge, operation is not None, arrival, "recorded")
        return response

    async def status(self, request: web.Request) -> web.Response:
        """`GET /v1/messages/{id}`: how each record of a message ended, and for a request its answers.

        For whoever sent it: to another certificate of the same connector it is unknown.

        What was answered to a proof is asked for again by a POST with the same Idempotency-Key and a proof.
        """
        message_id = request.match_info["message_id"]
        peer = peer_fingerprint(request)
        own = self._own(peer)
        for edge in own:
            if not self._may_answer(edge):
                return await self._refused(request, edge, "above_clearance")
            if (found := await edge.status(message_id, fingerprint=peer)) is not None:
                return web.json_response(_status(*found))
        return await self._refused(request, own[0], "unknown_message")

    async def proof(self, request: web.Request) -> web.Response:
        """`GET /v1/messages/{id}/proof`: a file (c2sp.org/tlog-proof) that proves that a message was recorded or, as a
        whole, refused. For whoever sent it, as its status.
        """
        message_id = request.match_info["message_id"]
        peer = peer_fingerprint(request)
        own = self._own(peer)
        for edge in own:
            if (file := await edge.proof(message_id, fingerprint=peer)) is not None:
                named = {"Content-Disposition": f'attachment; filename="{message_id}.tlog-proof"'}
                return web.Response(text=file, headers=named)
        return await self._refused(request, own[0], "unknown_message")

    async def description(self, request: web.Request) -> web.Response:
        """`GET /openapi.json`: what the peer's certificate may call here. No fact: it is about no message and no
        person, and the same whenever it is asked for.
        """
        document = self._descriptions.of(self._own(peer_fingerprint(request)))
        return web.Response(body=document, content_type="application/json", charset="utf-8")

    async def elsewhere(self, request: web.Request) -> web.Response:
        """Any other address: there is no such operation, and that a known peer tried is a fact."""
        return await self._refused(request, self._own(peer_fingerprint(request))[0], "unknown_operation")

    async def wrong_method(self, request: web.Request) -> web.Response:
        """An address of ours by another method than it takes; that, too, is a fact."""
        response = await self._refused(request, self._own(peer_fingerprint(request))[0], "wrong_method")
        routes = request.match_info.route.resource or ()
        response.headers["Allow"] = ", ".join(sorted(each.method for each in routes if each.method != "*"))
        return response

    async def _refused(self, request: web.Request, edge: Edge, code: str) -> web.Response:
        peer = peer_fingerprint(request)
        arrival = edge.arrival("", b"", entrance="http", fingerprint=peer, listener=self.settings.name)
        await edge.refuse(arrival, code)
        return problem(Refused(code), arrival.message_id)

    def _may_answer(self, edge: Edge) -> bool:
        """C072: nothing that this listener's zone may not carry goes out here, whichever way it came in."""
        replies = (field.data_class for each in edge.rules.contract.operations for field in each.reply)
        cleared = edge.rules.listener_clearance.get(self.settings.name, frozenset())
        return all(each is None or each in cleared for each in replies)

    def _edge(self, peer: str, tenant: str, connector: str) -> Edge:
        """The edge that is addressed; if that is not the peer's own, then one of its own, which will refuse it."""
        own = self._own(peer)
        exact = (each for each in own if (each.rules.tenant.code, each.rules.connector) == (tenant, connector))
        near = (each for each in own if each.rules.connector == connector)
        return next(exact, next(near, own[0]))

    def _own(self, peer: str) -> list[Edge]:
        own = [edge for edge in self.edges() if peer in edge.rules.pinned]
        if not own:
            self.noise += 1
            raise Refused("unknown_certificate")
        return own

    def _count(self, edge: Edge, known: bool, arrival: Arrival, code: str) -> None:  # noqa: FBT001
        operation = arrival.operation if known else "unknown"
        self.telemetry.arrived(edge.rules.tenant.code, edge.rules.connector, operation, code)


def _taken(taken: Taken) -> web.Response:
    if taken.all_refused:
        return problem(
            Refused("all_records_refused"), taken.recorded.message_id, records=[_bad(each) for each in taken.refused]
        )
    body = {
        "message_id": taken.recorded.message_id,
        "repeated": taken.recorded.repeated,
        "refused": [_bad(each) for each in taken.refused],
    }
    return web.json_response(body, status=202, headers={"Location": f"/v1/messages/{taken.recorded.message_id}"})


def _asked(taken: Taken, answers: tuple[Answer, ...] | None) -> web.Response:
    if taken.all_refused or answers is None:
        response = _taken(taken)
        if not taken.all_refused:
            response.headers.update(later(_AGAIN_SECONDS))
        return response
    body = {"message_id": taken.recorded.message_id, "replies": [_answer(each) for each in answers]}
    return web.json_response(body)


def _status(status: Status, answers: tuple[Answer, ...] | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "message_id": status.message_id,
        "kind": status.kind,
        "ended": status.ended,
        "outcomes": [_outcome(each) for each in status.outcomes],
    }
    if answers is not None:
        body["replies"] = [_answer(each) for each in answers]
    return body


def _answer(answer: Answer) -> dict[str, Any]:
    if answer.record is not None:
        return {"index": answer.index, "record": dict(answer.record)}
    return {"index": answer.index, "code": answer.code}


def _outcome(outcome: RecordOutcome) -> dict[str, Any]:
    plain = {"index": outcome.index, "outcome": outcome.ending, "code": outcome.code, "path": outcome.path}
    return {key: value for key, value in plain.items() if value is not None}


def _bad(bad: BadRecord) -> dict[str, Any]:
    plain = {"index": bad.index, "code": bad.code, "path": bad.path}
    return {key: value for key, value in plain.items() if value is not None}


def _request_key(request: web.Request) -> bytes | None:
    """As it came; whether it is sound is for `parse` to say, so that a refusal is recorded."""
    key = _once(request, "Idempotency-Key")
    return None if key is None else key.encode("utf-8", "surrogateescape")


def _once(request: web.Request, name: str) -> str | None:
    """A header's value; of several, one that no rule lets pass."""
    values = request.headers.getall(name, ())
    return " ".join(values) if values else None


async def _read(request: web.Request, limit: int) -> bytes:
    """The body, or its first `limit` + 1 bytes: enough for `parse` to refuse it. A peer that dawdles is let go."""
    parts: list[bytes] = []
    left = limit + 1
    try:
        async with asyncio.timeout(_READ_SECONDS):
            while left > 0 and (part := await request.content.read(min(left, _READ))):
                parts.append(part)
                left -= len(part)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return b"".join(parts)
