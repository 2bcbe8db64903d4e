"""What the tests of `vaccination_db` send, and its simulator and connector over mutual TLS."""

from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from gateway.plugin import Delivery
from gateway_vaccination_db.connector import VaccinationDb
from gateway_vaccination_db.interface import ResearchDose
from gateway_vaccination_db.settings import Settings
from tests.plugins import receiving
from tests.plugins.receiving import Simulator
from tests.plugins.vaccination_records.subjects import message_id

Site: TypeAlias = receiving.Site[VaccinationDb]
_fresh = count(1)


def dose(**changes: Any) -> ResearchDose:
    """A made-up dose that no other test has sent."""
    serial = next(_fresh)
    plain = {
        "id5": f"ID5-MADEUP-{serial:04d}",
        "vaccination_record_id": f"R-{serial}",
        "municipality_code": "999997",
        "birth_month": "2025-03",
        "sex": "2",
        "subject_category": "A1",
        "vaccination_management_id": f"M-{serial}",
        "vaccination_setting_id": "SET-1",
        "vaccinated_on": "2026-04-01",
        "consent_flag": True,
        "lot_no": "LOT-1",
        "caution_flag": False,
        "overseas_flag": False,
        "is_deleted": False,
        "updated_at": "2026-04-01T09:30:00+09:00",
        "update_seq": 1,
    }
    return ResearchDose.model_validate(plain | changes)


def changed(known: ResearchDose, **changes: Any) -> ResearchDose:
    """Another state of a dose."""
    return ResearchDose.model_validate(known.model_dump(exclude_none=True) | changes)


def brings(*doses: ResearchDose, deadline: float = 5.0) -> Delivery:
    """A delivery of its own message."""
    return Delivery(message_id(next(_fresh)), "research.register", tuple(enumerate(doses)), deadline)


def made(folder: Path) -> Site:
    return receiving.Site.make(folder, VaccinationDb, Settings)


def running(site: Site, more: str = "") -> AbstractContextManager[Simulator]:
    return receiving.running("gateway_vaccination_db.simulator", site, more)
