"""The shapes of the HTTP API: closed, strict, and mute about the values that they hold.

The rule: what these models refuse never reaches an area; the refusal names a row's place and a field of ours, never a
value and never a key that the client made up.
"""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from gateway_vaccination_records.record_system.individual_number import valid

MOST_ROWS: Final = 1000
MOST_BATCHES: Final = 16


class Closed(BaseModel):
    """Refuses unknown keys, converts nothing, prints no value."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    __str__ = __repr__


def _check_digit(number: str) -> str:
    """A wrong one must not be kept (C168)."""
    if not valid(number):
        raise ValueError("check digit")
    return number


def _date(text: str) -> str:
    date.fromisoformat(text)
    return text


def _instant(text: str) -> str:
    datetime.fromisoformat(text)
    return text


def _text(longest: int) -> Any:
    return StringConstraints(min_length=1, max_length=longest, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")


def _code(pattern: str) -> Any:
    return StringConstraints(pattern=f"^(?:{pattern})$")


_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
InternalNo: TypeAlias = Annotated[str, _code("[0-9]{1,15}")]
MunicipalityCode: TypeAlias = Annotated[str, _code("[0-9]{6}")]
IndividualNumber: TypeAlias = Annotated[str, _code("[0-9]{12}"), AfterValidator(_check_digit)]
Date: TypeAlias = Annotated[str, _code(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), AfterValidator(_date)]
Instant: TypeAlias = Annotated[str, _code(_TIME), AfterValidator(_instant)]
UpdateSeq: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
RowIndex: TypeAlias = Annotated[int, Field(ge=0, le=2**31 - 1)]
PmhKey: TypeAlias = Annotated[str, _code("[0-9A-Za-z][0-9A-Za-z-]{0,63}")]
BatchId: TypeAlias = Annotated[str, _code("[0-9a-f]{32}")]
MessageId: TypeAlias = Annotated[str, _code("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")]


class RegisteredSubject(Closed):
    """接種対象者: one state of a person who may be vaccinated (K 別添2(1))."""

    internal_no: InternalNo
    municipality_code: MunicipalityCode
    individual_number: IndividualNumber | None = None
    name: Annotated[str, _text(100)]
    name_kana: Annotated[str, _text(100)]
    address: Annotated[str, _text(200)]
    birth_date: Date
    sex: Literal["1", "2", "9"]
    guardian_name: Annotated[str, _text(100)] | None = None
    resident_status: Literal["1", "2", "3", "4"]
    subject_category: Literal["A1", "A2", "B1", "R1"]
    municipality_business_id: Annotated[str, _code("[0-9A-Za-z][0-9A-Za-z-]{0,19}")] | None = None
    change_type: Literal["1", "2", "3"]
    deletion_event_date: Date | None = None
    updated_at: Instant
    update_seq: UpdateSeq
    control_flag_recovery: bool
    control_flag_nondisclosure: bool
    control_flag_view_suspended: bool


class DeletedSubject(Closed):
    """The state of no longer being held: a version like any other, so that it too cannot be overtaken."""

    internal_no: InternalNo
    municipality_code: MunicipalityCode
    change_type: Literal["1", "2", "3"]
    deletion_event_date: Date | None = None
    updated_at: Instant
    update_seq: UpdateSeq


class RegisterRow(Closed):
    """A state to keep."""

    index: RowIndex
    operation: Literal["register"]
    record: RegisteredSubject


class DeleteRow(Closed):
    """A deletion to keep."""

    index: RowIndex
    operation: Literal["delete"]
    record: DeletedSubject


class LookupRow(Closed):
    """A person to look up."""

    index: RowIndex
    internal_no: InternalNo
    municipality_code: MunicipalityCode


class KeyRow(Closed):
    """採番回答 (F44): the key and the number that it is for, and nothing else (C019)."""

    index: RowIndex
    pmh_key: PmhKey
    individual_number: IndividualNumber


class UnansweredRow(Closed):
    """No key came for this row, and why."""

    index: RowIndex
    code: Annotated[str, _code("[a-z][a-z0-9_]{0,63}")]


SubjectRow: TypeAlias = Annotated[RegisterRow | DeleteRow, Field(discriminator="operation")]


class _Rows(Closed):
    """Rows are answered by index, so an index may stand only once."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        rows: tuple[RegisterRow | DeleteRow | LookupRow | KeyRow | UnansweredRow, ...] = getattr(self, "rows", ())
        if len({row.index for row in rows}) != len(rows):
            raise ValueError("an index stands twice")
        return self


class SubjectsBody(_Rows):
    """`POST /v1/subjects`. (`message_id`, `index`) names a row for ever: its first outcome stands."""

    message_id: MessageId
    rows: Annotated[list[SubjectRow], Field(min_length=1, max_length=MOST_ROWS)]


class LookupBody(_Rows):
    """`POST /v1/subjects/lookup`."""

    rows: Annotated[list[LookupRow], Field(min_length=1, max_length=MOST_ROWS)]


class KeyBatchBody(Closed):
    """`POST /v1/key-batch`."""

    most: Annotated[int, Field(ge=1, le=MOST_ROWS)]
    besides: Annotated[list[BatchId], Field(max_length=MOST_BATCHES)] = []


class KeyAnswersBody(_Rows):
    """`POST /v1/key-answers`. Without `batch` it is an answer that came when nobody awaited it any more."""

    batch: BatchId | None = None
    rows: Annotated[list[KeyRow | UnansweredRow], Field(min_length=1, max_length=MOST_ROWS)]


class Place(Closed):
    """Where a body is malformed: the row's position in the array, and a field of ours, or None where there is none."""

    row: int | None
    path: str | None


_KNOWN: Final = frozenset(
    name
    for model in (
        *(RegisteredSubject, DeletedSubject, RegisterRow, LookupRow, SubjectsBody),
        *(KeyBatchBody, KeyAnswersBody, KeyRow, UnansweredRow),
    )
    for name in model.model_fields
)


def places(error: ValidationError, most: int = 20) -> list[Place]:
    """The first places of a malformed body. An unknown key has no path: its name is the client's own."""
    found = []
    for each in error.errors(include_url=False, include_context=False, include_input=False)[:most]:
        row = next((part for part in each["loc"] if isinstance(part, int)), None)
        last = each["loc"][-1] if each["loc"] else None
        ours = isinstance(last, str) and last in _KNOWN and each["type"] != "extra_forbidden"
        found.append(Place(row=row, path=str(last) if ours else None))
    return found
