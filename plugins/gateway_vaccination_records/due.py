"""What the record system has due, by kind: drawn as a batch that stays the same until it is told what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gateway_vaccination_records import answers
from gateway_vaccination_records.answers import Batch
from gateway_vaccination_records.settings import Settings
from gateway_vaccination_records.system import RecordSystem

_ROW_BYTES: Final = 16 * 1024


async def batch(
    system: RecordSystem, settings: Settings, kind: str, most: int, besides: Iterable[str] = ()
) -> Batch | None:
    """At most so many records of a kind, in none of the batches `besides`; None if none is due. Raises Later."""
    body = {"kind": kind, "most": most, "besides": list(besides)}
    return answers.due_batch(await system.post("/v1/due", body, settings.answer_timeout, most, _ROW_BYTES))


async def end(
    system: RecordSystem, kind: str, batch: str | None, rows: Sequence[Mapping[str, Any]], seconds: float
) -> Mapping[int, str]:
    """Tell what became of a batch; what the system says of each row. Without a batch they came late. Raises Later."""
    body = {"kind": kind, "batch": batch, "rows": rows}
    answer = await system.post("/v1/due/ended", body, seconds, len(rows))
    return answers.ended(answer, [row["index"] for row in rows])
