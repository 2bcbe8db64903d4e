"""What the Myna portal sends for a resident and what it is told: by PMH仮名識別子, and by nothing else.

The rule: a PMH key comes from here in the hand-over only and never goes here (rule 3, C140); the individual number does
not exist here (rule 2, C022), nor does the reduction of fees (rule 8).
"""

from typing import Final

from gateway.plugin import ClaimName, DataClass, Interface, Operation, Payload, fields


class HandedOver(Payload):
    """仮名識別子の引渡し (F47): at first use, the pseudonym and the key that it stands for, once (R07)."""

    pmh_pseudonym_id: fields.PmhPseudonymId
    pmh_key: fields.HandedOverPmhKey


class Linked(Payload):
    """The pseudonym is linked; the portal may now delete the key."""

    pmh_pseudonym_id: fields.PmhPseudonymId


class KeyDeleted(Payload):
    """The portal has deleted the key (C140)."""

    pmh_pseudonym_id: fields.PmhPseudonymId


class WantedTemplate(Payload):
    """Which questionnaire: that of one dose that the person is due (F50)."""

    pmh_pseudonym_id: fields.PmhPseudonymId
    vaccination_management_id: fields.VaccinationManagementId


class TemplateItem(Payload):
    """One question."""

    item_id: fields.ItemId
    question_text: fields.QuestionText
    answer_kind: fields.AnswerKind


class Template(Payload):
    """予診票ひな形: what may be answered, and nothing else (C021)."""

    pmh_pseudonym_id: fields.PmhPseudonymId
    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    template_name: fields.TemplateName
    items: list[TemplateItem]


class GivenAnswer(Payload):
    """One answer."""

    item_id: fields.ItemId
    answer_content: fields.AnswerContent


class FilledIn(Payload):
    """予診票事前入力 (F50)."""

    pmh_pseudonym_id: fields.PmhPseudonymId
    vaccination_management_id: fields.VaccinationManagementId
    answers: list[GivenAnswer]
    answered_at: fields.AnsweredAt


class Kept(Payload):
    """The answers are kept, until that day."""

    pmh_pseudonym_id: fields.PmhPseudonymId
    answer_id: fields.AnswerId
    answer_status: fields.AnswerStatus
    forced_expiry_date: fields.ForcedExpiryDate


class AskedRecords(Payload):
    """Own records and notices (F49)."""

    pmh_pseudonym_id: fields.PmhPseudonymId


class ManagedDose(Payload):
    """A dose that the person is due."""

    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    not_eligible_flag: fields.NotEligibleFlag
    forced_expiry_date: fields.ForcedExpiryDate
    recommendation_date: fields.RecommendationDate | None = None


class OwnDose(Payload):
    """A dose that the person had."""

    vaccination_record_id: fields.VaccinationRecordId
    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    vaccinated_on: fields.VaccinatedOn
    consent_flag: fields.ConsentFlag
    clinic_code: fields.ClinicCode | None = None
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
    overseas_flag: fields.OverseasFlag
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq
    is_latest: fields.IsLatest
    is_deleted: fields.IsDeleted


class OwnNotice(Payload):
    """A notice to the person."""

    notice_id: fields.NoticeId
    notice_title: fields.NoticeTitle
    notice_text: fields.NoticeText
    updated_at: fields.UpdatedAt


class OwnRecords(Payload):
    """All that the person may see of what is kept; a list is absent where there is nothing."""

    pmh_pseudonym_id: fields.PmhPseudonymId
    data_changed_at: fields.DataChangedAt
    due: list[ManagedDose] | None = None
    records: list[OwnDose] | None = None
    notices: list[OwnNotice] | None = None


class Notice(Payload):
    """通知 (F48): to one person, by pseudonym."""

    pmh_pseudonym_id: fields.PmhPseudonymId
    notice_id: fields.NoticeId
    notice_title: fields.NoticeTitle
    notice_text: fields.NoticeText
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


_VERSION = ("updated_at", "update_seq")
_PROOF: Final[tuple[ClaimName, ...]] = ("card_login", "consent")

INTERFACE = Interface(
    connector="myna_portal",
    label="マイナポータル",
    version="1",
    never=frozenset({DataClass.INDIVIDUAL_NUMBER, DataClass.TAX_WELFARE}),
    operations=(
        Operation(
            name="pseudonym.hand_over",
            label="PMH仮名識別子の引渡し",
            direction="sends",
            payload=HandedOver,
            person_key="pmh_pseudonym_id",
            attests=_PROOF,
            reply=Linked,
        ),
        Operation(
            name="pseudonym.key_deleted",
            label="PMHキー削除の確認",
            direction="sends",
            payload=KeyDeleted,
            person_key="pmh_pseudonym_id",
        ),
        Operation(
            name="template.query",
            label="予診票ひな形の照会",
            direction="sends",
            payload=WantedTemplate,
            person_key="pmh_pseudonym_id",
            attests=_PROOF,
            reply=Template,
        ),
        Operation(
            name="questionnaire.enter",
            label="予診票の事前入力",
            direction="sends",
            payload=FilledIn,
            person_key="pmh_pseudonym_id",
            attests=_PROOF,
            reply=Kept,
        ),
        Operation(
            name="record.query",
            label="接種記録・通知の照会",
            direction="sends",
            payload=AskedRecords,
            person_key="pmh_pseudonym_id",
            attests=_PROOF,
            most_records=1,
            reply=OwnRecords,
        ),
        Operation(
            name="notice.deliver",
            label="通知",
            direction="receives",
            payload=Notice,
            person_key="pmh_pseudonym_id",
            version=_VERSION,
        ),
    ),
)
