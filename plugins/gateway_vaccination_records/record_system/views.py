"""What of each state residents and clinics may see (requirements §3): fixed lists of fields, and nothing beside them.

The rule: a field that stands in no list is not shown; the safety flags stand in every list that has them.
"""

from collections.abc import Sequence
from typing import Any, Final

from gateway_vaccination_records.record_system.entries import Record

TEMPLATE: Final = ("vaccination_setting_id", "template_name", "items")
_DOSE_DUE: Final = (
    "vaccination_management_id",
    "vaccination_setting_id",
    "not_eligible_flag",
    "forced_expiry_date",
)
DOSE_DUE_TO_RESIDENTS: Final = (*_DOSE_DUE, "recommendation_date")
DOSE_DUE_TO_CLINICS: Final = (*_DOSE_DUE, "combination_no")
DOSE_HAD_TO_RESIDENTS: Final = (
    "vaccination_record_id",
    "vaccination_management_id",
    "vaccination_setting_id",
    "vaccinated_on",
    "consent_flag",
    "clinic_code",
    "place",
    "implementation_type",
    "vaccination_type",
    "gtin",
    "vaccine_maker",
    "vaccine_generic_name",
    "vaccine_common_name",
    "vaccine_brand_name",
    "lot_no",
    "dose_volume",
    "injection_site",
    "injection_method",
    "vaccine_expiry_date",
    "caution_flag",
    "overseas_flag",
    "updated_at",
    "update_seq",
    "is_deleted",
)
DOSE_HAD_TO_CLINICS: Final = (*DOSE_HAD_TO_RESIDENTS, "doctor_name", "special_circumstances")
NOTICE: Final = ("notice_id", "notice_title", "notice_text", "updated_at")
PERSON_TO_CLINICS: Final = ("name", "name_kana", "birth_date", "sex", "guardian_name", "subject_category")


def view(state: Record, names: Sequence[str]) -> dict[str, Any]:
    """The named fields of a state, as far as it has them."""
    return {name: state[name] for name in names if name in state}


def had(records: list[Record], names: Sequence[str]) -> list[dict[str, Any]]:
    """The doses that a person had, as they stand now: a deleted one was not had."""
    return [view(each, names) | {"is_latest": True} for each in records if not each["is_deleted"]]


def lists(**found: Sequence[Record]) -> dict[str, Sequence[Record]]:
    """Those that hold anything: the others are absent."""
    return {name: each for name, each in found.items() if each}
