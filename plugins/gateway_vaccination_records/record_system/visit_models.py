"""The shapes of what clinics ask and enter at a visit (F52, F55), and of the confirmation that allows it (F53)."""

from typing import Annotated, Literal

from gateway_vaccination_records.record_system.closed import ClinicCode, Closed, Id, Instant, ShortId, text
from gateway_vaccination_records.record_system.ledger_models import DoseGiven


class FoundConfirmation(Closed):
    """Who was confirmed, with consent, at which clinic and until when (C206)."""

    identity_confirmation: Id
    vaccination_subject_no: ShortId
    clinic_code: ClinicCode
    consent_flag: bool
    valid_until: Instant


class AskedVisit(Closed):
    """照会 (F52): one person, by the confirmation of this visit, for the clinic that it names (C206, C207)."""

    identity_confirmation: Id
    vaccination_subject_no: ShortId
    clinic_code: ClinicCode


class Examination(AskedVisit):
    """医師記入欄 (F55), of the answers with that `answer_id`; without one, of none (they are on paper)."""

    vaccination_management_id: Id
    answer_id: Id | None = None
    doctor_judgement: Literal["1", "2"]
    doctor_name: Annotated[str, text(100)]
    doctor_note: Annotated[str, text(500)] | None = None
    examined_at: Instant


class Vaccination(AskedVisit, DoseGiven):
    """接種記録 (F55); with `vaccination_record_id` the correction or deletion of what this clinic entered."""

    vaccination_record_id: Id | None = None
