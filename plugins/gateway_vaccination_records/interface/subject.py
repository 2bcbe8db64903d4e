"""Who may be vaccinated: registered, deleted and looked up by the city (F41, F60).

The rule: the reply to a look-up never holds the individual number, nor a PMH key; the control flags are always there,
so that their presence tells nothing.
"""

from typing import Final

from gateway.plugin import Operation, Payload, fields


class RegisteredSubject(Payload):
    """接種対象者: one state of a person who may be vaccinated (K 別添2(1); F41)."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    name: fields.Name
    name_kana: fields.NameKana
    address: fields.Address
    birth_date: fields.BirthDate
    sex: fields.Sex
    resident_status: fields.ResidentStatus
    subject_category: fields.SubjectCategory
    change_type: fields.ChangeType
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq
    control_flag_recovery: fields.ControlFlagRecovery
    control_flag_nondisclosure: fields.ControlFlagNondisclosure
    control_flag_view_suspended: fields.ControlFlagViewSuspended
    individual_number: fields.IndividualNumber | None = None
    guardian_name: fields.GuardianName | None = None
    fee_reduction_category: fields.FeeReductionCategory | None = None
    municipality_business_id: fields.MunicipalityBusinessId | None = None
    deletion_event_date: fields.DeletionEventDate | None = None


class DeletedSubject(Payload):
    """The state of no longer being a subject: only what deletion needs (F60)."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode
    change_type: fields.ChangeType
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq
    deletion_event_date: fields.DeletionEventDate | None = None


class SoughtSubject(Payload):
    """Who is asked for; the pair of number and municipality must fit (C160)."""

    internal_no: fields.InternalNo
    municipality_code: fields.MunicipalityCode


class FoundSubject(Payload):
    """What a look-up tells."""

    internal_no: fields.InternalNo
    vaccination_subject_no: fields.VaccinationSubjectNo
    updated_at: fields.UpdatedAt
    update_seq: fields.UpdateSeq
    control_flag_recovery: fields.ControlFlagRecovery
    control_flag_nondisclosure: fields.ControlFlagNondisclosure
    control_flag_view_suspended: fields.ControlFlagViewSuspended


_VERSION: Final = ("updated_at", "update_seq")

OPERATIONS: Final = (
    Operation(
        name="subject.register",
        label="接種対象者の登録・更新",
        direction="receives",
        payload=RegisteredSubject,
        person_key="internal_no",
        version=_VERSION,
    ),
    Operation(
        name="subject.delete",
        label="接種対象者の削除",
        direction="receives",
        payload=DeletedSubject,
        person_key="internal_no",
        version=_VERSION,
    ),
    Operation(
        name="subject.lookup",
        label="接種対象者の照会",
        direction="receives",
        payload=SoughtSubject,
        person_key="internal_no",
        reply=FoundSubject,
    ),
)
