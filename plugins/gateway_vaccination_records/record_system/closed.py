"""What all shapes of the HTTP API have in common: closed, strict, and mute about the values that they hold.

The rule: what these shapes refuse never reaches an area; the refusal names a row's place and a field of ours, never a
value and never a key that the client made up.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final, Protocol, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from gateway_vaccination_records.record_system.check_digits import gtin, individual_number

MOST_ROWS: Final = 1000
MOST_BATCHES: Final = 16
_OURS: Final[set[str]] = set()
"""The names of all fields that our shapes have."""


class Closed(BaseModel):
    """Refuses unknown keys, converts nothing, prints no value."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Its fields are names of ours."""
        _OURS.update(cls.model_fields)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


def _check_digit(number: str) -> str:
    """A wrong one must not be kept (C168)."""
    if not individual_number(number):
        raise ValueError("check digit")
    return number


def _gtin(code: str) -> str:
    if not gtin(code):
        raise ValueError("check digit")
    return code


def _date(text: str) -> str:
    date.fromisoformat(text)
    return text


def _instant(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def text(longest: int) -> Any:
    """Free text without control characters, of at most so many characters."""
    return StringConstraints(min_length=1, max_length=longest, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")


def code(pattern: str) -> Any:
    """A text of exactly this form."""
    return StringConstraints(pattern=f"^(?:{pattern})$")


def _named(longest: int) -> Any:
    return code(rf"[0-9A-Za-z][0-9A-Za-z-]{{0,{longest - 1}}}")


_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
Id: TypeAlias = Annotated[str, _named(64)]
"""What somebody's system made up: letters, digits and dashes."""
ShortId: TypeAlias = Annotated[str, _named(32)]
InternalNo: TypeAlias = Annotated[str, code("[0-9]{1,15}")]
MunicipalityCode: TypeAlias = Annotated[str, code("[0-9]{6}")]
IndividualNumber: TypeAlias = Annotated[str, code("[0-9]{12}"), AfterValidator(_check_digit)]
PmhKey: TypeAlias = Id
ClinicCode: TypeAlias = Annotated[str, code("[0-9]{10}")]
"""Its check digit is a matter of warning only (interfaces §10.4)."""
Gtin: TypeAlias = Annotated[str, code("[0-9]{8}|[0-9]{12,14}"), AfterValidator(_gtin)]
Date: TypeAlias = Annotated[str, code(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), AfterValidator(_date)]
Instant: TypeAlias = Annotated[str, code(_TIME), AfterValidator(_instant)]
UpdateSeq: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
RowIndex: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
BatchId: TypeAlias = Annotated[str, code("[0-9a-f]{32}")]
MessageId: TypeAlias = Annotated[str, code("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")]
Code: TypeAlias = Annotated[str, code("[a-z][a-z0-9_]{0,63}")]


class Indexed(Protocol):
    """A row of a body."""

    @property
    def index(self) -> int: ...


class Rows(Closed):
    """Rows are answered by index, so an index may stand only once."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        rows: Sequence[Indexed] = getattr(self, "rows", ())
        if len({row.index for row in rows}) != len(rows):
            raise ValueError("an index stands twice")
        return self


class Place(Closed):
    """Where a body is malformed: the row's position in the array, and a field of ours, or None where there is none."""

    row: int | None
    path: str | None


def places(error: ValidationError, most: int = 20) -> list[Place]:
    """The first places of a malformed body. An unknown key has no path: its name is the client's own."""
    found = []
    for each in error.errors(include_url=False, include_context=False, include_input=False)[:most]:
        row = next((part for part in each["loc"] if isinstance(part, int)), None)
        last = each["loc"][-1] if each["loc"] else None
        ours = isinstance(last, str) and last in _OURS and each["type"] != "extra_forbidden"
        found.append(Place(row=row, path=str(last) if ours else None))
    return found
