"""One change, of any kind, anywhere in a log of thousands of facts: it is found, and its place is named."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.hub.journal import FactKind, Journal, JournalLimits, verify
from tests.journal.builders import AT, NOW, ORIGIN, SIGNER, TENANT, message, open_journal

MESSAGES = 500
FACTS = 3 * MESSAGES
EVERY = 100
LIMITS = JournalLimits(max_open_records=10_000, checkpoint_every_facts=EVERY, wal_bytes=1 << 22)
once = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
seqs = st.integers(1, FACTS)


async def write(journal: Journal) -> None:
    """One fact at a time, so that there is a checkpoint at every hundredth."""
    for number in range(MESSAGES):
        await journal.record(message((0, 1)), at=AT, now=NOW)
        await journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": number}, at=AT)
        await journal.fact(FactKind.EDGE_LINKED, {"edge": "made_up"}, at=AT)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / f"{TENANT}.db"
    journal = open_journal(path, LIMITS)
    asyncio.run(write(journal))
    journal.close()
    return path


@pytest.fixture
def log(written: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Each change is made in a transaction of its own, and rolled back by copying anew."""
    path = Path(shutil.copy(written, tmp_path))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def located(log: sqlite3.Connection, written: Path) -> int | None:
    """Where verification says that the log was altered; afterwards it is as it was."""
    path = Path(log.execute("PRAGMA database_list").fetchone()[2])
    report = verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)
    with closing(sqlite3.connect(written)) as genuine:
        genuine.backup(log)
    assert (report.problem is None) == (report.at_seq is None)
    return report.at_seq


def test_as_it_was_written_it_is_whole(log: sqlite3.Connection, written: Path) -> None:
    assert located(log, written) is None
    assert log.execute("SELECT count(*), max(size) FROM checkpoint").fetchone() == (FACTS // EVERY, FACTS)


@once
@given(seqs, st.sampled_from(["at", "kind", "message_id", "commitment", "salt", "body", "tag_salt"]), st.data())
def test_a_changed_bit_of_a_fact(
    log: sqlite3.Connection, written: Path, seq: int, column: str, data: st.DataObject
) -> None:
    (value,) = log.execute(f"SELECT {column} FROM fact WHERE seq = ?", (seq,)).fetchone()
    log.execute(f"UPDATE fact SET {column} = ? WHERE seq = ?", (flipped(value, data), seq))
    assert located(log, written) == seq


@once
@given(st.integers(1, FACTS // EVERY), st.sampled_from(["note", "frontier"]), st.data())
def test_a_changed_bit_of_a_checkpoint(
    log: sqlite3.Connection, written: Path, number: int, column: str, data: st.DataObject
) -> None:
    size = number * EVERY
    (value,) = log.execute(f"SELECT {column} FROM checkpoint WHERE size = ?", (size,)).fetchone()
    log.execute(f"UPDATE checkpoint SET {column} = ? WHERE size = ?", (flipped(value, data), size))
    assert located(log, written) == size


@once
@given(seqs)
def test_a_fact_removed_and_the_others_closed_up(log: sqlite3.Connection, written: Path, seq: int) -> None:
    log.execute("PRAGMA foreign_keys = OFF")
    for table in ("fact", "tag"):
        log.execute(f"DELETE FROM {table} WHERE seq = ?", (seq,))
        log.execute(f"UPDATE {table} SET seq = -seq + 1 WHERE seq > ?", (seq,))
        log.execute(f"UPDATE {table} SET seq = -seq WHERE seq < 0")
    assert located(log, written) == seq


@once
@given(seqs, seqs)
def test_a_fact_said_once_more(log: sqlite3.Connection, written: Path, one: int, after: int) -> None:
    """A copy of one stands behind another, and all later ones have moved up."""
    columns = "at, kind, message_id, commitment, salt, body, NULL"
    log.execute("PRAGMA foreign_keys = OFF")
    row = log.execute(f"SELECT {columns} FROM fact WHERE seq = ?", (one,)).fetchone()
    for table in ("fact", "tag"):
        log.execute(f"UPDATE {table} SET seq = -seq - 1 WHERE seq > ?", (after,))
        log.execute(f"UPDATE {table} SET seq = -seq WHERE seq < 0")
    log.execute("INSERT INTO fact VALUES (?,?,?,?,?,?,?,?)", (after + 1, *row))
    assert located(log, written) == after + 1


@once
@given(st.lists(seqs, min_size=2, max_size=2, unique=True))
def test_two_facts_in_each_others_place(log: sqlite3.Connection, written: Path, both: list[int]) -> None:
    one, other = sorted(both)
    log.execute("PRAGMA foreign_keys = OFF")
    for table in ("fact", "tag"):
        for old, new in ((one, -1), (other, one), (-1, other)):
            log.execute(f"UPDATE {table} SET seq = ? WHERE seq = ?", (new, old))
    assert located(log, written) == one


@once
@given(st.integers(0, FACTS - 1))
def test_the_end_cut_off(log: sqlite3.Connection, written: Path, left: int) -> None:
    log.execute("PRAGMA foreign_keys = OFF")
    for table in ("fact", "tag", "message"):
        log.execute(f"DELETE FROM {table} WHERE seq > ?", (left,))
    log.execute("DELETE FROM envelope WHERE message > ?", (left,))
    assert located(log, written) == left + 1


@once
@given(st.integers(1, FACTS // EVERY), st.integers(1, FACTS // EVERY))
def test_a_checkpoint_in_anothers_place(log: sqlite3.Connection, written: Path, one: int, other: int) -> None:
    log.execute(
        "UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = ?) WHERE size = ?",
        (one * EVERY, other * EVERY),
    )
    assert located(log, written) == (None if one == other else other * EVERY)


async def test_a_checkpoint_taken_away(tmp_path: Path) -> None:
    """What a person decided came with one: whoever takes that away, so as to change what it signs, is seen."""
    path = tmp_path / f"{TENANT}.db"
    with closing(open_journal(path, LIMITS)) as journal:
        for count in range(4):
            await journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": count}, at=AT)
        await journal.fact(FactKind.OPERATOR_ACTED, {"operator": "made_up", "act": "dead"}, at=AT)
        await journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": 5}, at=AT)
    with closing(sqlite3.connect(path, isolation_level=None)) as log:
        assert log.execute("SELECT size FROM checkpoint").fetchall() == [(5,), (6,)]
        log.execute("DELETE FROM checkpoint WHERE size = 5")
    report = verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)
    assert (report.at_seq, "no checkpoint signs it" in str(report.problem)) == (5, True)


def flipped(value: Any, data: st.DataObject) -> Any:
    """One bit of it is another; what is empty is something."""
    if value is None:
        return b"x"
    changed = bytearray(value.encode() if isinstance(value, str) else value)
    bit = data.draw(st.integers(0, 8 * len(changed) - 1))
    changed[bit // 8] ^= 1 << bit % 8
    return changed.decode("latin-1") if isinstance(value, str) else bytes(changed)
