"""What ought to be looked at of a dose that a clinic entered: interfaces' `warning_code`.

The rule: what was given is kept, for it was given, be it that it should not have been; but not in silence.
"""

from datetime import date

from gateway_vaccination_records.record_system import check_digits
from gateway_vaccination_records.record_system.entries import Record
from gateway_vaccination_records.record_system.visit_models import Vaccination


def doubts(vaccination: Vaccination, management: Record, *, unfit: bool, today: date) -> list[str]:
    """The codes. `management` is the dose that was due; `unfit` is whether the doctor who last examined judged so."""
    found = {"clinic_code_check_digit": not check_digits.clinic_code(vaccination.clinic_code)}
    if not vaccination.is_deleted:
        expiry, given = vaccination.vaccine_expiry_date, vaccination.vaccinated_on
        found |= {
            "not_eligible": management["not_eligible_flag"],
            "no_consent": not vaccination.consent_flag,
            "judged_unfit": unfit,
            "dated_ahead": given > today.isoformat(),
            "vaccine_expired": expiry is not None and expiry < given,
        }
    return [code for code, holds in found.items() if holds]
