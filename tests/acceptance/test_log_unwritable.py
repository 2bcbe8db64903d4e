"""MUST: if the log cannot be written, nothing passes. Its files are taken away under a running gateway."""

import os
import shutil

import pytest

from tests.acceptance.programs import until
from tests.acceptance.subjects import city_file, lookup, record, subject, values


def moved_away(site):
    path = site.journal()
    path.rename(path.with_suffix(".elsewhere"))
    return ".db was deleted or moved away"


def deleted(site):
    site.journal().unlink()
    return ".db was deleted or moved away"


def replaced(site):
    path = site.journal()
    shutil.copy(path, path.with_suffix(".copy"))
    path.with_suffix(".copy").replace(path)
    return ".db was replaced by another file"


def truncated(site):
    os.truncate(site.journal(), 4096)
    return ".db was truncated"


def wal_deleted(site):
    site.journal().with_name("999997.db-wal").unlink()
    return ".db-wal was deleted or moved away"


def hard_linked(site):
    site.journal().with_suffix(".link").hardlink_to(site.journal())
    return ".db has a second hard link"


def passes_nothing(site, cause, cells):
    """503 with the cause for everybody, and the health says which log and why."""
    asked = {"subject.register": record(cells), "subject.lookup": lookup(cells)}
    for operation, one in asked.items():
        answer = site.send(operation, [one])
        assert answer.refusal == (503, "log_unavailable")
        assert answer.json["title"] == "The central log cannot be written, so nothing passes."
        assert int(answer.headers["Retry-After"]) >= 1
    for path in ("/healthz", "/readyz"):
        health = site.admin().get(path)
        assert health.status == 503
        assert set(health.json["logs"]) == {"999997"}
        assert cause in health.json["logs"]["999997"]
    assert b'renkei_log_writable{tenant="999997"} 0.0' in site.admin().get("/metrics").body


@pytest.mark.parametrize("harm", [moved_away, deleted, replaced, truncated, wal_deleted, hard_linked])
def test_must_log_unwritable_nothing_passes(new_site, ordinal, harm):
    site, cells = new_site(), subject(ordinal())
    site.start_gateway("/healthz")
    until(lambda: site.send("subject.register", [record(subject(ordinal()))]).status == 202)
    passes_nothing(site, harm(site), cells)
    assert site.send("subject.register", b"no JSON").refusal == (503, "log_unavailable")  # nor is it refused unrecorded
    site.drop("late.csv", city_file([cells]))
    until((site.exchange / "work" / "late.csv").exists)
    assert site.exchange.joinpath("work", "late.csv").read_bytes() == city_file([cells])
    assert not site.exchange.joinpath("status", "late.status.csv").exists()
    site.gateway.stop()
    assert not site.exchange.joinpath("status", "late.status.csv").exists()
    assert "Traceback" not in site.gateway.output.read_text()


def test_must_log_unwritable_after_it_is_restored_everything_goes_on(new_site, ordinal):
    site = new_site().start()
    first, later = subject(ordinal()), subject(ordinal())
    message_id = site.send("subject.register", [record(first)], Idempotency_Key="first").message_id
    site.outcomes(message_id)
    passes_nothing(site, moved_away(site), later)
    site.drop("late.csv", city_file([later]))
    until((site.exchange / "work" / "late.csv").exists)
    site.gateway.stop()
    site.journal().with_suffix(".elsewhere").rename(site.journal())
    site.start_gateway()
    again = site.send("subject.register", [record(first)], Idempotency_Key="first")
    assert (again.message_id, again.json["repeated"]) == (message_id, True)
    assert [each.ending for each in site.status("late.csv")] == ["accepted"]
    assert site.held() == {"persons": 2, "versions": 2, "deleted": 0}
    assert site.cli("log", "verify").status == 0
    assert site.leaks(values(first, later)) == ()


def test_must_log_unwritable_a_log_that_lost_its_end_does_not_open(new_site, ordinal):
    """Whoever puts an older copy back, while the WAL with what followed is gone, is told."""
    site = new_site().start()
    site.outcomes(site.send("subject.register", [record(subject(ordinal()))]).message_id)
    assert site.gateway.stop() == 0
    os.truncate(site.journal(), site.journal().stat().st_size // 2)
    site.gateway.start()
    assert site.gateway.ended() == 2
    assert "999997.db" in site.gateway.output.read_text()
