"""What the health management system sends (subjects, templates, doses due and had, notices; addressees, replicas and
inquiries for the intermediate server) and is given back (doses, answers of other bodies, replicas to be checked).

Vaccination subjects only (rule 8): of tax and welfare there is nothing here but 減免区分. Field names and
the change types come from K 別添2(1); the flows are F41 (register) and F60 (delete).
"""

from typing import Final

from gateway.plugin import Interface, Operation, Payload, fields


class SubjectRegister(Payload):
    """One state of one subject, after an addition or a change (F41, R01). `internal_no` names the person (C176)."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    individual_number: fields.IndividualNumber | None = None
    name: fields.Name
    name_kana: fields.NameKana
    address: fields.Address
    birth_date: fields.BirthDate
    sex: fields.Sex
    guardian_name: fields.GuardianName | None = None
    fee_reduction_category: fields.FeeReductionCategory | None = None
    resident_status: fields.ResidentStatus
    subject_category: fields.SubjectCategory
    municipality_business_id: fields.MunicipalityBusinessId | None = None
    change_type: fields.ChangeType
    deletion_event_date: fields.DeletionEventDate | None = None
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq
    control_flag_recovery: fields.ControlFlagRecovery
    control_flag_nondisclosure: fields.ControlFlagNondisclosure
    control_flag_view_suspended: fields.ControlFlagViewSuspended


class SubjectDelete(Payload):
    """The deletion of one subject (F60, R25): who, as of which state, and nothing else about the person."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    change_type: fields.ChangeType
    deletion_event_date: fields.DeletionEventDate | None = None
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class SubjectLookup(Payload):
    """Asks whether a subject is recorded (R02)."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode


class SubjectFound(Payload):
    """The recorded state's version and control flags; never the individual number, which the asker has."""

    internal_no: fields.InternalNo
    vaccination_subject_no: fields.VaccinationSubjectNo
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq
    control_flag_recovery: fields.ControlFlagRecovery
    control_flag_nondisclosure: fields.ControlFlagNondisclosure
    control_flag_view_suspended: fields.ControlFlagViewSuspended


class TemplateItem(Payload):
    """One question."""

    item_id: fields.ItemId
    question_text: fields.QuestionText
    answer_kind: fields.AnswerKind


class RegisteredTemplate(Payload):
    """予診票ひな形 (F40): registered by the city; the setting, not a person, orders its states."""

    vaccination_setting_id: fields.VaccinationSettingId
    template_name: fields.TemplateName
    items: list[TemplateItem]
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class RegisteredManagement(Payload):
    """予防接種管理情報 (F41): one dose that a person is due, with its safety flags."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    combination_no: fields.CombinationNo | None = None
    not_eligible_flag: fields.NotEligibleFlag
    forced_expiry_date: fields.ForcedExpiryDate
    recommendation_rule_id: fields.RecommendationRuleId | None = None
    recommendation_date: fields.RecommendationDate | None = None
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class RegisteredRecord(Payload):
    """接種記録 of the city's own ledger (F41); a correction is a later version, a deletion one with is_deleted."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    vaccination_record_id: fields.VaccinationRecordId
    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    vaccinated_on: fields.VaccinatedOn
    consent_flag: fields.ConsentFlag
    clinic_code: fields.ClinicCode | None = None
    doctor_name: fields.DoctorName | None = None
    place: fields.Place | None = None
    implementation_type: fields.ImplementationType | None = None
    vaccination_type: fields.VaccinationType | None = None
    gtin: fields.Gtin | None = None
    vaccine_maker: fields.VaccineMaker | None = None
    vaccine_generic_name: fields.VaccineGenericName | None = None
    vaccine_common_name: fields.VaccineCommonName | None = None
    vaccine_brand_name: fields.VaccineBrandName | None = None
    lot_no: fields.LotNo | None = None
    dose_volume: fields.DoseVolume | None = None
    injection_site: fields.InjectionSite | None = None
    injection_method: fields.InjectionMethod | None = None
    vaccine_expiry_date: fields.VaccineExpiryDate | None = None
    caution_flag: fields.CautionFlag
    special_circumstances: fields.SpecialCircumstances | None = None
    overseas_flag: fields.OverseasFlag
    subject_category: fields.SubjectCategory
    fee_reduction_category: fields.FeeReductionCategory | None = None
    is_deleted: fields.IsDeleted
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class RegisteredNotice(Payload):
    """通知 to one person (F48): the city decides; it goes out when the person can be reached."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    notice_id: fields.NoticeId
    notice_title: fields.NoticeTitle
    notice_text: fields.NoticeText
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class AskedReturn(Payload):
    """接種記録の取得 (F42): whose records are pulled."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode


class PulledDose(Payload):
    """A dose, as it is kept now."""

    vaccination_record_id: fields.VaccinationRecordId
    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    vaccinated_on: fields.VaccinatedOn
    consent_flag: fields.ConsentFlag
    clinic_code: fields.ClinicCode | None = None
    doctor_name: fields.DoctorName | None = None
    place: fields.Place | None = None
    implementation_type: fields.ImplementationType | None = None
    vaccination_type: fields.VaccinationType | None = None
    gtin: fields.Gtin | None = None
    vaccine_maker: fields.VaccineMaker | None = None
    vaccine_generic_name: fields.VaccineGenericName | None = None
    vaccine_common_name: fields.VaccineCommonName | None = None
    vaccine_brand_name: fields.VaccineBrandName | None = None
    lot_no: fields.LotNo | None = None
    dose_volume: fields.DoseVolume | None = None
    injection_site: fields.InjectionSite | None = None
    injection_method: fields.InjectionMethod | None = None
    vaccine_expiry_date: fields.VaccineExpiryDate | None = None
    caution_flag: fields.CautionFlag
    special_circumstances: fields.SpecialCircumstances | None = None
    overseas_flag: fields.OverseasFlag
    is_deleted: fields.IsDeleted
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


class PulledRecords(Payload):
    """All doses of that person; absent where there are none."""

    internal_no: fields.InternalNo
    vaccination_subject_no: fields.VaccinationSubjectNo
    data_changed_at: fields.DataChangedAt
    records: list[PulledDose] | None = None


class ReturnedRecord(Payload):
    """接種記録の返却 (F42): one state of one dose."""

    internal_no: fields.InternalNo
    vaccination_subject_no: fields.VaccinationSubjectNo
    vaccination_record_id: fields.VaccinationRecordId
    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    vaccinated_on: fields.VaccinatedOn
    consent_flag: fields.ConsentFlag
    clinic_code: fields.ClinicCode | None = None
    doctor_name: fields.DoctorName | None = None
    place: fields.Place | None = None
    implementation_type: fields.ImplementationType | None = None
    vaccination_type: fields.VaccinationType | None = None
    gtin: fields.Gtin | None = None
    vaccine_maker: fields.VaccineMaker | None = None
    vaccine_generic_name: fields.VaccineGenericName | None = None
    vaccine_common_name: fields.VaccineCommonName | None = None
    vaccine_brand_name: fields.VaccineBrandName | None = None
    lot_no: fields.LotNo | None = None
    dose_volume: fields.DoseVolume | None = None
    injection_site: fields.InjectionSite | None = None
    injection_method: fields.InjectionMethod | None = None
    vaccine_expiry_date: fields.VaccineExpiryDate | None = None
    caution_flag: fields.CautionFlag
    special_circumstances: fields.SpecialCircumstances | None = None
    overseas_flag: fields.OverseasFlag
    is_deleted: fields.IsDeleted
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


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


class Dose(Payload):
    """What the ministerial order lets bodies tell each other of one dose: no clinic, no doctor, no free text."""

    vaccinated_on: fields.VaccinatedOn
    vaccine_generic_name: fields.VaccineGenericName
    dose_no: fields.DoseNo | None = None
    vaccination_type: fields.VaccinationType | None = None
    implementation_type: fields.ImplementationType | None = None
    vaccine_maker: fields.VaccineMaker | None = None
    lot_no: fields.LotNo | None = None
    dose_volume: fields.DoseVolume | None = None
    overseas_flag: fields.OverseasFlag


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


class InquiryEnd(Payload):
    """An inquiry that ended without an answer: refused by the network or by the other body, or aborted."""

    internal_no: fields.InternalNo
    inquiry_no: fields.InquiryNo
    inquiry_status: fields.InquiryStatus


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
REGISTER: Final = "subject.register"
DELETE: Final = "subject.delete"
LOOKUP: Final = "subject.lookup"

INTERFACE: Final = Interface(
    connector="health_management",
    version="3",
    codes={"not_in_encoding": "設定の文字コードで書けない文字がある"},
    operations=(
        Operation(
            name=REGISTER,
            label="対象者登録",
            direction="sends",
            payload=SubjectRegister,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name=DELETE,
            label="対象者削除",
            direction="sends",
            payload=SubjectDelete,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name=LOOKUP,
            label="対象者照会",
            direction="sends",
            payload=SubjectLookup,
            reply=SubjectFound,
            person_key="internal_no",
        ),
        Operation(
            name="template.register",
            label="予診票ひな形の登録",
            direction="sends",
            payload=RegisteredTemplate,
            person_key="vaccination_setting_id",
            version=_VERSION,
        ),
        Operation(
            name="management.register",
            label="予防接種管理情報の登録",
            direction="sends",
            payload=RegisteredManagement,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name="record.register",
            label="接種記録の登録",
            direction="sends",
            payload=RegisteredRecord,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name="notice.register",
            label="通知の登録",
            direction="sends",
            payload=RegisteredNotice,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name="record.pull",
            label="接種記録の取得",
            direction="sends",
            payload=AskedReturn,
            person_key="internal_no",
            reply=PulledRecords,
        ),
        Operation(
            name="record.return",
            label="接種記録の返却",
            direction="receives",
            payload=ReturnedRecord,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name="addressee.register",
            label="宛名の登録",
            direction="sends",
            payload=Addressee,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name="replica.register",
            label="副本の登録",
            direction="sends",
            payload=Replica,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name="replica.delete",
            label="副本の削除",
            direction="sends",
            payload=ReplicaDeletion,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name="inquiry.request", label="情報照会", direction="sends", payload=Inquiry, person_key="internal_no"
        ),
        Operation(
            name="announcement.send",
            label="お知らせの送信",
            direction="sends",
            payload=Announcement,
            person_key="internal_no",
            version=_VERSION,
        ),
        Operation(
            name="inquiry.answer",
            label="情報照会の回答",
            direction="receives",
            payload=InquiryAnswer,
            person_key="internal_no",
            attests=("permit",),
            most_records=1,
        ),
        Operation(
            name="inquiry.end",
            label="情報照会の終了",
            direction="receives",
            payload=InquiryEnd,
            person_key="internal_no",
            most_records=1,
        ),
        Operation(
            name="announcement.status",
            label="お知らせの状況",
            direction="receives",
            payload=AnnouncementStatus,
            person_key="internal_no",
        ),
        Operation(
            name="replica.export",
            label="副本の照合用出力",
            direction="receives",
            payload=ReplicaExport,
            person_key="internal_no",
        ),
    ),
)
