"""Made-up words of the intermediate server to 架空市: answers, ends of inquiries, announcements read, replicas."""

from typing import Any

from gateway.plugin import Delivery, Payload
from gateway_health_management.interface.announcement import AnnouncementStatus
from gateway_health_management.interface.inquiry import InquiryAnswer, InquiryEnd, TaxAnswer
from gateway_health_management.interface.replica import ReplicaExport
from tests.plugins.vaccination_records.subjects import message_id


def dose(**changes: Any) -> dict[str, Any]:
    plain = {
        "vaccinated_on": "2025-06-01",
        "vaccine_generic_name": "架空ワクチン",
        "dose_no": 1,
        "lot_no": "LOT-1",
        "dose_volume": "0.5",
        "overseas_flag": False,
    }
    return plain | changes


def kept(record_no: str, **changes: Any) -> dict[str, Any]:
    """One replica as the intermediate server keeps it."""
    plain = {
        "dataset_code": "TM00000000000001",
        "dataset_record_no": record_no,
        "dataset_version": 1,
        "no_auto_response_flag": False,
        "updated_at": "2026-04-01T09:30:00+09:00",
        "update_seq": 1,
    }
    return dose() | plain | changes


def answered(serial: int, *doses: dict[str, Any]) -> InquiryAnswer:
    plain = {
        "internal_no": f"{serial:010d}",
        "inquiry_no": f"Q-{serial}",
        "inquiry_status": "1" if doses else "2",
        "inquiry_row": "153",
        "dataset_code": "TM00000000000001",
        "provider_code": "999989",
        "undisclosed_flag": False,
    }
    return InquiryAnswer.model_validate(plain | ({"doses": list(doses)} if doses else {}))


def taxed(serial: int, *items: dict[str, str]) -> TaxAnswer:
    plain = {
        "internal_no": f"{serial:010d}",
        "inquiry_no": f"T-{serial}",
        "inquiry_status": "1" if items else "2",
        "inquiry_row": "27",
        "dataset_code": "TM00000000000201",
        "provider_code": "999989",
        "undisclosed_flag": False,
    }
    return TaxAnswer.model_validate(plain | ({"tax_items": list(items)} if items else {}))


def ended(serial: int) -> InquiryEnd:
    return InquiryEnd(
        internal_no=f"{serial:010d}",
        inquiry_no=f"Q-{serial}",
        inquiry_status="3",
        inquiry_row="153",
        provider_code="999989",
    )


def announced(serial: int, response: str = "2") -> AnnouncementStatus:
    return AnnouncementStatus(internal_no=f"{serial:010d}", notice_id=f"N-{serial}", announcement_response=response)


def exported(serial: int, *replicas: dict[str, Any]) -> ReplicaExport:
    replicated = {"replicas": list(replicas)} if replicas else {}
    return ReplicaExport.model_validate({"internal_no": f"{serial:010d}"} | replicated)


def tells(operation: str, *records: Payload, message: int = 1) -> Delivery:
    return Delivery(message_id(message), operation, tuple(enumerate(records)), 30.0)
