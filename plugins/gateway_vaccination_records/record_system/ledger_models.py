"""The shapes of what the city registers besides subjects, of what it pulls, and of what is due to be sent."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from gateway_vaccination_records.record_system.closed import (
    MOST_BATCHES,
    MOST_ROWS,
    BatchId,
    ClinicCode,
    Closed,
    Code,
    Date,
    Gtin,
    Id,
    Instant,
    InternalNo,
    MessageId,
    MunicipalityCode,
    PmhKey,
    RowIndex,
    Rows,
    ShortId,
    UpdateSeq,
    code,
    text,
)

DueKind: TypeAlias = Literal["notice", "return", "id5", "research"]


class TemplateItem(Closed):
    """One question."""

    item_id: ShortId
    question_text: Annotated[str, text(500)]
    answer_kind: Literal["yesno", "text", "number", "date"]


DOCTORS_ITEMS: Final = {
    "doctor_judgement": ("doctor-judgement", "医師記入欄(可否)"),
    "doctor_name": ("doctor-name", "医師名"),
    "doctor_note": ("doctor-note", "医師記入欄(所見)"),
}
"""The doctor's part, by field: the item id and the question under which it follows the answers."""


class RegisteredTemplate(Closed):
    """予診票ひな形 (F40): about a vaccination, not about a person."""

    vaccination_setting_id: ShortId
    template_name: Annotated[str, text(100)]
    items: list[TemplateItem]
    updated_at: Instant
    update_seq: UpdateSeq


class RegisteredManagement(Closed):
    """予防接種管理情報 (F41): one dose that a person is due."""

    internal_no: InternalNo
    municipality_code: MunicipalityCode
    vaccination_management_id: Id
    vaccination_setting_id: ShortId
    combination_no: ShortId | None = None
    not_eligible_flag: bool
    forced_expiry_date: Date
    recommendation_rule_id: ShortId | None = None
    recommendation_date: Date | None = None
    updated_at: Instant
    update_seq: UpdateSeq


class DoseGiven(Closed):
    """What city and clinics say alike of a dose that a person had (K 別添2(4))."""

    vaccination_management_id: Id
    vaccination_setting_id: ShortId
    vaccinated_on: Date
    consent_flag: bool
    doctor_name: Annotated[str, text(100)] | None = None
    place: Annotated[str, text(100)] | None = None
    implementation_type: Literal["1", "2", "3"] | None = None
    vaccination_type: Literal["1", "2", "3"] | None = None
    gtin: Gtin | None = None
    vaccine_maker: Annotated[str, text(100)] | None = None
    vaccine_generic_name: Annotated[str, text(100)] | None = None
    vaccine_common_name: Annotated[str, text(100)] | None = None
    vaccine_brand_name: Annotated[str, text(100)] | None = None
    lot_no: Annotated[str, code("[0-9A-Za-z][0-9A-Za-z-]{0,19}")] | None = None
    dose_volume: Annotated[str, code(r"[0-9]{1,2}(?:\.[0-9]{1,3})?")] | None = None
    injection_site: Literal["1", "2", "3", "4", "5"] | None = None
    injection_method: Literal["1", "2", "3", "4", "5"] | None = None
    vaccine_expiry_date: Date | None = None
    caution_flag: bool
    special_circumstances: Annotated[str, text(500)] | None = None
    overseas_flag: bool
    is_deleted: bool
    updated_at: Instant
    update_seq: UpdateSeq


class RegisteredRecord(DoseGiven):
    """接種記録 of the city's own ledger (F41)."""

    internal_no: InternalNo
    municipality_code: MunicipalityCode
    vaccination_record_id: Id
    clinic_code: ClinicCode | None = None
    subject_category: Literal["A1", "A2", "B1", "R1"]
    fee_reduction_category: Literal["0", "1", "2"] | None = None


class RegisteredNotice(Closed):
    """通知 to one person (F48)."""

    internal_no: InternalNo
    municipality_code: MunicipalityCode
    notice_id: Id
    notice_title: Annotated[str, text(100)]
    notice_text: Annotated[str, text(2000)]
    updated_at: Instant
    update_seq: UpdateSeq


class TemplateRow(Closed):
    """A template to keep."""

    index: RowIndex
    operation: Literal["template"]
    record: RegisteredTemplate


class ManagementRow(Closed):
    """A dose due to keep."""

    index: RowIndex
    operation: Literal["management"]
    record: RegisteredManagement


class RecordRow(Closed):
    """A dose had to keep."""

    index: RowIndex
    operation: Literal["record"]
    record: RegisteredRecord


class NoticeRow(Closed):
    """A notice to keep."""

    index: RowIndex
    operation: Literal["notice"]
    record: RegisteredNotice


Registration: TypeAlias = TemplateRow | ManagementRow | RecordRow | NoticeRow


class RegistrationsBody(Rows):
    """`POST /v1/registrations`. (`message_id`, `index`) names a row for ever: its first outcome stands."""

    message_id: MessageId
    rows: Annotated[
        list[Annotated[Registration, Field(discriminator="operation")]], Field(min_length=1, max_length=MOST_ROWS)
    ]


class PullRow(Closed):
    """A person whose records are pulled (F42)."""

    index: RowIndex
    internal_no: InternalNo
    municipality_code: MunicipalityCode


class PullBody(Rows):
    """`POST /v1/records/pull`."""

    rows: Annotated[list[PullRow], Field(min_length=1, max_length=MOST_ROWS)]


class DueBody(Closed):
    """`POST /v1/due`."""

    kind: DueKind
    most: Annotated[int, Field(ge=1, le=MOST_ROWS)]
    besides: Annotated[tuple[BatchId, ...], Field(max_length=MOST_BATCHES, strict=False)] = ()


class AnsweredId5(Closed):
    """The ID5, and the key that it is for (F58)."""

    pmh_key: PmhKey
    id5: Id


class EndedRow(Closed):
    """What became of one row: `again` wants it sent again later; an ID5 that was answered is `done` with a record."""

    index: RowIndex
    status: Literal["done", "refused", "again"]
    code: Code | None = None
    record: AnsweredId5 | None = None


class EndedBody(Rows):
    """`POST /v1/due/ended`. Without `batch` it is an answer that came when nobody awaited it any more."""

    kind: DueKind
    batch: BatchId | None = None
    rows: Annotated[list[EndedRow], Field(min_length=1, max_length=MOST_ROWS)]
