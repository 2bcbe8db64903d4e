"""Who may be vaccinated: registered, deleted and looked up (F41, F60). The deletion says nothing else of the person."""

from typing import Final

from gateway.plugin import Operation, Payload, fields

REGISTER: Final = "subject.register"
DELETE: Final = "subject.delete"


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


OPERATIONS: Final = (
    Operation(
        name=REGISTER,
        label="対象者登録",
        direction="sends",
        payload=SubjectRegister,
        person_key="internal_no",
        version=("updated_at", "update_seq"),
    ),
    Operation(
        name=DELETE,
        label="対象者削除",
        direction="sends",
        payload=SubjectDelete,
        person_key="internal_no",
        version=("updated_at", "update_seq"),
    ),
    Operation(
        name="subject.lookup",
        label="対象者照会",
        direction="sends",
        payload=SubjectLookup,
        reply=SubjectFound,
        person_key="internal_no",
    ),
)
