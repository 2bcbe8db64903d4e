"""The rows of tasks, as PMH reads them.

The rule: a task is read as a whole or not at all; each row has a number of its own.
"""

from typing import Annotated, ClassVar, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError


class Malformed(Exception):
    """What came is no task."""


class Row(BaseModel):
    """One row of a task. 変更区分 "1" is 登録/更新, "2" is 削除."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    rowNo: Annotated[int, Field(ge=0)]  # noqa: N815 - PMH's own name
    modificationSeg: Literal["1", "2"]  # noqa: N815 - PMH's own name
    myNumber: Annotated[str, StringConstraints(pattern="^[0-9]{12}$")]  # noqa: N815 - PMH's own name


class Asked(BaseModel):
    """One row of a confirmation task."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    rowNo: Annotated[int, Field(ge=0)]  # noqa: N815 - PMH's own name
    identityConfirmation: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z-]{1,64}$")]  # noqa: N815 - PMH's own


ROWS: Final = TypeAdapter(Annotated[list[Row], Field(min_length=1, max_length=1000)])
ASKED: Final = TypeAdapter(Annotated[list[Asked], Field(min_length=1, max_length=1000)])
_Row = TypeVar("_Row", Row, Asked)


def read(model: "TypeAdapter[list[_Row]]", body: bytes) -> "list[_Row]":
    """The rows of a body. Raises Malformed."""
    try:
        rows = model.validate_json(body)
    except ValidationError:  # its text may quote the body
        raise Malformed from None
    if len({row.rowNo for row in rows}) != len(rows):
        raise Malformed
    return rows
