"""What the city registers beside subjects: templates (F40), doses due and doses had (F41), notices (F48)."""

from typing import Final

from gateway.plugin import Operation, Payload, fields


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


OPERATIONS: Final = (
    Operation(
        name="template.register",
        label="予診票ひな形の登録",
        direction="sends",
        payload=RegisteredTemplate,
        person_key="vaccination_setting_id",
        version=("updated_at", "update_seq"),
    ),
    Operation(
        name="management.register",
        label="予防接種管理情報の登録",
        direction="sends",
        payload=RegisteredManagement,
        person_key="internal_no",
        version=("updated_at", "update_seq"),
    ),
    Operation(
        name="record.register",
        label="接種記録の登録",
        direction="sends",
        payload=RegisteredRecord,
        person_key="internal_no",
        version=("updated_at", "update_seq"),
    ),
    Operation(
        name="notice.register",
        label="通知の登録",
        direction="sends",
        payload=RegisteredNotice,
        person_key="internal_no",
        version=("updated_at", "update_seq"),
    ),
)
