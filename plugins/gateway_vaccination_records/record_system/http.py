"""What all addresses of the API share: whose area it is, how a body is read, how rows are answered.

The rule: the tenant is known from the certificate before the body is read; nothing in the body changes it (C156).
"""

import hashlib
import ssl
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import jiter
from aiohttp import web
from pydantic import ValidationError
from pydantic_core import to_json

from gateway_vaccination_records.record_system.closed import Closed, places
from gateway_vaccination_records.record_system.desk import Desk
from gateway_vaccination_records.record_system.problems import Problem
from gateway_vaccination_records.record_system.versions import Verdict

EVENT_ANSWERS: Final[Mapping[Verdict | None, Mapping[str, str]]] = {
    Verdict.ACCEPTED: {"status": "accepted"},
    Verdict.DUPLICATE: {"status": "duplicate"},
    Verdict.SUPERSEDED: {"status": "refused", "code": "superseded", "path": "updated_at"},
    Verdict.VERSION_CONFLICT: {"status": "refused", "code": "version_conflict"},
    Verdict.OUT_OF_RANGE: {"status": "refused", "code": "out_of_range", "path": "updated_at"},
    Verdict.NO_SUCH_PERSON: {"status": "refused", "code": "no_such_person"},
    Verdict.WRONG_MUNICIPALITY: {"status": "refused", "code": "no_such_person"},
    Verdict.DOSE_EXISTS: {"status": "refused", "code": "dose_exists", "path": "vaccination_management_id"},
    Verdict.NOT_YOURS: {"status": "refused", "code": "not_yours"},
    Verdict.ITEM_EXISTS: {"status": "refused", "code": "item_exists"},
    Verdict.A_NUMBER: {"status": "refused", "code": "individual_number_in_text"},
    Verdict.DISPUTE: {"status": "refused", "code": "dispute"},
    None: {"status": "busy"},
}
"""How a row of an event is answered; None stands for a row that was left for later."""
B = TypeVar("B", bound=Closed)


class Desks:
    """The areas, found by the sha256 fingerprint of the client certificate."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self._desks = desks

    def of(self, request: web.Request) -> Desk:
        """The one that the client speaks for. Raises Problem."""
        tls = request.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if isinstance(tls, ssl.SSLObject) else None
        desk = self._desks.get(hashlib.sha256(certificate).hexdigest()) if certificate else None
        if desk is None:
            raise Problem("unknown_certificate")
        return desk


async def read(request: web.Request, model: type[B]) -> B:
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


def rows(answers: list[dict[str, Any]]) -> web.Response:
    """One answer per row."""
    return answer({"rows": answers})


def answer(body: Mapping[str, Any]) -> web.Response:
    """A JSON body."""
    return web.Response(body=to_json(body), content_type="application/json")
