"""Turns the database's answer to doses into an outcome per record.

The rule: an answer counts as a whole or not at all. What is not exactly one known answer for each row that was sent is
garbage: nothing in it is used, and `Later` is raised.
"""

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal

import jiter
from pydantic import BaseModel, ConfigDict, Field

from gateway.plugin import Accepted, DeferredRecord, Duplicate, Outcome, RefusedRecord
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
    code: Literal["superseded", "version_conflict", "refused_by_system"]


class _Rows(_Closed):
    rows: list[Annotated[_Taken | _Refused, Field(discriminator="status")]]


def registered(answer: bytes, sent: Collection[int]) -> dict[int, Outcome]:
    """The outcomes of `POST /v1/doses`. Raises Later."""
    try:
        # "keys": jiter would keep values in a cache of the process, long after their answer has gone.
        plain = jiter.from_json(answer, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
        rows = _Rows.model_validate(plain).rows
    except ValueError:  # pydantic's ValidationError is one; the texts of both may quote the answer
        raise Later("system_unreachable") from None
    if sorted(row.index for row in rows) != sorted(sent):
        raise Later("system_unreachable")
    return {row.index: _outcome(row) for row in rows}


def _outcome(row: _Taken | _Refused) -> Outcome:
    match row.status:
        case "accepted":
            return Accepted()
        case "duplicate":
            return Duplicate()
        case "busy":
            return DeferredRecord("system_busy")
        case "refused":
            return RefusedRecord(row.code)
