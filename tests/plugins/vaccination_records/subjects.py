"""Made-up subjects: every value synthetic, individual numbers start with 0000 and have a valid check digit."""

from typing import Any
from uuid import UUID

CITY = "999997"
OTHER_CITY = "999989"
UPDATED_AT = "2025-04-01T09:00:00+09:00"


def individual_number(serial: int) -> str:
    eleven = f"0000{serial:07d}"
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(eleven, weights, strict=True)) % 11
    return eleven + str(0 if rest <= 1 else 11 - rest)


def message_id(serial: int) -> str:
    return str(UUID(int=serial))


def subject(serial: int, *, seq: int = 1, **changes: Any) -> dict[str, Any]:
    record = {
        "internal_no": f"{serial:010d}",
        "municipality_code": CITY,
        "individual_number": individual_number(serial),
        "name": f"架空髙﨑はな子{serial:05d}番",
        "name_kana": f"ｶｸｳ ﾊﾅｺ {serial:05d}",
        "address": f"架空市架空町{serial:05d}番地の一",
        "birth_date": "2025-01-31",
        "sex": "2",
        "guardian_name": f"架空髙﨑保護者{serial:05d}",
        "resident_status": "1",
        "subject_category": "A1",
        "change_type": "1",
        "updated_at": UPDATED_AT,
        "update_seq": seq,
        "control_flag_recovery": False,
        "control_flag_nondisclosure": False,
        "control_flag_view_suspended": False,
    }
    return record | changes


def deletion(serial: int, *, seq: int = 1, **changes: Any) -> dict[str, Any]:
    record = {
        "internal_no": f"{serial:010d}",
        "municipality_code": CITY,
        "change_type": "3",
        "deletion_event_date": "2025-03-31",
        "updated_at": UPDATED_AT,
        "update_seq": seq,
    }
    return record | changes


def register(index: int, record: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "operation": "register", "record": record}


def delete(index: int, record: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "operation": "delete", "record": record}
