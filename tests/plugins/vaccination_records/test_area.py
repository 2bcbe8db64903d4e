import base64
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from gateway_vaccination_records.record_system.area import Area
from gateway_vaccination_records.record_system.database import WrongKey
from gateway_vaccination_records.record_system.models import SubjectsBody
from gateway_vaccination_records.record_system.seal import TenantKey
from tests.plugins.vaccination_records.subjects import (
    CITY,
    OTHER_CITY,
    delete,
    deletion,
    individual_number,
    message_id,
    register,
    subject,
)

MASTER = os.urandom(32)


@pytest.fixture
def area(tmp_path: Path) -> Iterator[Area]:
    opened = Area(tmp_path, CITY, TenantKey(MASTER, CITY))
    yield opened
    opened.close()


def store(area: Area, serial: int, *rows: dict[str, Any]) -> list[str]:
    body = SubjectsBody.model_validate({"message_id": message_id(serial), "rows": list(rows)})
    verdicts = area.store(body.message_id, body.rows)
    return [str(verdicts[row["index"]]) for row in rows]


def held(area: Area) -> dict[str, int]:
    """How many persons there are, how many states, and how many of them are deleted."""
    return {name: count for name, count in area.counts().items() if name in ("persons", "versions", "deleted")}


def test_a_repeat_of_message_id_and_index_gets_its_first_verdict_even_when_the_world_moved_on(area: Area) -> None:
    rows = [register(0, subject(1)), register(1, subject(2, municipality_code=OTHER_CITY)), delete(2, deletion(3))]
    first = store(area, 1, *rows)
    assert first == ["accepted", "wrong_municipality", "no_such_person"]
    store(area, 2, register(0, subject(1, seq=2)), register(1, subject(3)))
    assert store(area, 1, *rows) == first
    assert store(area, 3, rows[0]) == ["superseded"]
    assert held(area) == {"persons": 2, "versions": 3, "deleted": 0}


def test_the_verdict_on_a_state_that_is_ahead_stands_though_its_time_has_come(tmp_path: Path) -> None:
    times = [datetime(2025, 3, 1, tzinfo=UTC)]
    area = Area(tmp_path, CITY, TenantKey(MASTER, CITY), clock=lambda: times[-1])
    rows = [register(0, subject(1)), delete(1, deletion(2))]
    assert store(area, 1, *rows) == ["out_of_range", "out_of_range"]
    assert held(area) == {"persons": 0, "versions": 0, "deleted": 0}
    times.append(datetime(2025, 4, 1, tzinfo=UTC))
    assert store(area, 1, *rows) == ["out_of_range", "out_of_range"]
    assert store(area, 2, *rows) == ["accepted", "no_such_person"]
    area.close()


def test_one_batch_may_hold_two_states_of_one_person(area: Area) -> None:
    rows = [register(0, subject(1, seq=1)), register(1, subject(1, seq=3)), register(2, subject(1, seq=2))]
    assert store(area, 1, *rows) == ["accepted", "accepted", "superseded"]


def test_a_subject_number_stays_through_deletion_and_return_and_is_never_a_run_of_digits(area: Area) -> None:
    store(area, 1, register(0, subject(1, seq=1)))
    before = area.find("internal_no", subject(1)["internal_no"])
    assert store(area, 2, delete(0, deletion(1, seq=2))) == ["accepted"]
    assert held(area) == {"persons": 1, "versions": 2, "deleted": 1}
    assert store(area, 3, register(0, subject(1, seq=3))) == ["accepted"]
    after = area.find("internal_no", subject(1)["internal_no"])
    assert before is not None
    assert after is not None
    assert before.vaccination_subject_no == after.vaccination_subject_no
    assert len(after.vaccination_subject_no) == 13
    assert after.vaccination_subject_no.isalpha()


def test_blind_indexes_find_by_each_identifier_and_follow_a_corrected_number(area: Area) -> None:
    store(area, 1, register(0, subject(1, seq=1)))
    person = area.find("individual_number", individual_number(1))
    assert person is not None
    by_subject_no = area.find("vaccination_subject_no", person.vaccination_subject_no)
    assert by_subject_no is not None
    assert by_subject_no.record == subject(1, seq=1)
    store(area, 2, register(0, subject(1, seq=2, individual_number=individual_number(2))))
    assert area.find("individual_number", individual_number(1)) is None
    assert area.find("individual_number", individual_number(2)) is not None
    store(area, 3, delete(0, deletion(1, seq=3)))
    assert area.find("individual_number", individual_number(2)) is None


def test_a_commit_waits_for_the_disk(area: Area) -> None:
    modes = [area._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 2], "2 is FULL: no test without a power cut can see the difference"


def test_a_failed_commit_leaves_nothing_behind(area: Area) -> None:
    area._db.execute("CREATE TEMP TRIGGER full BEFORE INSERT ON main.outcome BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(sqlite3.Error):
        store(area, 1, register(0, subject(1)))
    assert held(area) == {"persons": 0, "versions": 0, "deleted": 0}
    area._db.execute("DROP TRIGGER full")
    assert store(area, 1, register(0, subject(1))) == ["accepted"]


@pytest.mark.parametrize(("code", "master"), [(CITY, os.urandom(32)), (OTHER_CITY, MASTER)], ids=["key", "code"])
def test_an_area_opens_with_its_own_key_and_code_only(tmp_path: Path, code: str, master: bytes) -> None:
    Area(tmp_path, CITY, TenantKey(MASTER, CITY)).close()
    (tmp_path / f"{CITY}.sqlite3").rename(tmp_path / f"{code}.sqlite3")
    with pytest.raises(WrongKey):
        Area(tmp_path, code, TenantKey(master, code))


def test_a_sealed_state_moved_to_another_person_does_not_open(area: Area) -> None:
    store(area, 1, register(0, subject(1)), register(1, subject(2)))
    area._db.execute("UPDATE state SET sealed = (SELECT sealed FROM state WHERE person = 2) WHERE person = 1")
    with pytest.raises(InvalidTag):
        area.find("internal_no", subject(1)["internal_no"])


def encodings(value: str) -> set[bytes]:
    plain = {value.encode("utf-8"), value.encode("utf-16-le"), value.encode("utf-16-be")}
    plain |= {value.encode("cp932", "ignore"), value.encode("unicode_escape")}
    base64s = {base64.b64encode(b"\0" * n + each)[4:-4] for each in plain for n in range(3)}
    return plain | {each.hex().encode() for each in plain} | base64s


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() + path.name.encode() for path in folder.iterdir())


def test_the_disk_holds_no_value_in_any_encoding(area: Area, tmp_path: Path) -> None:
    store(area, 1, register(0, subject(4711)), register(1, subject(4712, municipality_code=OTHER_CITY)))
    store(area, 2, delete(0, deletion(4711, seq=2)))
    canaries = [value for value in subject(4711).values() if isinstance(value, str) and len(value) >= 10]
    canaries = [value for value in canaries if value != subject(4711)["updated_at"]]
    assert len(canaries) >= 7
    needles = {needle for canary in canaries for needle in encodings(canary)}
    disk = on_disk(tmp_path)
    assert len(disk) > 4096
    assert not [needle for needle in needles if needle in disk]
    (tmp_path / "planted").write_bytes(base64.b64encode(b"{" + canaries[1].encode("utf-16-le") + b"}}"))
    assert [needle for needle in needles if needle in on_disk(tmp_path)], "a planted canary is found"
