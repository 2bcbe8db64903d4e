"""A log verified side by side, stretch by stretch: what is found, and where, is what one process finds."""

import asyncio
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from operator import add
from pathlib import Path

import pytest

from gateway.hub.journal import JournalLimits, VerifyReport, stretch, verify
from gateway.hub.journal.facts import Altered, FactKind
from gateway.hub.journal.spread import AHEAD, spread
from tests.journal.builders import AT, NOW, ORIGIN, SIGNER, TENANT, message, open_journal

FACTS = 60
LIMITS = JournalLimits(max_open_records=1000, checkpoint_every_facts=7, wal_bytes=1 << 20)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty facts, a checkpoint at every seventh and at the end."""
    path = tmp_path_factory.mktemp("log") / f"{TENANT}.db"
    journal = open_journal(path, LIMITS)

    async def write() -> None:
        for number in range(FACTS // 2):
            await journal.record(message((0, 1)), at=AT, now=NOW)
            await journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": number}, at=AT)

    asyncio.run(write())
    journal.close()
    return path


@pytest.fixture
def log(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path))


@pytest.fixture
def side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes, for stretches of ten facts."""
    monkeypatch.setattr(stretch, "processes", lambda _: 2)
    monkeypatch.setattr(stretch, "FACTS", 10)


def verified(path: Path) -> VerifyReport:
    return verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def test_side_by_side_an_untouched_log_is_whole(log: Path, side_by_side: None) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(log, verifier=SIGNER.verifier(), progress=lambda done, total: seen.append((done, total)))
    assert (report.problem, report.facts, report.signed_facts, report.checkpoints) == (None, FACTS, FACTS, 9)
    assert seen == sorted(seen)
    assert seen[-1] == (FACTS, FACTS)


def killed(_: Path) -> int:
    os._exit(9)


CHANGES = [
    # Two of each, in different stretches: the first counts.
    ("UPDATE fact SET salt = zeroblob(32) WHERE seq IN (14, 36)", 14),
    ("UPDATE fact SET salt = zeroblob(32) WHERE seq IN (40, 41)", 40),
    ("UPDATE checkpoint SET note = '' WHERE size IN (21, 49)", 21),
    ("UPDATE checkpoint SET frontier = (SELECT frontier FROM checkpoint WHERE size = 14) WHERE size = 35", 35),
    ("DELETE FROM fact WHERE seq BETWEEN 30 AND 50", 30),
    ("UPDATE tag SET tag = zeroblob(16) WHERE seq = 33", 33),
    ("DELETE FROM message WHERE seq IN (31, 51)", 31),
    ("UPDATE envelope SET packed = x'00' WHERE message = 59", 59),
    ("INSERT INTO tag VALUES (99, 0, zeroblob(16))", 61),
    ("UPDATE fact SET kind = 'gateway.started' WHERE seq = 60", 60),
]


@pytest.mark.parametrize(("change", "at"), CHANGES)
def test_what_is_found_is_the_first_and_what_one_process_finds(
    log: Path, change: str, at: int, request: pytest.FixtureRequest
) -> None:
    tamper(log, change)
    alone = verified(log)
    assert alone.at_seq == at
    request.getfixturevalue("side_by_side")
    assert verified(log) == alone


def test_a_fact_rewritten_with_its_commitment_is_found_where_a_stretch_ends_too(log: Path, side_by_side: None) -> None:
    """No stretch by itself can know: the tree does."""
    tamper(
        log,
        "DELETE FROM tag WHERE seq = 39",
        "UPDATE fact SET (at, kind, message_id, commitment, salt, body, tag_salt) ="
        " (SELECT at, kind, message_id, commitment, salt, body, tag_salt FROM fact WHERE seq = 40) WHERE seq = 39",
    )
    assert verified(log).problem == "fact 39 is out of order: in its place lies fact 40"


def test_a_log_that_cannot_be_read_is_a_problem_of_a_stretch_too(log: Path, side_by_side: None) -> None:
    damaged = bytearray(log.read_bytes())
    for start in range(4096, len(damaged), 4096):
        damaged[start : start + 64] = b"\xa5" * 64
    log.write_bytes(damaged)
    assert (verified(log).problem or "").startswith(f"{TENANT}.db ")


def test_a_log_is_not_verified_if_a_process_that_did_so_is_killed(
    log: Path, side_by_side: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.hub.journal.stretch.check_indexes_in", killed)
    assert (verified(log).problem or "").startswith(f"{TENANT}.db was not verified to its end")


def test_what_a_process_found_comes_over_whole() -> None:
    found = pickle.loads(pickle.dumps(Altered(7, "fact 7 is missing")))
    assert (found.seq, str(found)) == (7, "fact 7 is missing")


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_pieces_and_no_more_is_taken_than_can_wait(processes: int) -> None:
    taken = 0

    def pieces() -> Iterator[partial[int]]:
        nonlocal taken
        for number in range(3 * AHEAD):
            taken = number + 1
            yield partial(add, number, 1)

    with spread(processes) as over:
        results = over(pieces())
        assert next(results) == 1
        assert taken <= AHEAD
        assert list(results) == list(range(2, 3 * AHEAD + 1))


WAITS = """
import sys, time
from functools import partial
from gateway.hub.journal.spread import spread

if __name__ == "__main__":
    with spread(2) as over:
        for _ in over(partial(time.sleep, seconds) for seconds in (0, 0, 60)):
            print("waits", flush=True)
"""


def test_nobody_stays_when_the_one_who_asked_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "waits.py"
    script.write_text(WAITS)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) >= 2
        process.kill()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{each}").exists() for each in children):
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.02)
