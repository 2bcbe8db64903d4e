"""The addresses of what this system wants asked and sent: PMH keys, and whatever else is due."""

from collections.abc import Iterable
from functools import partial

import structlog
from aiohttp import web

from gateway_vaccination_records.record_system.http import Desks, answer, read, rows
from gateway_vaccination_records.record_system.keys import Said as KeySaid
from gateway_vaccination_records.record_system.ledger_models import DueBody, EndedBody
from gateway_vaccination_records.record_system.models import KeyAnswersBody, KeyBatchBody
from gateway_vaccination_records.record_system.outgoing import Said


class SendingApi:
    """See the README for the bodies. Disputes are alarmed here."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks

    def routes(self) -> Iterable[web.RouteDef]:
        """The addresses."""
        return (
            web.post("/v1/key-batch", self.key_batch),
            web.post("/v1/key-answers", self.key_answers),
            web.post("/v1/due", self.due),
            web.post("/v1/due/ended", self.due_ended),
        )

    async def key_batch(self, request: web.Request) -> web.Response:
        """Numbers to ask PMH keys for; the same batches until they are answered. No `batch`: none is due."""
        desk = self._desks.of(request)
        body = await read(request, KeyBatchBody)
        batch = await desk.ask(partial(desk.area.key_batch, body.most, body.besides))
        if batch is None:
            return rows([])
        numbers = [{"index": index, "individual_number": number} for index, number in enumerate(batch.numbers)]
        return answer({"batch": batch.id, "rows": numbers})

    async def key_answers(self, request: web.Request) -> web.Response:
        """Keep the keys that were issued."""
        desk = self._desks.of(request)
        body = await read(request, KeyAnswersBody)
        said = await desk.ask(partial(desk.area.key_answers, body.batch, body.rows))
        _alarm(sum(each is KeySaid.DISPUTE for each in said.values()))
        return rows([{"index": row.index, "status": said[row.index]} for row in body.rows])

    async def due(self, request: web.Request) -> web.Response:
        """The records of one kind to send; the same ones until they are ended. No `batch`: none can be sent now."""
        desk = self._desks.of(request)
        body = await read(request, DueBody)
        sending = await desk.ask(partial(desk.area.due, body.kind, body.most, body.besides))
        if sending is None:
            return rows([])
        records = [{"index": index, "record": record} for index, record in enumerate(sending.records)]
        return answer({"batch": sending.id, "rows": records})

    async def due_ended(self, request: web.Request) -> web.Response:
        """Take in what became of them, and the ID5 that were answered."""
        desk = self._desks.of(request)
        body = await read(request, EndedBody)
        said = await desk.ask(partial(desk.area.due_ended, body.kind, body.batch, body.rows))
        _alarm(sum(each is Said.DISPUTE for each in said.values()))
        return rows([{"index": row.index, "status": said[row.index]} for row in body.rows])


def _alarm(disputes: int) -> None:
    if disputes:
        structlog.get_logger().error("dispute", rows=disputes)
