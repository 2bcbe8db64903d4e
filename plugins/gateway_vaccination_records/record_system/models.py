"""The shapes of subjects and PMH keys in the HTTP API."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from gateway_vaccination_records.record_system.closed import (
    MOST_BATCHES,
    MOST_ROWS,
    BatchId,
    Closed,
    Code,
    Date,
    IndividualNumber,
    Instant,
    InternalNo,
    MessageId,
    MunicipalityCode,
    PmhKey,
    RowIndex,
    Rows,
    UpdateSeq,
    code,
    text,
)


class RegisteredSubject(Closed):
    """接種対象者: one state of a person who may be vaccinated (K 別添2(1))."""

    internal_no: InternalNo
    municipality_code: MunicipalityCode
    individual_number: IndividualNumber | None = None
    name: Annotated[str, text(100)]
    name_kana: Annotated[str, text(100)]
    address: Annotated[str, text(200)]
    birth_date: Date
    sex: Literal["1", "2", "9"]
    guardian_name: Annotated[str, text(100)] | None = None
    fee_reduction_category: Literal["0", "1", "2"] | None = None
    resident_status: Literal["1", "2", "3", "4"]
    subject_category: Literal["A1", "A2", "B1", "R1"]
    municipality_business_id: Annotated[str, code("[0-9A-Za-z][0-9A-Za-z-]{0,19}")] | None = None
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
    code: Code


SubjectRow: TypeAlias = Annotated[RegisterRow | DeleteRow, Field(discriminator="operation")]


class SubjectsBody(Rows):
    """`POST /v1/subjects`. (`message_id`, `index`) names a row for ever: its first outcome stands."""

    message_id: MessageId
    rows: Annotated[list[SubjectRow], Field(min_length=1, max_length=MOST_ROWS)]


class LookupBody(Rows):
    """`POST /v1/subjects/lookup`."""

    rows: Annotated[list[LookupRow], Field(min_length=1, max_length=MOST_ROWS)]


class KeyBatchBody(Closed):
    """`POST /v1/key-batch`."""

    most: Annotated[int, Field(ge=1, le=MOST_ROWS)]
    besides: Annotated[tuple[BatchId, ...], Field(max_length=MOST_BATCHES, strict=False)] = ()


class KeyAnswersBody(Rows):
    """`POST /v1/key-answers`. Without `batch` it is an answer that came when nobody awaited it any more."""

    batch: BatchId | None = None
    rows: Annotated[list[KeyRow | UnansweredRow], Field(min_length=1, max_length=MOST_ROWS)]
