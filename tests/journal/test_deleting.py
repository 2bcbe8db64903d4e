"""A sealed payload is deleted once its message has ended, with a fact, and the log still verifies."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Refused
from gateway.hub.journal import Journal, verify
from gateway.hub.journal.store import wal_of
from gateway.messages import Ending, RecordOutcome
from tests.journal.builders import AT, NOW, ORIGIN, SIGNER, id_of, message, open_journal

LATER = "2026-04-02T00:00:00.000000Z"
ENDED, DEAD = RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(0, Ending.DEAD, "gave_up")


async def ended(journal: Journal, outcome: RecordOutcome = ENDED, **more: Any) -> str:
    sent = message((0,), **more)
    await journal.record(sent, at=AT, now=NOW)
    await journal.conclude(id_of(sent), [outcome], attempt=1, next_at=None, at=AT, now=NOW)
    return id_of(sent)


async def test_only_what_has_ended_by_then_on_that_route_is_outdated(journal: Journal) -> None:
    still = message((0,))
    await journal.record(still, at=AT, now=NOW)
    gone, other = await ended(journal), await ended(journal, route="R02")
    assert journal.outdated("R01", AT) == []
    for route, its in (("R01", gone), ("R02", other)):
        (found,) = journal.outdated(route, LATER)
        assert found.message_id == its
        assert journal.outdated(route, LATER, found) == []


async def test_a_deleted_payload_is_nowhere_in_the_file_and_the_log_verifies(path: Path) -> None:
    journal = open_journal(path)
    message_id = await ended(journal)
    envelope = journal.envelope(message_id)
    assert envelope is not None
    await journal.delete_envelope(message_id, at=LATER)
    assert (journal.envelope(message_id), journal.outdated("R01", "9" + LATER[1:])) == (None, [])
    *_, fact = journal.trace(message_id)
    assert (fact["kind"], fact["envelope"]) == ("envelope.deleted", envelope.digest())
    journal.close()
    assert not wal_of(path).exists()
    assert envelope.ciphertext not in path.read_bytes()
    open_journal(path).close()


async def test_what_is_open_is_not_deleted_and_nothing_is_deleted_twice(journal: Journal) -> None:
    dead = await ended(journal, DEAD)
    await journal.revive(dead, at=AT, now=NOW, operator="staff-0001")
    assert journal.outdated("R01", LATER) == []
    with pytest.raises(Refused, match="not_ended"):
        await journal.delete_envelope(dead, at=LATER)
    gone = await ended(journal)
    await journal.delete_envelope(gone, at=LATER)
    with pytest.raises(Refused, match="unknown_message"):
        await journal.delete_envelope(gone, at=LATER)


async def test_what_was_deleted_cannot_be_replayed(journal: Journal) -> None:
    dead = await ended(journal, DEAD)
    await journal.delete_envelope(dead, at=LATER)
    with pytest.raises(Refused, match="send_anew"):
        await journal.revive(dead, at=LATER, now=NOW, operator="staff-0001")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("INSERT INTO envelope SELECT seq, x'00' FROM message", "an envelope that was deleted"),
        ("UPDATE message SET ended_at = '2026-04-01T00:00:00.000000Z'", "`ended_at`"),
        ("UPDATE message SET kept_until = 'for ever'", "`kept_until`"),
        ("UPDATE message SET kept_until = '2026-04-01T00:00:00.000000Z'", "`kept_until`"),
        ("UPDATE message SET route = 'R02'", "`route`"),
    ],
)
async def test_what_contradicts_a_deletion_is_found(path: Path, spoil: str, told: str) -> None:
    journal = open_journal(path)
    message_id = await ended(journal)
    await journal.delete_envelope(message_id, at=LATER)
    journal.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as spoilt:
        spoilt.execute(spoil)
    report = verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)
    assert told in str(report.problem)
