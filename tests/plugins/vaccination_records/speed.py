"""How fast an area takes rows: `python -m tests.plugins.vaccination_records.speed [ROWS]`, in batches of 500.

Measured is what the service does per request besides HTTP: parse, validate, judge, seal, commit durably. Half of the
rows are new persons, half are newer states of known ones.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import jiter
from pydantic_core import to_json

from gateway_vaccination_records.record_system.area import Area
from gateway_vaccination_records.record_system.models import SubjectsBody
from gateway_vaccination_records.record_system.seal import TenantKey
from tests.plugins.vaccination_records.subjects import CITY, message_id, register, subject

BATCH = 500


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    people = rows // 2
    records = [subject(n) for n in range(people)] + [subject(n, seq=2) for n in range(people)]
    bodies = [
        to_json(
            {"message_id": message_id(at), "rows": [register(i, r) for i, r in enumerate(records[at : at + BATCH])]}
        )
        for at in range(0, len(records), BATCH)
    ]
    with tempfile.TemporaryDirectory() as folder:
        area = Area(Path(folder), CITY, TenantKey(os.urandom(32), CITY))
        began = time.perf_counter()
        for raw in bodies:
            body = SubjectsBody.model_validate(jiter.from_json(raw, catch_duplicate_keys=True))
            verdicts = area.store(body.message_id, body.rows)
            assert set(verdicts.values()) == {"accepted"}
        took = time.perf_counter() - began
        held = area.counts()
        area.close()
    assert (held["persons"], held["versions"]) == (people, len(records))
    sys.stdout.write(f"{len(records)} rows in {took:.2f} s: {len(records) / took:,.0f} rows/s\n")


if __name__ == "__main__":
    main()
