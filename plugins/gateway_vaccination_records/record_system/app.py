"""The HTTP API: turns a request over mutual TLS into calls of the one area that its client certificate speaks for.

The rule: the tenant is known from the certificate before the body is read; nothing in the body changes it (C156).
"""

import hashlib
import ssl
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, TypeVar

import jiter
import structlog
from aiohttp import web
from pydantic import ValidationError
from pydantic_core import to_json

from gateway_vaccination_records.record_system.area import Person
from gateway_vaccination_records.record_system.desk import Desk
from gateway_vaccination_records.record_system.keys import Said
from gateway_vaccination_records.record_system.models import (
    Closed,
    KeyAnswersBody,
    KeyBatchBody,
    LookupBody,
    SubjectsBody,
    places,
)
from gateway_vaccination_records.record_system.problems import Problem, problems
from gateway_vaccination_records.record_system.versions import Verdict

_ROW_ANSWERS: Final[Mapping[Verdict | None, Mapping[str, str]]] = {
    Verdict.ACCEPTED: {"status": "accepted"},
    Verdict.DUPLICATE: {"status": "duplicate"},
    Verdict.SUPERSEDED: {"status": "refused", "code": "superseded", "path": "updated_at"},
    Verdict.VERSION_CONFLICT: {"status": "refused", "code": "version_conflict"},
    Verdict.OUT_OF_RANGE: {"status": "refused", "code": "out_of_range", "path": "updated_at"},
    Verdict.NO_SUCH_PERSON: {"status": "refused", "code": "no_such_person"},
    Verdict.WRONG_MUNICIPALITY: {"status": "refused", "code": "no_such_person"},
    None: {"status": "busy"},
}
_SHOWN: Final = (
    "internal_no",
    "updated_at",
    "update_seq",
    "control_flag_recovery",
    "control_flag_nondisclosure",
    "control_flag_view_suspended",
)
B = TypeVar("B", bound=Closed)


class Api:
    """The addresses over a set of areas, found by the sha256 fingerprint of the client certificate."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self._desks = desks

    def application(self, body_bytes: int) -> web.Application:
        """The aiohttp application; bodies larger than `body_bytes` are refused."""
        app = web.Application(client_max_size=body_bytes, middlewares=[problems])
        app.router.add_post("/v1/subjects", self.store)
        app.router.add_post("/v1/subjects/lookup", self.lookup)
        app.router.add_post("/v1/key-batch", self.key_batch)
        app.router.add_post("/v1/key-answers", self.key_answers)
        app.router.add_get("/v1/keys", self.key_counts, allow_head=False)
        app.router.add_get("/v1/health", self.health, allow_head=False)
        app.router.add_get("/v1/areas/self", self.counts, allow_head=False)
        return app

    async def store(self, request: web.Request) -> web.Response:
        """Register and delete subjects; an outcome per row, durable before it is answered."""
        desk = self._desk(request)
        body = await _read(request, SubjectsBody)
        verdicts = await desk.ask(partial(desk.store.store, body.message_id, body.rows))
        return _rows([{"index": row.index, **_ROW_ANSWERS[verdicts.get(row.index)]} for row in body.rows])

    async def lookup(self, request: web.Request) -> web.Response:
        """Number, version and control flags of the persons asked for; never the individual number."""
        desk = self._desk(request)
        body = await _read(request, LookupBody)
        found = await desk.ask(partial(desk.store.lookup, body.rows))
        return _rows([{"index": row.index, **_shown(found[row.index])} for row in body.rows])

    async def key_batch(self, request: web.Request) -> web.Response:
        """Numbers to ask PMH keys for; the same batches until they are answered. No `batch`: none is due."""
        desk = self._desk(request)
        body = await _read(request, KeyBatchBody)
        batch = await desk.ask(partial(desk.store.key_batch, body.most, body.besides))
        if batch is None:
            return _rows([])
        rows = [{"index": index, "individual_number": number} for index, number in enumerate(batch.numbers)]
        return _json({"batch": batch.id, "rows": rows})

    async def key_answers(self, request: web.Request) -> web.Response:
        """Keep the keys that were issued; a dispute is alarmed here."""
        desk = self._desk(request)
        body = await _read(request, KeyAnswersBody)
        said = await desk.ask(partial(desk.store.key_answers, body.batch, body.rows))
        if disputes := sum(each is Said.DISPUTE for each in said.values()):
            structlog.get_logger().error("dispute", rows=disputes)
        return _rows([{"index": row.index, "status": said[row.index]} for row in body.rows])

    async def counts(self, request: web.Request) -> web.Response:
        """How much the caller's own area holds, in numbers only."""
        desk = self._desk(request)
        return web.json_response(dict(await desk.ask(desk.store.counts)))

    async def key_counts(self, request: web.Request) -> web.Response:
        """How many numbers of the caller's own area have a PMH key, want one or are in dispute."""
        desk = self._desk(request)
        return web.json_response(dict(await desk.ask(desk.store.key_counts)))

    async def health(self, request: web.Request) -> web.Response:
        """200 while the caller's area can be written; and how many disputes wait in it."""
        desk = self._desk(request)
        await desk.ask(desk.store.check)
        return web.json_response({"status": "ok", "disputes": await desk.ask(desk.store.disputes)})

    def _desk(self, request: web.Request) -> Desk:
        tls = request.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
        desk = self._desks.get(hashlib.sha256(certificate).hexdigest()) if certificate else None
        if desk is None:
            raise Problem("unknown_certificate")
        return desk


async def _read(request: web.Request, model: type[B]) -> B:
    """The body as the model says. Raises Problem."""
    if request.content_type != "application/json":
        raise Problem("wrong_media_type")
    raw = await request.read()
    try:
        # the parser's own message would name the duplicate key
        plain: Any = jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError:
        raise Problem("not_json") from None
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise Problem("malformed", places(error)) from None


def _shown(person: Person | None) -> Mapping[str, Any]:
    if person is None:
        return {"code": "no_such_person"}
    record = {name: person.record[name] for name in _SHOWN}
    return {"record": record | {"vaccination_subject_no": person.vaccination_subject_no}}


def _rows(rows: list[dict[str, Any]]) -> web.Response:
    return _json({"rows": rows})


def _json(body: Mapping[str, Any]) -> web.Response:
    return web.Response(body=to_json(body), content_type="application/json")
