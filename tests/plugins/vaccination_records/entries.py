"""Made-up entries of the ledger: templates, doses due, doses had and notices of made-up subjects."""

from typing import Any

from tests.plugins.vaccination_records.subjects import CITY, UPDATED_AT

GTIN = "04999999000008"
CLINIC = "1319999991"
OTHER_CLINIC = "1319999983"


def template(serial: int, *, seq: int = 1, **changes: Any) -> dict[str, Any]:
    record = {
        "vaccination_setting_id": f"SETTING-{serial:04d}",
        "template_name": f"架空予診票{serial:04d}",
        "items": [{"item_id": "Q1", "question_text": f"架空の設問{serial:04d}?", "answer_kind": "yesno"}],
        "updated_at": UPDATED_AT,
        "update_seq": seq,
    }
    return record | changes


def management(serial: int, *, seq: int = 1, person: int | None = None, **changes: Any) -> dict[str, Any]:
    record = {
        "internal_no": f"{person or serial:010d}",
        "municipality_code": CITY,
        "vaccination_management_id": f"MANAGEMENT-{serial:06d}",
        "vaccination_setting_id": "SETTING-0001",
        "combination_no": f"COMBINATION-{serial:06d}",
        "not_eligible_flag": False,
        "forced_expiry_date": "9999-12-31",
        "recommendation_rule_id": f"RULE-{serial:06d}",
        "recommendation_date": "2026-04-01",
        "updated_at": UPDATED_AT,
        "update_seq": seq,
    }
    return record | changes


def given(serial: int, *, seq: int = 1, **changes: Any) -> dict[str, Any]:
    """What a clinic says of a dose."""
    record = {
        "vaccination_management_id": f"MANAGEMENT-{serial:06d}",
        "vaccination_setting_id": "SETTING-0001",
        "vaccinated_on": "2026-04-01",
        "consent_flag": True,
        "doctor_name": f"架空髙﨑医師{serial:05d}",
        "place": f"架空市架空診療所{serial:05d}",
        "implementation_type": "1",
        "vaccination_type": "1",
        "gtin": GTIN,
        "vaccine_maker": f"架空製薬{serial:05d}",
        "vaccine_generic_name": f"架空一般名ワクチン{serial:05d}",
        "vaccine_common_name": f"架空通称ワクチン{serial:05d}",
        "vaccine_brand_name": f"架空販売名ワクチン{serial:05d}",
        "lot_no": f"LOT-{serial:010d}",
        "dose_volume": "0.5",
        "injection_site": "2",
        "injection_method": "1",
        "vaccine_expiry_date": "2027-12-31",
        "caution_flag": True,
        "special_circumstances": f"架空の特別の事情{serial:05d}",
        "overseas_flag": False,
        "is_deleted": False,
        "updated_at": UPDATED_AT,
        "update_seq": seq,
    }
    return record | changes


def record(serial: int, *, seq: int = 1, person: int | None = None, **changes: Any) -> dict[str, Any]:
    """What the city says of a dose."""
    return (
        given(serial, seq=seq)
        | {
            "internal_no": f"{person or serial:010d}",
            "municipality_code": CITY,
            "vaccination_record_id": f"RECORD-{serial:06d}",
            "clinic_code": CLINIC,
            "subject_category": "A1",
            "fee_reduction_category": "1",
        }
        | changes
    )


def notice(serial: int, *, seq: int = 1, person: int | None = None, **changes: Any) -> dict[str, Any]:
    record = {
        "internal_no": f"{person or serial:010d}",
        "municipality_code": CITY,
        "notice_id": f"NOTICE-{serial:06d}",
        "notice_title": f"架空のお知らせ{serial:05d}",
        "notice_text": f"架空髙﨑はな子{serial:05d}様の接種時期です",
        "updated_at": UPDATED_AT,
        "update_seq": seq,
    }
    return record | changes
