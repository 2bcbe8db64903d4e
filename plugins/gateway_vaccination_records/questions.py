"""The two questions of the record system: which key a number has (F43, F44), and which ID5 a key has (F56, F58)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.plugin import Answer
from gateway_vaccination_records import answers, due
from gateway_vaccination_records.answers import Batch
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import RecordSystem


class KeyQuestion:
    """PMH keys, by individual number. See `gateway_vaccination_records.asking.Question`."""

    about = "keys"
    operation = "pmh_key.issue"
    named_by = "individual_number"
    at_once = 2

    def __init__(self, system: RecordSystem, settings: Settings) -> None:
        self._system = system
        self._settings = settings

    async def draw(self, besides: Iterable[str]) -> Batch | None:
        """A batch of numbers. Raises Later."""
        most = self._settings.rows_per_request
        body = {"most": most, "besides": list(besides)}
        return answers.key_batch(await self._system.post("/v1/key-batch", body, self._settings.answer_timeout, most))

    async def give(self, batch: str | None, answered: Sequence[Answer], seconds: float | None) -> Mapping[int, str]:
        """Have the keys kept. Raises Later."""
        rows = [{"index": each.index, **_told(each)} for each in answered]
        body, patience = {"batch": batch, "rows": rows}, seconds or self._settings.answer_timeout
        answer = await self._system.post("/v1/key-answers", body, patience, len(rows))
        return answers.key_answers(answer, [each.index for each in answered])


class Id5Question:
    """ID5, by PMH key. What got none is asked again later: who is newly insured may have one then."""

    about = "id5"
    operation = "id5.fetch"
    named_by = "pmh_key"
    at_once = 1

    def __init__(self, system: RecordSystem, settings: Settings) -> None:
        self._system = system
        self._settings = settings

    async def draw(self, _: Iterable[str]) -> Batch | None:
        """A batch of keys; there is one at a time. Raises Later."""
        return await due.batch(self._system, self._settings, "id5", self._settings.rows_per_request)

    async def give(self, batch: str | None, answered: Sequence[Answer], seconds: float | None) -> Mapping[int, str]:
        """Have the ID5 kept. Raises Later."""
        rows = [_ended(each) for each in answered]
        return await due.end(self._system, "id5", batch, rows, seconds or self._settings.answer_timeout)


def _told(answer: Answer) -> Mapping[str, Any]:
    return {"code": answer.code} if answer.record is None else answer.record


def _ended(answer: Answer) -> Mapping[str, Any]:
    status = "again" if answer.record is None else "done"
    return {"index": answer.index, "status": status, "code": answer.code, "record": answer.record}
