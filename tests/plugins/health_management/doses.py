"""Made-up doses of 架空市 as they come back, and what a line answers to a pull of the same ones."""

from typing import Any

from gateway.plugin import Delivery
from gateway_health_management.interface.returned import PulledDose, PulledRecords, ReturnedRecord
from tests.plugins.vaccination_records.subjects import message_id


def returned(serial: int, **changes: Any) -> ReturnedRecord:
    plain = {
        "internal_no": f"{serial:010d}",
        "vaccination_subject_no": f"S-{serial}",
        "vaccination_record_id": f"R-{serial}",
        "vaccination_management_id": f"M-{serial}",
        "vaccination_setting_id": "SET-1",
        "vaccinated_on": "2026-04-01",
        "consent_flag": True,
        "clinic_code": "1319999999",
        "doctor_name": "架空髙﨑医師",
        "lot_no": "LOT-1",
        "dose_volume": "0.5",
        "vaccine_expiry_date": "2027-03-31",
        "caution_flag": False,
        "special_circumstances": 'その一, "引用"',
        "overseas_flag": False,
        "is_deleted": False,
        "updated_at": "2026-04-01T01:00:00Z",
        "update_seq": 1,
    }
    return ReturnedRecord.model_validate(plain | changes)


def brings(*records: ReturnedRecord, message: int = 1) -> Delivery:
    return Delivery(message_id(message), "record.return", tuple(enumerate(records)), 30.0)


def pulled(*records: ReturnedRecord) -> dict[str, Any]:
    """The answer to record.pull for the person of these doses, as JSON."""
    first, *_ = records
    doses = [each.model_dump(exclude={"internal_no", "vaccination_subject_no"}) for each in records]
    answer = PulledRecords(
        internal_no=first.internal_no,
        vaccination_subject_no=first.vaccination_subject_no,
        data_changed_at=first.updated_at,
        records=[PulledDose.model_validate(each) for each in doses],
    )
    return answer.model_dump(exclude_none=True)
