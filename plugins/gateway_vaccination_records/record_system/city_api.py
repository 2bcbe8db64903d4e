"""The city's addresses: subjects, templates, doses and notices are registered; subjects and doses are looked up."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

import structlog
from aiohttp import web

from gateway_vaccination_records.record_system import check_digits
from gateway_vaccination_records.record_system.http import EVENT_ANSWERS, Desks, read, rows
from gateway_vaccination_records.record_system.ledger_models import (
    PullBody,
    RecordRow,
    Registration,
    RegistrationsBody,
)
from gateway_vaccination_records.record_system.models import LookupBody, SubjectsBody
from gateway_vaccination_records.record_system.people import Person
from gateway_vaccination_records.record_system.versions import Verdict

_SHOWN: Final = (
    "internal_no",
    "updated_at",
    "update_seq",
    "control_flag_recovery",
    "control_flag_nondisclosure",
    "control_flag_view_suspended",
)
_NO_SUCH_PERSON: Final = {"code": "no_such_person"}


class CityApi:
    """See the README for the bodies."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks

    def routes(self) -> Iterable[web.RouteDef]:
        """The addresses."""
        return (
            web.post("/v1/subjects", self.store),
            web.post("/v1/subjects/lookup", self.lookup),
            web.post("/v1/registrations", self.register),
            web.post("/v1/records/pull", self.pull),
        )

    async def store(self, request: web.Request) -> web.Response:
        """Register and delete subjects; an outcome per row, durable before it is answered."""
        desk = self._desks.of(request)
        body = await read(request, SubjectsBody)
        verdicts = await desk.ask(partial(desk.area.store, body.message_id, body.rows))
        return rows([{"index": row.index, **EVENT_ANSWERS[verdicts.get(row.index)]} for row in body.rows])

    async def register(self, request: web.Request) -> web.Response:
        """Register templates, doses due, doses had and notices, as `store` does subjects."""
        desk = self._desks.of(request)
        body = await read(request, RegistrationsBody)
        verdicts = await desk.ask(partial(desk.area.register, body.message_id, body.rows))
        _warn(row for row in body.rows if verdicts.get(row.index) is Verdict.ACCEPTED)
        return rows([{"index": row.index, **EVENT_ANSWERS[verdicts.get(row.index)]} for row in body.rows])

    async def lookup(self, request: web.Request) -> web.Response:
        """Number, version and control flags of the persons asked for; never the individual number."""
        desk = self._desks.of(request)
        body = await read(request, LookupBody)
        found = await desk.ask(partial(desk.area.lookup, body.rows))
        return rows([{"index": row.index, **_shown(found[row.index])} for row in body.rows])

    async def pull(self, request: web.Request) -> web.Response:
        """All doses of the persons asked for, as they are kept now (F42)."""
        desk = self._desks.of(request)
        body = await read(request, PullBody)
        pulled = await desk.ask(partial(desk.area.pull, body.rows))
        return rows([{"index": row.index, **_pulled(pulled[row.index])} for row in body.rows])


def _warn(kept: Iterable[Registration]) -> None:
    """A code whose check digit is wrong may be a substitute, or a slip that somebody ought to see."""
    codes = [row.record.clinic_code for row in kept if isinstance(row, RecordRow)]
    if doubtful := sum(code is not None and not check_digits.clinic_code(code) for code in codes):
        structlog.get_logger().warning("clinic_code_check_digit", rows=doubtful)


def _shown(person: Person | None) -> Mapping[str, Any]:
    if person is None:
        return _NO_SUCH_PERSON
    record = {name: person.record[name] for name in _SHOWN}
    return {"record": record | {"vaccination_subject_no": person.vaccination_subject_no}}


def _pulled(record: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return _NO_SUCH_PERSON if record is None else {"record": record}
