"""How the conformance suite meets this connector: the simulator beside it, and made-up doses that it hands over."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from gateway.plugin.testing import Place, Subject, ask, started


class VaccinationDb(Subject):
    """A delivery's effect is a dose that the database has."""

    _place: Place

    @asynccontextmanager
    async def standing(self, place: Place) -> AsyncIterator[str]:
        """The simulator takes doses of anybody."""
        self._place = place
        command = (sys.executable, "-m", "gateway_vaccination_db.simulator", str(_configuration(place)))
        async with started(*command) as said:
            yield f"https://127.0.0.1:{said['port']}"

    def settings(self, place: Place, address: str | None) -> Mapping[str, Any]:
        """As a tenant's."""
        return {"base_url": address, "tls": asdict(place.connector)}

    def record(self, direction: str, operation: str, person: int) -> Mapping[str, JsonValue]:
        """One dose of that person."""
        return {
            "id5": f"ID5-MADEUP-{person:04d}",
            "vaccination_record_id": f"RECORD-MADEUP-{person:04d}",
            "municipality_code": "999997",
            "birth_month": "2025-03",
            "sex": "2",
            "subject_category": "A1",
            "vaccination_management_id": f"MANAGEMENT-MADEUP-{person:04d}",
            "vaccination_setting_id": f"SETTING-MADEUP-{person:04d}",
            "vaccinated_on": "2026-04-01",
            "consent_flag": True,
            "implementation_type": "1",
            "vaccination_type": "1",
            "gtin": "04999999000008",
            "vaccine_maker": f"架空製薬株式会社第{person:04d}工場",
            "vaccine_generic_name": f"架空一般名ワクチン第{person:04d}号",
            "vaccine_common_name": f"架空通称名ワクチン第{person:04d}号",
            "vaccine_brand_name": f"架空販売名ワクチン第{person:04d}号",
            "lot_no": f"LOT-MADEUP-{person:04d}",
            "dose_volume": "0.5",
            "injection_site": "2",
            "injection_method": "1",
            "vaccine_expiry_date": "2027-12-31",
            "caution_flag": True,
            "overseas_flag": False,
            "is_deleted": False,
            "updated_at": "2026-04-01T09:30:00+09:00",
            "update_seq": 1,
        }

    async def effects(self, address: str) -> int | None:
        """How many doses it has, those among them that were deleted."""
        counts = await ask(self._place, "GET", f"{address}/v1/doses/count")
        return int(counts["doses"] + counts["deleted"])


def _configuration(place: Place) -> Path:
    file = place.folder / "vaccination_db.toml"
    tls = place.system
    file.write_text(
        f'data = "doses.sqlite3"\nclients = ["{place.fingerprint.removeprefix("sha256:")}"]\n'
        f'[tls]\ncertificate = "{tls.certificate}"\nkey = "{tls.key}"\nca = "{tls.ca}"\n',
        encoding="utf-8",
    )
    return file
