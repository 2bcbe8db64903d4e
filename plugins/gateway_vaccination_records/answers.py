"""Turns the record system's answer into outcomes, trusting it for nothing but its own verdicts.

The rule: an answer counts as a whole or not at all. Whatever is not exactly one known answer for each row that was
asked is garbage: nothing in it is used, and `Later` is raised.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar, cast

import jiter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.plugin import Accepted, DeferredRecord, Duplicate, JsonValue, Outcome, Payload, RefusedRecord
from gateway.plugin.exchange import Later


class _Closed(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        defer_build=True,  # each kind of answer is built when the first one comes
    )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


class _Taken(_Closed):
    index: int
    status: Literal["accepted", "duplicate", "busy"]


class _Refused(_Closed):
    index: int
    status: Literal["refused"]
    code: Literal[
        "superseded",
        "version_conflict",
        "out_of_range",
        "no_such_person",
        "dose_exists",
        "not_yours",
        "item_exists",
        "individual_number_in_text",
        "dispute",
    ]
    path: Literal["updated_at", "vaccination_management_id"] | None = None


class _Judged(_Closed):
    rows: list[Annotated[_Taken | _Refused, Field(discriminator="status")]]


class _Given(_Closed):
    index: int
    record: dict[str, JsonValue]


class _Denied(_Closed):
    index: int
    code: Literal[
        "no_such_person",
        "no_such_template",
        "unknown_item",
        "wrong_answer_kind",
        "too_many_answers",
        "expired_questionnaire",
        "dose_exists",
        "not_yours",
        "wrong_setting",
        "superseded",
        "version_conflict",
        "out_of_range",
        "confirmation_wanted",
    ]


class _Answered(_Closed):
    rows: list[_Given | _Denied]


class _Wanted(_Closed):
    index: int
    individual_number: str


class _KeyBatch(_Closed):
    rows: list[_Wanted]
    batch: str | None = None


class _DueBatch(_Closed):
    rows: list[_Given]
    batch: str | None = None


class _KeySaid(_Closed):
    index: int
    status: Literal["stored", "dispute", "later"]


class _KeyAnswers(_Closed):
    rows: list[_KeySaid]


class _EndSaid(_Closed):
    index: int
    status: Literal["kept", "dispute"]


class _Ended(_Closed):
    rows: list[_EndSaid]


_Count: TypeAlias = Annotated[int, Field(ge=0)]


class _Healthy(_Closed):
    status: Literal["ok"]
    disputes: _Count
    refused: _Count
    notices_asleep: _Count


class _Row(Protocol):
    @property
    def index(self) -> int: ...


_Body = TypeVar("_Body", bound=_Closed)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records that the record system wants asked or sent, in their order. `id` is stable until it ends."""

    id: str
    records: tuple[Mapping[str, JsonValue], ...] = field(repr=False)


# ---- what was handed over -----------------------------------------------------------------------------------------


def judged(answer: bytes, asked: Iterable[int]) -> dict[int, Outcome]:
    """The outcomes of rows that are judged. Raises Later."""
    rows = _parse(_Judged, answer).rows
    _one_each(rows, asked)
    return {row.index: _outcome(row) for row in rows}


def answered(answer: bytes, asked: Mapping[int, Payload], reply: type[Payload]) -> dict[int, Outcome]:
    """The outcomes of rows that are answered by a record of that shape or by a code. Raises Later.

    An answer that names another person, or another thing, than was asked for is a dispute.
    """
    outcomes, wanted = visited(answer, asked, reply)
    if wanted:
        raise _garbage()
    return outcomes


def visited(
    answer: bytes, asked: Mapping[int, Payload], reply: type[Payload]
) -> tuple[dict[int, Outcome], frozenset[int]]:
    """The same for a clinic's rows, and those that want PMH's confirmation first. Raises Later."""
    rows = _parse(_Answered, answer).rows
    _one_each(rows, asked)
    wanted = frozenset(row.index for row in rows if isinstance(row, _Denied) and row.code == "confirmation_wanted")
    return {row.index: _found(row, asked[row.index], reply) for row in rows if row.index not in wanted}, wanted


# ---- what is asked and sent ---------------------------------------------------------------------------------------


def key_batch(answer: bytes) -> Batch | None:
    """Numbers that keys are wanted for, of `POST /v1/key-batch`; None if there are none. Raises Later."""
    found = _parse(_KeyBatch, answer)
    return _batch(found.batch, found.rows, [{"individual_number": row.individual_number} for row in found.rows])


def due_batch(answer: bytes) -> Batch | None:
    """Records to ask or send, of `POST /v1/due`; None if there are none. The line holds them to the interface. Raises
    Later.
    """
    found = _parse(_DueBatch, answer)
    return _batch(found.batch, found.rows, [row.record for row in found.rows])


def key_answers(answer: bytes, told: Iterable[int]) -> dict[int, str]:
    """What the system says of each row, of `POST /v1/key-answers`. Raises Later."""
    rows = _parse(_KeyAnswers, answer).rows
    _one_each(rows, told)
    return {row.index: row.status for row in rows}


def ended(answer: bytes, told: Iterable[int]) -> dict[int, str]:
    """What the system says of each row, of `POST /v1/due/ended`. Raises Later."""
    rows = _parse(_Ended, answer).rows
    _one_each(rows, told)
    return {row.index: row.status for row in rows}


def waiting(answer: bytes) -> dict[str, int]:
    """How much waits for people, by its name, of `GET /v1/health`. Raises Later."""
    return _parse(_Healthy, answer).model_dump(exclude={"status"})


def _garbage() -> Later:
    return Later("system_unreachable")


def _parse(model: type[_Body], answer: bytes) -> _Body:
    """A key that stands twice is garbage, too: of two flags nobody knows which holds."""
    try:
        # "keys": jiter would keep values in a cache of the process, long after their answer has gone.
        plain = jiter.from_json(answer, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
        return model.model_validate(plain)
    except ValueError:  # pydantic's ValidationError is one; the texts of both may quote the answer
        raise _garbage() from None


def _one_each(rows: Sequence[_Row], asked: Iterable[int]) -> None:
    indices = [row.index for row in rows]
    if len(set(indices)) != len(indices) or set(indices) != set(asked):
        raise _garbage()


def _batch(batch: str | None, rows: Sequence[_Row], records: Sequence[Mapping[str, Any]]) -> Batch | None:
    """Rows have indices from 0 in their order; without an id there are none."""
    if [row.index for row in rows] != list(range(len(rows))) or bool(rows) != bool(batch):
        raise _garbage()
    return Batch(batch, tuple(records)) if batch else None


def _found(row: _Given | _Denied, asked: Payload, reply: type[Payload]) -> Outcome:
    if isinstance(row, _Denied):
        return RefusedRecord(row.code)
    try:
        record = reply.model_validate(row.record)
    except ValidationError:  # that of one person: the system itself can be reached
        raise Later("connector_bug") from None
    told = record.model_dump(exclude_none=True)
    for name, value in asked.model_dump(exclude_none=True).items():
        if told.get(name, value) != value:
            return RefusedRecord("dispute", name)
    return Accepted(reply=cast(Mapping[str, JsonValue], told))


def _outcome(row: _Taken | _Refused) -> Outcome:
    match row.status:
        case "accepted":
            return Accepted()
        case "duplicate":
            return Duplicate()
        case "busy":
            return DeferredRecord("system_busy")
        case "refused":
            return RefusedRecord(row.code, row.path)
