"""The residents' addresses: pseudonyms are linked, questionnaires asked for and filled in, own records shown."""

from collections.abc import Iterable
from functools import partial

import structlog
from aiohttp import web

from gateway_vaccination_records.record_system.http import EVENT_ANSWERS, Desks, read, rows
from gateway_vaccination_records.record_system.resident_models import AskedRecords, FilledIn, LinksBody, WantedTemplate
from gateway_vaccination_records.record_system.row_models import Asked, Told
from gateway_vaccination_records.record_system.versions import Verdict


class ResidentApi:
    """See the README for the bodies."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks

    def routes(self) -> Iterable[web.RouteDef]:
        """The addresses."""
        return (
            web.post("/v1/residents/links", self.links),
            web.post("/v1/residents/templates", self.templates),
            web.post("/v1/residents/questionnaires", self.questionnaires),
            web.post("/v1/residents/records", self.records),
        )

    async def links(self, request: web.Request) -> web.Response:
        """Link pseudonyms to PMH keys, and note deletions of keys; a dispute is alarmed here."""
        desk = self._desks.of(request)
        body = await read(request, LinksBody)
        verdicts = await desk.ask(partial(desk.area.link, body.message_id, body.rows))
        if disputes := sum(each is Verdict.DISPUTE for each in verdicts.values()):
            structlog.get_logger().error("dispute", rows=disputes)
        return rows([{"index": row.index, **EVENT_ANSWERS[verdicts.get(row.index)]} for row in body.rows])

    async def templates(self, request: web.Request) -> web.Response:
        """The questionnaires of doses that are due."""
        desk = self._desks.of(request)
        body = await read(request, Asked[WantedTemplate])
        answers = await desk.ask(partial(desk.area.residents.templates, body.rows))
        return rows([{"index": row.index, **answers[row.index]} for row in body.rows])

    async def questionnaires(self, request: web.Request) -> web.Response:
        """Keep what was answered beforehand; durable before it is answered."""
        desk = self._desks.of(request)
        body = await read(request, Told[FilledIn])
        answers = await desk.ask(partial(desk.area.residents.questionnaires, body.message_id, body.rows))
        return rows([{"index": row.index, **answers[row.index]} for row in body.rows])

    async def records(self, request: web.Request) -> web.Response:
        """Persons' own records and notices."""
        desk = self._desks.of(request)
        body = await read(request, Asked[AskedRecords])
        answers = await desk.ask(partial(desk.area.residents.records, body.rows))
        return rows([{"index": row.index, **answers[row.index]} for row in body.rows])
