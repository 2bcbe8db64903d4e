"""Doses that the city did not register itself: it pulls them, and they are returned to it (F42)."""

from typing import Final

from gateway.plugin import Operation, Payload, fields


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


OPERATIONS: Final = (
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
        version=("updated_at", "update_seq"),
    ),
)
