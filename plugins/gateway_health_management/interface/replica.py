"""What other bodies may be told: registered, deleted with the original, and given back to be checked (F21-F23)."""

from typing import Final

from gateway.plugin import Operation, Payload, fields


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


OPERATIONS: Final = (
    Operation(
        name="replica.register",
        label="副本の登録",
        direction="sends",
        payload=Replica,
        person_key="internal_no",
        version=("updated_at", "update_seq"),
    ),
    Operation(
        name="replica.delete",
        label="副本の削除",
        direction="sends",
        payload=ReplicaDeletion,
        person_key="internal_no",
        version=("updated_at", "update_seq"),
    ),
    Operation(
        name="replica.export",
        label="副本の照合用出力",
        direction="receives",
        payload=ReplicaExport,
        person_key="internal_no",
    ),
)
