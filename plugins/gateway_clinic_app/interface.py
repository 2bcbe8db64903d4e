"""What a clinic asks and enters for one person at a visit: by 予防接種対象者番号 under a confirmation, by nothing else.

The rule: there is no individual number, no PMH key, no pseudonym here (rule 2, C022), nor the reduction of fees (rule
8); the safety flags are always there (接種不可, 要注意接種, 強制失効日).
"""

from typing import Final

from gateway.plugin import ClaimName, DataClass, Interface, Operation, Payload, fields


class AskedVisit(Payload):
    """照会 (F52): one person, by the confirmation of this visit, for the clinic that it names (C206, C207)."""

    identity_confirmation: fields.IdentityConfirmation
    vaccination_subject_no: fields.VaccinationSubjectNo
    clinic_code: fields.ClinicCode


class KnownAnswer(Payload):
    """An answer that was given beforehand, with its question as it was asked; or the doctor's part."""

    item_id: fields.ItemId
    question_text: fields.QuestionText
    answer_content: fields.AnswerContent


class VisitDose(Payload):
    """A dose that the person is due, with what was answered for it."""

    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    combination_no: fields.CombinationNo | None = None
    not_eligible_flag: fields.NotEligibleFlag
    forced_expiry_date: fields.ForcedExpiryDate
    answer_id: fields.AnswerId | None = None
    answer_status: fields.AnswerStatus | None = None
    answered_at: fields.AnsweredAt | None = None
    answers: list[KnownAnswer] | None = None


class HadDose(Payload):
    """A dose that the person had."""

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
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq
    is_latest: fields.IsLatest
    is_deleted: fields.IsDeleted


class Visit(Payload):
    """What the clinic may see of that one person (F54); `data_changed_at` tells how fresh it is."""

    vaccination_subject_no: fields.VaccinationSubjectNo
    name: fields.Name
    name_kana: fields.NameKana
    birth_date: fields.BirthDate
    sex: fields.Sex
    guardian_name: fields.GuardianName | None = None
    subject_category: fields.SubjectCategory
    data_changed_at: fields.DataChangedAt
    due: list[VisitDose] | None = None
    records: list[HadDose] | None = None


class Examination(Payload):
    """医師記入欄 (F55): the doctor's part of the questionnaire.

    It confirms the answers with that `answer_id`, as the query gave it; if that gave none, they are on paper.
    """

    identity_confirmation: fields.IdentityConfirmation
    vaccination_subject_no: fields.VaccinationSubjectNo
    clinic_code: fields.ClinicCode
    vaccination_management_id: fields.VaccinationManagementId
    answer_id: fields.AnswerId | None = None
    doctor_judgement: fields.DoctorJudgement
    doctor_name: fields.DoctorName
    doctor_note: fields.DoctorNote | None = None
    examined_at: fields.ExaminedAt


class Examined(Payload):
    """The doctor's part is kept."""

    vaccination_subject_no: fields.VaccinationSubjectNo
    answer_status: fields.AnswerStatus


class Vaccination(Payload):
    """接種記録 (F55). With `vaccination_record_id` it corrects what this clinic entered, or deletes it logically."""

    identity_confirmation: fields.IdentityConfirmation
    vaccination_subject_no: fields.VaccinationSubjectNo
    clinic_code: fields.ClinicCode
    vaccination_record_id: fields.EnteredRecordId | None = None
    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    vaccinated_on: fields.VaccinatedOn
    consent_flag: fields.ConsentFlag
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


class Warned(Payload):
    """Something that is kept all the same, and ought to be looked at."""

    warning_code: fields.WarningCode


class Vaccinated(Payload):
    """The record is kept."""

    vaccination_subject_no: fields.VaccinationSubjectNo
    vaccination_record_id: fields.VaccinationRecordId
    warnings: list[Warned] | None = None


_VERSION = ("updated_at", "update_seq")
_PROOF: Final[tuple[ClaimName, ...]] = ("identity_confirmed", "consent")

INTERFACE = Interface(
    connector="clinic_app",
    label="医療機関用アプリ等",
    version="1",
    never=frozenset({DataClass.INDIVIDUAL_NUMBER, DataClass.TAX_WELFARE}),
    operations=(
        Operation(
            name="visit.query",
            label="予診票・接種記録の照会",
            direction="sends",
            payload=AskedVisit,
            person_key="vaccination_subject_no",
            attests=_PROOF,
            most_records=1,
            reply=Visit,
        ),
        Operation(
            name="examination.enter",
            label="医師記入欄の入力",
            direction="sends",
            payload=Examination,
            person_key="vaccination_subject_no",
            attests=_PROOF,
            reply=Examined,
        ),
        Operation(
            name="vaccination.enter",
            label="接種記録の入力",
            direction="sends",
            payload=Vaccination,
            person_key="vaccination_subject_no",
            version=_VERSION,
            attests=_PROOF,
            reply=Vaccinated,
        ),
    ),
)
