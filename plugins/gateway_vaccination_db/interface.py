"""What 予防接種DB takes: a dose, keyed by ID5, each state of it (F59, R16).

The rule: no name, no address, no day of birth, no number but the ID5. No remarks either; what clinics type all the same
(maker, names of the vaccine, lot) is about the vaccine, and searched for individual numbers like any text.
"""

from gateway.plugin import DataClass, Interface, Operation, Payload, fields


class ResearchDose(Payload):
    """接種記録 for research: sent again when corrected or deleted."""

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


_VERSION = ("updated_at", "update_seq")

INTERFACE = Interface(
    connector="vaccination_db",
    label="予防接種データベース",
    version="1",
    never=frozenset({DataClass.INDIVIDUAL_NUMBER, DataClass.CONTACT, DataClass.TAX_WELFARE}),
    operations=(
        Operation(
            name="research.register",
            label="研究用接種記録の登録",
            direction="receives",
            payload=ResearchDose,
            person_key="id5",
            version=_VERSION,
        ),
    ),
)
