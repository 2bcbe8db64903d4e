"""Turns the record system's answer into outcomes, trusting it for nothing but its own verdicts.

The rule: an answer counts as a whole or not at all. Whatever is not exactly one known answer for each row that was
asked is garbage: nothing in it is used, and `Later` is raised.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.plugin import Accepted, DeferredRecord, Duplicate, JsonValue, Outcome, RefusedRecord
from gateway_vaccination_records.interface.subject import FoundSubject
from gateway_vaccination_records.system import Later


class _Closed(BaseModel):
    # "keys": values would stay in a cache of the process, long after their answer has gone.
    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, cache_strings="keys"
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
    code: Literal["superseded", "version_conflict", "out_of_range", "no_such_person"]
    path: Literal["updated_at"] | None = None


class _Found(_Closed):
    index: int
    record: FoundSubject


class _Missing(_Closed):
    index: int
    code: Literal["no_such_person"]


class _Wanted(_Closed):
    index: int
    individual_number: str


class _KeyBatch(_Closed):
    """Rows with indices from 0 in their order; without `batch` there are none."""

    rows: list[_Wanted]
    batch: str | None = None


class _Said(_Closed):
    index: int
    status: Literal["stored", "dispute", "later"]


class _KeyAnswers(_Closed):
    rows: list[_Said]


class _Healthy(_Closed):
    status: Literal["ok"]
    disputes: Annotated[int, Field(ge=0)]


class _Stored(_Closed):
    rows: list[Annotated[_Taken | _Refused, Field(discriminator="status")]]


class _LookedUp(_Closed):
    rows: list[_Found | _Missing]


_Row: TypeAlias = _Taken | _Refused | _Found | _Missing | _Said
_Body = TypeVar("_Body", bound=_Closed)


def stored(answer: bytes, asked: Iterable[int]) -> dict[int, Outcome]:
    """The outcomes of `POST /v1/subjects`. Raises Later."""
    rows = _parse(_Stored, answer).rows
    _one_each(rows, asked)
    return {row.index: _outcome(row) for row in rows}


def looked_up(answer: bytes, asked: Iterable[int]) -> dict[int, Outcome]:
    """The outcomes of `POST /v1/subjects/lookup`. Raises Later.

    Whether an answer is about the person who was asked for is for the line to judge: there it is a dispute.
    """
    rows = _parse(_LookedUp, answer).rows
    _one_each(rows, asked)
    return {row.index: _found(row) for row in rows}


def key_batch(answer: bytes) -> tuple[str | None, list[str]]:
    """A batch and the numbers that keys are wanted for, of `POST /v1/key-batch`. Raises Later."""
    found = _parse(_KeyBatch, answer)
    if [row.index for row in found.rows] != list(range(len(found.rows))) or bool(found.rows) != bool(found.batch):
        raise _garbage()
    return found.batch, [row.individual_number for row in found.rows]


def key_answers(answer: bytes, told: Iterable[int]) -> dict[int, str]:
    """What the system says of each row, of `POST /v1/key-answers`. Raises Later."""
    rows = _parse(_KeyAnswers, answer).rows
    _one_each(rows, told)
    return {row.index: row.status for row in rows}


def late(said: Mapping[int, str]) -> dict[int, Outcome]:
    """The same as outcomes of a reply that was delivered late."""
    ends: dict[str, Outcome] = {
        "stored": Accepted(),
        "dispute": RefusedRecord("dispute", "individual_number"),
        "later": DeferredRecord("system_busy"),
    }
    return {index: ends[status] for index, status in said.items()}


def disputes(answer: bytes) -> int:
    """How many disputes wait for people, of `GET /v1/health`. Raises Later."""
    return _parse(_Healthy, answer).disputes


def _garbage() -> Later:
    return Later("system_unreachable")


def _parse(model: type[_Body], answer: bytes) -> _Body:
    try:
        return model.model_validate_json(answer)
    except ValidationError:
        raise _garbage() from None


def _one_each(rows: Sequence[_Row], asked: Iterable[int]) -> None:
    indices = [row.index for row in rows]
    if len(set(indices)) != len(indices) or set(indices) != set(asked):
        raise _garbage()


def _found(row: _Found | _Missing) -> Outcome:
    if isinstance(row, _Missing):
        return RefusedRecord(row.code)
    return Accepted(reply=cast(Mapping[str, JsonValue], row.record.model_dump()))


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
