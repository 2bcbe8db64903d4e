"""What the city has done at platform and server, and what it is told: people, replicas, inquiries, announcements.

団体内統合宛名番号, 符号 and 処理通番 are in no operation: the city speaks of people by 内部番号, and the link platform
converts (interfaces §3.1).
"""

from typing import Final

from gateway.plugin import ClaimName, Operation, Payload, fields
from gateway_intermediate_server.interface.network import Dose


class Addressee(Payload):
    """A person to whom 団体内統合宛名番号 is allocated from the individual number, inside the city (F20).

    The number goes no further than the link platform. `no_auto_response_flag` is the person's (C152).
    """

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    individual_number: fields.IndividualNumber
    name: fields.Name
    name_kana: fields.NameKana | None = None
    birth_date: fields.BirthDate
    sex: fields.Sex
    address: fields.Address
    no_auto_response_flag: fields.NoAutoResponseFlag
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class Replica(Payload):
    """副本 (F21): one dose as other bodies may be told of it, in one dataset record; the flag is the record's."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    dataset_code: fields.DatasetCode
    dataset_record_no: fields.DatasetRecordNo
    dataset_version: fields.DatasetVersion
    no_auto_response_flag: fields.NoAutoResponseFlag
    vaccinated_on: fields.VaccinatedOn
    vaccine_generic_name: fields.VaccineGenericName
    dose_no: fields.DoseNo | None = None
    vaccination_type: fields.VaccinationType | None = None
    implementation_type: fields.ImplementationType | None = None
    vaccine_maker: fields.VaccineMaker | None = None
    lot_no: fields.LotNo | None = None
    dose_volume: fields.DoseVolume | None = None
    overseas_flag: fields.OverseasFlag
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class ReplicaDeletion(Payload):
    """The original is erased, and so is its replica (F23, C119)."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    dataset_record_no: fields.DatasetRecordNo
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class Inquiry(Payload):
    """情報照会 (F24): what is asked of which body, by which 項 of the table and for which procedure."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    inquiry_no: fields.InquiryNo
    inquiry_row: fields.InquiryRow
    procedure_code: fields.ProcedureCode
    dataset_code: fields.DatasetCode
    provider_code: fields.ProviderCode
    inquiry_from: fields.InquiryFrom | None = None
    inquiry_to: fields.InquiryTo | None = None
    undisclosed_flag: fields.UndisclosedFlag


class Announcement(Payload):
    """お知らせ情報 to one person, over the network (F28)."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    notice_id: fields.NoticeId
    notice_title: fields.NoticeTitle
    notice_text: fields.NoticeText
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class InquiryAnswer(Payload):
    """The answer to an inquiry (F25); `doses` is absent where the other body has none."""

    internal_no: fields.InternalNo
    inquiry_no: fields.InquiryNo
    inquiry_status: fields.InquiryStatus
    inquiry_row: fields.InquiryRow
    dataset_code: fields.DatasetCode
    provider_code: fields.ProviderCode
    undisclosed_flag: fields.UndisclosedFlag
    doses: list[Dose] | None = None


class TaxItem(Payload):
    """What decides who pays (実費徴収の決定), of one tax year (C178): no income, no amount, no other person."""

    fiscal_year: fields.FiscalYear
    taxation_category: fields.TaxationCategory
    welfare_category: fields.WelfareCategory | None = None


class TaxAnswer(Payload):
    """The answer of tax and welfare (F25, rule 8); `tax_items` is absent where the other body has none."""

    internal_no: fields.InternalNo
    inquiry_no: fields.InquiryNo
    inquiry_status: fields.InquiryStatus
    inquiry_row: fields.InquiryRow
    dataset_code: fields.DatasetCode
    provider_code: fields.ProviderCode
    undisclosed_flag: fields.UndisclosedFlag
    tax_items: list[TaxItem] | None = None


class InquiryEnd(Payload):
    """An inquiry that ended without an answer: refused by the network or by the other body, or aborted."""

    internal_no: fields.InternalNo
    inquiry_no: fields.InquiryNo
    inquiry_status: fields.InquiryStatus
    inquiry_row: fields.InquiryRow
    provider_code: fields.ProviderCode


class AnnouncementStatus(Payload):
    """What became of an announcement (C193)."""

    internal_no: fields.InternalNo
    notice_id: fields.NoticeId
    announcement_response: fields.AnnouncementResponse


class ExportedReplica(Payload):
    """One replica as it is kept, to be held against the original."""

    dataset_code: fields.DatasetCode
    dataset_record_no: fields.DatasetRecordNo
    dataset_version: fields.DatasetVersion
    no_auto_response_flag: fields.NoAutoResponseFlag
    vaccinated_on: fields.VaccinatedOn
    vaccine_generic_name: fields.VaccineGenericName
    dose_no: fields.DoseNo | None = None
    vaccination_type: fields.VaccinationType | None = None
    implementation_type: fields.ImplementationType | None = None
    vaccine_maker: fields.VaccineMaker | None = None
    lot_no: fields.LotNo | None = None
    dose_volume: fields.DoseVolume | None = None
    overseas_flag: fields.OverseasFlag
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class ReplicaExport(Payload):
    """原本照合のエクスポートデータ (F22, C195): all replicas of one person; absent where there is none."""

    internal_no: fields.InternalNo
    replicas: list[ExportedReplica] | None = None


_VERSION: Final = ("updated_at", "update_seq")
_PERMIT: Final[tuple[ClaimName, ...]] = ("permit",)
ADDRESSEE: Final = "addressee.register"
REPLICA: Final = "replica.register"
REPLICA_DELETE: Final = "replica.delete"
INQUIRY: Final = "inquiry.request"
ANNOUNCEMENT: Final = "announcement.send"
ANSWER: Final = "inquiry.answer"
TAX_ANSWER: Final = "inquiry.tax_answer"
END: Final = "inquiry.end"
ANNOUNCEMENT_STATUS: Final = "announcement.status"
EXPORT: Final = "replica.export"

OPERATIONS: Final = (
    Operation(
        name=ADDRESSEE,
        label="宛名の登録",
        direction="receives",
        payload=Addressee,
        person_key="internal_no",
        version=_VERSION,
        ahead=True,
    ),
    Operation(
        name=REPLICA,
        label="副本の登録",
        direction="receives",
        payload=Replica,
        person_key="internal_no",
        version=_VERSION,
    ),
    Operation(
        name=REPLICA_DELETE,
        label="副本の削除",
        direction="receives",
        payload=ReplicaDeletion,
        person_key="internal_no",
        version=_VERSION,
    ),
    Operation(name=INQUIRY, label="情報照会", direction="receives", payload=Inquiry, person_key="internal_no"),
    Operation(
        name=ANNOUNCEMENT,
        label="お知らせの送信",
        direction="receives",
        payload=Announcement,
        person_key="internal_no",
    ),
    Operation(
        name=ANSWER,
        label="情報照会の回答",
        direction="sends",
        payload=InquiryAnswer,
        person_key="internal_no",
        attests=_PERMIT,
        most_records=1,
    ),
    Operation(
        name=TAX_ANSWER,
        label="情報照会の回答(税・福祉)",
        direction="sends",
        payload=TaxAnswer,
        person_key="internal_no",
        attests=_PERMIT,
        most_records=1,
    ),
    Operation(
        name=END,
        label="情報照会の終了",
        direction="sends",
        payload=InquiryEnd,
        person_key="internal_no",
        most_records=1,
    ),
    Operation(
        name=ANNOUNCEMENT_STATUS,
        label="お知らせの状況",
        direction="sends",
        payload=AnnouncementStatus,
        person_key="internal_no",
    ),
    Operation(
        name=EXPORT, label="副本の照合用出力", direction="sends", payload=ReplicaExport, person_key="internal_no"
    ),
)
