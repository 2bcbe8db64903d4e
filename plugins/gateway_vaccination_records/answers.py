"""Turns the record system's answer into outcomes, trusting it for nothing but its own verdicts.

The rule: an answer counts as a whole or not at all. Whatever is not exactly one known answer for each row that was
asked is `Garbage`, and nothing in it is used.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.plugin import Accepted, DeferredRecord, Duplicate, JsonValue, Outcome, RefusedRecord
from gateway_vaccination_records.interface import FoundSubject


class Garbage(Exception):
    """The answer is not one that the system's contract allows."""


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


class _Stored(_Closed):
    rows: list[Annotated[_Taken | _Refused, Field(discriminator="status")]]


class _LookedUp(_Closed):
    rows: list[_Found | _Missing]


_Row: TypeAlias = _Taken | _Refused | _Found | _Missing
_Body = TypeVar("_Body", _Stored, _LookedUp)


def stored(answer: bytes, asked: Iterable[int]) -> dict[int, Outcome]:
    """The outcomes of `POST /v1/subjects`. Raises Garbage."""
    rows = _parse(_Stored, answer).rows
    _one_each(rows, asked)
    return {row.index: _outcome(row) for row in rows}


def looked_up(answer: bytes, asked: Iterable[int]) -> dict[int, Outcome]:
    """The outcomes of `POST /v1/subjects/lookup`. Raises Garbage.

    Whether an answer is about the person who was asked for is for the line to judge: there it is a dispute.
    """
    rows = _parse(_LookedUp, answer).rows
    _one_each(rows, asked)
    return {row.index: _found(row) for row in rows}


def _parse(model: type[_Body], answer: bytes) -> _Body:
    try:
        return model.model_validate_json(answer)
    except ValidationError:
        raise Garbage from None


def _one_each(rows: Sequence[_Row], asked: Iterable[int]) -> None:
    indices = [row.index for row in rows]
    if len(set(indices)) != len(indices) or set(indices) != set(asked):
        raise Garbage


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
