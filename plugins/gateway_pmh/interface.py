"""What PMH takes and gives: a PMHキー for an individual number, and who was confirmed at a visit.

The rule: the question holds the number and nothing else (F43), the answer exactly the key and the same number (F44,
C019, C165). A confirmation (F53) names a person by 予防接種対象者番号 only.
"""

from gateway.plugin import Interface, Operation, Payload, fields


class AskedKey(Payload):
    """採番依頼: whose key is asked for."""

    individual_number: fields.IndividualNumber


class IssuedKey(Payload):
    """採番回答: the key, and the number as it was sent."""

    pmh_key: fields.PmhKey
    individual_number: fields.IndividualNumber


class AskedConfirmation(Payload):
    """本人確認情報の取得 (F53): which confirmation."""

    identity_confirmation: fields.IdentityConfirmation


class FoundConfirmation(Payload):
    """Who was confirmed, with consent, at which clinic and until when (C206)."""

    identity_confirmation: fields.IdentityConfirmation
    vaccination_subject_no: fields.VaccinationSubjectNo
    clinic_code: fields.ClinicCode
    consent_flag: fields.ConsentFlag
    valid_until: fields.ValidUntil


INTERFACE = Interface(
    connector="pmh",
    label="Public Medical Hub(PMH)",
    version="2",
    operations=(
        Operation(
            name="pmh_key.issue",
            label="PMHキー採番",
            direction="receives",
            payload=AskedKey,
            person_key="individual_number",
            reply=IssuedKey,
        ),
        Operation(
            name="confirmation.fetch",
            label="本人確認情報の取得",
            direction="receives",
            payload=AskedConfirmation,
            person_key="identity_confirmation",
            reply=FoundConfirmation,
        ),
    ),
)
