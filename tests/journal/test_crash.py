"""Whatever was acknowledged is there after a kill -9 and after a fault at any write, and the log verifies."""

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway.errors import Deferred
from gateway.hub.journal import Journal, JournalLimits, verify
from gateway.messages import Ending, RecordOutcome
from tests.journal.builders import AT, NOW, ORIGIN, SIGNER, id_of, message, open_journal, settlements_due

ROOT = Path(__file__).parents[2]
ROUNDS = 4


def verified(path: Path) -> int:
    report = verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)
    assert report.problem is None
    return report.facts


def test_kill_9_loses_nothing_that_was_acknowledged(path: Path) -> None:
    chance = random.Random(20260401)
    acknowledged: dict[str, tuple[int, bool]] = {}
    rounds = 0
    while rounds < ROUNDS or len(acknowledged) <= ROUNDS:  # the disk may stand still for as long as a round
        rounds += 1
        assert rounds < 10 * ROUNDS, "nothing is ever acknowledged"
        command = [sys.executable, "-m", "tests.journal.endless_writer", str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            time.sleep(chance.uniform(0.0, 0.4))
            process.kill()
            for line in process.stdout:
                number, message_id, what = line.split()
                acknowledged[message_id] = (int(number), what == "concluded")

        facts = verified(path)
        journal = open_journal(path)
        assert journal.size_and_root()[0] == facts
        for message_id, (seq, concluded) in acknowledged.items():
            status = journal.message(message_id)
            assert status is not None
            assert status.seq == seq
            if concluded:
                assert status.ended
                assert [each.ending for each in status.outcomes] == [Ending.ACCEPTED, Ending.DEAD]
        due = list(journal.open_messages())
        assert all([index for index, _ in each.records] == [0, 1] for each in due)
        journal.close()


class Faulty(sqlite3.Connection):
    """Fails at one statement of the connection that writes: before it takes effect, or after."""

    writes: ClassVar[sqlite3.Connection | None] = None
    left: ClassVar[int | None] = None
    persisted: ClassVar[bool] = False

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        return self._fail_or(partial(super().execute, *arguments))

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        return self._fail_or(partial(super().executemany, *arguments))

    def _fail_or(self, statement: Callable[[], sqlite3.Cursor]) -> sqlite3.Cursor:
        if Faulty.left is None or self is not Faulty.writes:
            return statement()
        Faulty.left -= 1
        if Faulty.left == -1:
            if Faulty.persisted:
                statement()
            raise sqlite3.OperationalError("disk I/O error")
        return statement()


LIMITS = JournalLimits(max_open_records=100, checkpoint_every_facts=2, wal_bytes=1)


async def story(journal: Journal, told: list[str]) -> None:
    """A request, its attempt, its conclusion with a reply, its settlement; `told` is what was acknowledged."""
    asked = message((0, 1), kind="request")
    reply = message(
        (0,), kind="reply", source="vaccination_records", destination="health_management", correlation_id=id_of(asked)
    )
    outcomes = [RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(1, Ending.DEAD, "gave_up")]
    steps: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
        ("recorded", lambda: journal.record(asked, at=AT, now=NOW)),
        ("attempted", lambda: journal.attempted(id_of(asked), [0, 1], attempt=1, at=AT)),
        (
            "concluded",
            lambda: journal.conclude(id_of(asked), outcomes, attempt=1, next_at=None, at=AT, now=NOW, reply=reply),
        ),
        ("settled", lambda: journal.settled(id_of(asked))),
    ]
    told.append(id_of(asked))
    for name, step in steps:
        await step()
        told.append(name)


@pytest.mark.parametrize("persisted", [False, True], ids=["failed, not persisted", "failed, but persisted"])
async def test_a_fault_at_any_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, persisted: bool) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Faulty))
    monkeypatch.setattr(Faulty, "persisted", persisted)
    fault, finished = 0, False
    while not finished:
        path = tmp_path / f"{fault}.db"
        journal = open_journal(path, LIMITS)
        told: list[str] = []
        monkeypatch.setattr(Faulty, "writes", journal._writer._transaction.connection)
        monkeypatch.setattr(Faulty, "left", fault)
        try:
            await story(journal, told)
        except Deferred:
            assert journal.health() == (False, "The central log cannot be written: OperationalError.")
        finished = Faulty.left is not None and Faulty.left >= 0
        monkeypatch.setattr(Faulty, "left", None)
        journal.close()
        await everything_told_is_there(path, told)
        fault += 1
    assert fault > 30


async def everything_told_is_there(path: Path, told: list[str]) -> None:
    """And each step is there wholly or not at all, whether or not it was told of."""
    facts = verified(path)
    journal = open_journal(path, LIMITS)
    kinds = [fact["kind"] for fact in journal.trace(told[0])]
    status = journal.message(told[0])
    steps = len(told) - 1
    expected = ["message.recorded", "delivery.attempted", "delivery.concluded", "message.dead"]
    assert kinds in ([], expected[:1], expected[:2], expected)
    assert len(kinds) >= (0, 1, 2, 4, 4)[steps]
    assert facts == len(kinds) + (1 if len(kinds) == 4 else 0)
    if kinds:
        assert status is not None
        assert status.ended == (len(kinds) == 4) == (status.reply_id is not None)
        assert status.open_records == (0 if status.ended else 2)
    if steps == 4:
        assert settlements_due(journal) == []
    await journal.record(message(), at=AT, now=NOW)
    assert journal.size_and_root()[0] == facts + 1
    journal.close()
    verified(path)
