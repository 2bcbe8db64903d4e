"""Turns the system's answer to an inquiry into an outcome per record: the ID5 of exactly the key that was sent.

The rule: an answer counts as a whole or not at all. What is not exactly one known answer for each row is garbage:
nothing in it is used, and `Later` is raised. What joins two persons is a dispute, and nobody's ID5 (I12).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import jiter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.plugin import Accepted, DeferredRecord, Outcome, RefusedRecord
from gateway.plugin.exchange import Later

_Number = Annotated[str, StringConstraints(min_length=1, max_length=64)]


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


class _Found(_Closed):
    index: int
    status: Literal["found"]
    pmh_key: _Number
    id5: _Number


class _NotFound(_Closed):
    index: int
    status: Literal["unknown", "busy"]


class _Rows(_Closed):
    rows: list[Annotated[_Found | _NotFound, Field(discriminator="status")]]


def found(answer: bytes, asked: Mapping[int, str]) -> dict[int, Outcome]:
    """An outcome for each row of `asked` (row → key sent). Raises Later."""
    try:
        # "keys": jiter would keep values in a cache of the process, long after their answer has gone.
        plain = jiter.from_json(answer, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
        rows = _Rows.model_validate(plain).rows
    except ValueError:  # pydantic's ValidationError is one; the texts of both may quote the answer
        raise Later("system_unreachable") from None
    if sorted(row.index for row in rows) != sorted(asked):
        raise Later("system_unreachable")
    often = Counter(row.id5 for row in rows if isinstance(row, _Found))
    return {row.index: _outcome(row, asked[row.index], often) for row in rows}


def _outcome(row: _Found | _NotFound, sent: str, often: Mapping[str, int]) -> Outcome:
    if isinstance(row, _NotFound):
        return DeferredRecord("system_busy") if row.status == "busy" else RefusedRecord("no_such_person", "pmh_key")
    if row.pmh_key != sent:  # byte for byte: the ID5 of somebody else
        return RefusedRecord("dispute", "pmh_key")
    if often[row.id5] > 1 or row.id5 == sent:  # it would join two persons, or carry the key to the research side
        return RefusedRecord("dispute", "id5")
    return Accepted(reply={"pmh_key": row.pmh_key, "id5": row.id5})
