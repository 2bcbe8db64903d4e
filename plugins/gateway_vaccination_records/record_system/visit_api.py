"""The clinics' addresses, and that of the confirmations which allow them to ask: visits, examinations, vaccinations."""

from collections.abc import Iterable
from functools import partial

from aiohttp import web

from gateway_vaccination_records.record_system.http import EVENT_ANSWERS, Desks, read, rows
from gateway_vaccination_records.record_system.row_models import Asked, Told
from gateway_vaccination_records.record_system.visit_models import (
    AskedVisit,
    Examination,
    FoundConfirmation,
    Vaccination,
)


class VisitApi:
    """See the README for the bodies."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks

    def routes(self) -> Iterable[web.RouteDef]:
        """The addresses."""
        return (
            web.post("/v1/confirmations", self.confirmations),
            web.post("/v1/visits/queries", self.queries),
            web.post("/v1/visits/examinations", self.examinations),
            web.post("/v1/visits/vaccinations", self.vaccinations),
        )

    async def confirmations(self, request: web.Request) -> web.Response:
        """Keep what PMH has confirmed."""
        desk = self._desks.of(request)
        body = await read(request, Asked[FoundConfirmation])
        verdicts = await desk.ask(partial(desk.area.confirm, body.rows))
        return rows([{"index": row.index, **EVENT_ANSWERS[verdicts[row.index]]} for row in body.rows])

    async def queries(self, request: web.Request) -> web.Response:
        """What a clinic may see of the one person whose confirmation it has."""
        desk = self._desks.of(request)
        body = await read(request, Asked[AskedVisit])
        answers = await desk.ask(partial(desk.area.visits.queries, body.rows))
        return rows([{"index": row.index, **answers[row.index]} for row in body.rows])

    async def examinations(self, request: web.Request) -> web.Response:
        """Keep the doctor's part of a questionnaire; durable before it is answered."""
        desk = self._desks.of(request)
        body = await read(request, Told[Examination])
        answers = await desk.ask(partial(desk.area.visits.examinations, body.message_id, body.rows))
        return rows([{"index": row.index, **answers[row.index]} for row in body.rows])

    async def vaccinations(self, request: web.Request) -> web.Response:
        """Keep, correct or delete a dose that was given; durable before it is answered."""
        desk = self._desks.of(request)
        body = await read(request, Told[Vaccination])
        answers = await desk.ask(partial(desk.area.visits.vaccinations, body.message_id, body.rows))
        return rows([{"index": row.index, **answers[row.index]} for row in body.rows])
