"""MUST: if the log cannot be written, nothing passes. The disk is full or fails, or another holds the database."""

import sqlite3
from contextlib import closing

import pytest

from tests.acceptance.crash.faults import Fault
from tests.acceptance.programs import until
from tests.acceptance.subjects import city_file, record, subject

JOURNAL = "*/state/journal/999997.db"


def posted(site, number):
    """A message of some size, under a key of its own."""
    body = [record(subject(number * 100 + each)) for each in range(100)]
    return site.send("subject.register", body, Idempotency_Key=f"post-{number}")


def passes_nothing(site, cause):
    """503, told why in the health, for all entrances; the file stays where it is."""
    answer = posted(site, 999)
    assert answer.refusal == (503, "log_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    for path in ("/healthz", "/readyz"):
        health = site.admin().get(path)
        assert (health.status, set(health.json["logs"])) == (503, {"999997"})
        assert cause in health.json["logs"]["999997"]


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        pytest.param(Fault("pwrite", f"{JOURNAL}-wal", "ENOSPC"), "SQLITE_FULL", id="full"),
        pytest.param(Fault("pwrite", JOURNAL, "ENOSPC"), "SQLITE_FULL", id="full when the WAL is moved"),
        pytest.param(Fault("pwrite", f"{JOURNAL}-wal", "EIO"), "SQLITE_IOERR_WRITE", id="write fails"),
        pytest.param(Fault("sync", f"{JOURNAL}-wal", "EIO"), "SQLITE_IOERR_FSYNC", id="fsync fails"),
    ],
)
def test_must_log_unwritable_by_the_disk(new_site, library, tmp_path, fault, cause):
    """Also once the disk is well again: after a failed fsync nobody knows what is on it, until a start has read it."""
    site, armed = new_site(), tmp_path / "armed"
    site.edit("gateway.toml", "[journal]", "[journal]\nwal_bytes = 1048576")
    site.gateway.start(**fault.environment(library, armed=armed))
    site.start()
    acknowledged = {number: posted(site, number).message_id for number in range(2)}
    armed.touch()
    for number in range(2, 50):
        answer = posted(site, number)
        if answer.status != 202:
            break
        acknowledged[number] = answer.message_id
    passes_nothing(site, cause)
    site.drop("late.csv", city_file([subject(500_000)]))
    until((site.exchange / "work" / "late.csv").exists)
    armed.unlink()
    passes_nothing(site, cause)
    site.gateway.stop()
    assert "Traceback" not in site.gateway.output.read_text()

    site.start()
    for number, message_id in acknowledged.items():
        again = posted(site, number)
        assert (again.message_id, again.json["repeated"]) == (message_id, True)
        assert {each["outcome"] for each in site.outcomes(message_id)} == {"accepted"}
    assert posted(site, 999).status == 202
    site.outcomes(posted(site, 999).message_id)
    site.outcomes(posted(site, len(acknowledged)).message_id)  # the one that broke it
    assert [each.ending for each in site.status("late.csv")] == ["accepted"]
    held = (len(acknowledged) + 2) * 100 + 1
    assert site.held() == {"persons": held, "versions": held, "deleted": 0}
    assert site.gateway.stop() == 0
    assert site.cli("log", "verify").status == 0


def test_a_database_that_another_program_holds_is_told_and_goes_on_when_it_is_let_go(new_site):
    site = new_site().start()
    message_id = posted(site, 1).message_id
    site.outcomes(message_id)
    with closing(sqlite3.connect(site.journal(), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        passes_nothing(site, "SQLITE_BUSY")
        other.execute("ROLLBACK")
    again = posted(site, 1)
    assert (again.message_id, again.json["repeated"]) == (message_id, True)
    site.outcomes(posted(site, 999).message_id)
    assert site.held() == {"persons": 200, "versions": 200, "deleted": 0}
    assert site.gateway.stop() == 0
    assert site.cli("log", "verify").status == 0


def test_an_exchange_folder_without_room_keeps_nobody_else_waiting(new_site, library, tmp_path):
    """The status of the file is written as soon as there is room."""
    site, armed = new_site(), tmp_path / "armed"
    site.gateway.start(**Fault("write", "*/status/*", "ENOSPC").environment(library, armed=armed))
    site.start()
    armed.touch()
    site.drop("first.csv", city_file([subject(1), subject(2)]))
    until(lambda: site.held()["persons"] == 2)
    site.drop("second.csv", city_file([subject(3)]))
    until(lambda: site.held()["persons"] == 3)
    site.outcomes(site.register(subject(4)))
    until(lambda: "make room there" in site.cli("connectors", "--json").out)
    assert list((site.exchange / "status").glob("*.csv")) == []
    armed.unlink()
    assert [each.ending for each in site.status("first.csv")] == ["accepted"] * 2
    assert [each.ending for each in site.status("second.csv")] == ["accepted"]
    assert site.held() == {"persons": 4, "versions": 4, "deleted": 0}
