"""What goes to research: the ID5 is asked for by PMH key, the doses are sent by ID5 (F56, F58, F59)."""

from typing import Final

from gateway.plugin import Operation, Payload, fields


class WantedId5(Payload):
    """ID5取得依頼 (F56)."""

    pmh_key: fields.PmhKey


class FoundId5(Payload):
    """The ID5, and the key that it is for."""

    pmh_key: fields.PmhKey
    id5: fields.Id5


class ResearchDose(Payload):
    """接種記録 for research, by ID5 (F59)."""

    id5: fields.Id5
    vaccination_record_id: fields.VaccinationRecordId
    municipality_code: fields.MunicipalityCode
    birth_month: fields.BirthMonth
    sex: fields.Sex
    subject_category: fields.SubjectCategory
    vaccination_management_id: fields.VaccinationManagementId
    vaccination_setting_id: fields.VaccinationSettingId
    vaccinated_on: fields.VaccinatedOn
    consent_flag: fields.ConsentFlag
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
    is_deleted: fields.IsDeleted
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq


_VERSION: Final = ("updated_at", "update_seq")

OPERATIONS: Final = (
    Operation(
        name="id5.fetch",
        label="ID5取得",
        direction="sends",
        payload=WantedId5,
        person_key="pmh_key",
        reply=FoundId5,
    ),
    Operation(
        name="research.register",
        label="研究用接種記録の登録",
        direction="sends",
        payload=ResearchDose,
        person_key="id5",
        version=_VERSION,
    ),
)
