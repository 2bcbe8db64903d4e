"""A gateway at work finds by itself what its start, which looks at the last facts alone, does not."""

import asyncio
import io
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.hub.journal import FactKind, Journal, verify
from gateway.observe import Telemetry, configure
from gateway.wiring.reached import went_back
from gateway.wiring.verifying import Verifying
from tests.journal.builders import AT, SIGNER, TENANT, open_journal


async def fill(journal: Journal) -> None:
    await journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": 1}, at=AT)
    right = {"person": "staff-0012", "role": "officer", "certificate": "c" * 64, "until": "2027-01-01"}
    await journal.fact(FactKind.PERSON_REVOKED, right, at=AT)
    await journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": 2}, at=AT)


def verifying(journal: Journal, printed: io.StringIO) -> Verifying:
    return Verifying(lambda: {TENANT: journal}, lambda _: SIGNER.verifier(), TENANT, Telemetry(configure(printed)))


async def test_a_log_that_is_whole_goes_on(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        await fill(journal)
        found = verifying(journal, io.StringIO())
        await found.look(TENANT, journal)
        assert found.whole == {TENANT}
        assert journal.health() == (True, "")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE fact SET kind = 'operator.acted' WHERE kind = 'person.revoked'",
        "UPDATE fact SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 1",
    ],
)
async def test_a_column_that_was_changed_while_it_stood_breaks_the_log(path: Path, change: str) -> None:
    printed = io.StringIO()
    with closing(open_journal(path)) as journal:
        await fill(journal)
    with closing(sqlite3.connect(path, isolation_level=None)) as log:
        log.execute(change)
    with closing(open_journal(path)) as journal:  # it starts: the change lies before the last checkpoint
        found = verifying(journal, printed)
        await found.look(TENANT, journal)
        assert found.whole == set()
        healthy, why = journal.health()
    assert not healthy
    assert "is not what was written: fact" in why
    assert '"log.altered"' in printed.getvalue()


async def test_a_log_that_cannot_be_read_is_not_taken_for_altered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file handle is free, another program has it, a process was killed: messages pass, and nothing is deleted."""
    printed = io.StringIO()
    with closing(open_journal(path)) as journal:
        await fill(journal)
        found = verifying(journal, printed)
        with monkeypatch.context() as busy:
            busy.setattr(sys.modules[verify.__module__], "connect", unreadable)
            await found.look(TENANT, journal)
        assert (found.whole, journal.health()) == (set(), (True, ""))
        assert '"log.unread"' in printed.getvalue()
        await found.look(TENANT, journal)
        assert found.whole == {TENANT}


def unreadable(_: Path) -> sqlite3.Connection:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorname = "SQLITE_CANTOPEN"
    raise error


async def test_it_ends_with_the_gateway(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        await fill(journal)
        running = asyncio.create_task(verifying(journal, io.StringIO()).run())
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_beside_a_system_s_log_that_is_gone_no_other_goes_on(path: Path, tmp_path: Path) -> None:
    with closing(open_journal(path)) as journal, closing(open_journal(tmp_path / "system.db")) as system:
        await fill(journal)
        size, root = journal.size_and_root()
        now: dict[str, dict[str, Any]] = {
            "logs": {TENANT: size},
            "roots": {TENANT: root.hex()},
            "directories": {TENANT: 1},
        }
        how = "put back its newest copy, as docs/restore.md says"
        told = [f"the log of system tells of no start, and that of {TENANT} has 3 facts: it is gone; {how}"]
        assert went_back(system, now) == told
        await system.fact(FactKind.GATEWAY_REFUSED_TO_START, {"config": "", "problems": told}, at=AT)
        assert went_back(system, now) == told, "and so at the next start"
        nothing: dict[str, dict[str, Any]] = {"logs": {TENANT: 0}, "roots": {TENANT: ""}, "directories": {TENANT: 1}}
        assert went_back(system, nothing) == []
