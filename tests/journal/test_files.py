"""The journal's files are touched from outside or cannot be written: nothing passes any more, and health says why."""

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import Deferred, Misconfigured
from gateway.hub.journal import FactKind, Journal, JournalLimits, verify
from gateway.hub.journal.sentinel import FileChanged, FileMoved, Sentinel
from gateway.hub.journal.transaction import Transaction
from gateway.hub.journal.writer import MAX_GROUP
from gateway.messages import Recorded
from gateway.tlog.note import Signer
from tests.journal.builders import AT, LIMITS, NOW, ORIGIN, SIGNER, TENANT, id_of, message, open_journal


def wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def replace(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    copy.rename(path)


def symlink(path: Path) -> None:
    moved = path.rename(path.with_name("moved"))
    path.symlink_to(moved)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\0" * 32)


MISHAPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "database deleted": (lambda path: path.unlink(), f"{TENANT}.db was deleted or moved away"),
    "database moved": (lambda path: path.rename(path.with_name("moved")), f"{TENANT}.db was deleted"),
    "database replaced": (replace, f"{TENANT}.db was replaced by another file"),
    "database truncated": (lambda path: os.truncate(path, 4096), f"{TENANT}.db was truncated"),
    "database overwritten": (overwrite, f"{TENANT}.db was overwritten"),
    "database linked": (lambda path: path.with_name("link").hardlink_to(path), f"{TENANT}.db has a second hard link"),
    "database a symlink": (
        symlink,
        f"{TENANT}.db was replaced by another file",
    ),
    "wal deleted": (lambda path: wal(path).unlink(), f"{TENANT}.db-wal was deleted"),
    "wal replaced": (lambda path: replace(wal(path)), f"{TENANT}.db-wal was replaced"),
    "wal truncated": (lambda path: os.truncate(wal(path), 0), f"{TENANT}.db-wal was truncated"),
    "wal overwritten": (lambda path: overwrite(wal(path)), f"{TENANT}.db-wal was overwritten"),
    "wal linked": (lambda path: path.with_name("link").hardlink_to(wal(path)), f"{TENANT}.db-wal has a second"),
    "folder moved": (
        lambda path: path.parent.rename(path.parent.with_name("elsewhere")),
        f"{TENANT}.db was deleted or moved away",
    ),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "journals"
    folder.mkdir()
    return folder / f"{TENANT}.db"


@pytest.mark.parametrize("name", MISHAPS)
async def test_a_touched_file_stops_everything_and_health_names_the_cause(path: Path, name: str) -> None:
    mishap, cause = MISHAPS[name]
    journal = open_journal(path)
    sent = message()
    await journal.record(sent, at=AT, now=NOW)
    mishap(path)
    for _ in range(2):
        with pytest.raises(Deferred) as caught:
            await journal.record(message(), at=AT, now=NOW)
        assert caught.value.code == "log_unavailable"
    ok, detail = journal.health()
    assert not ok
    assert cause in detail
    assert str(path.parent) not in detail
    with pytest.raises(Deferred, match="log_unavailable"):
        journal.message(id_of(sent))
    with pytest.raises(Deferred, match="log_unavailable"):
        list(journal.open_messages())
    journal.close()


async def test_a_group_that_waits_when_the_file_goes_is_not_acknowledged(path: Path) -> None:
    journal = open_journal(path)
    await journal.record(message(), at=AT, now=NOW)
    path.unlink()
    sends = [journal.record(message(), at=AT, now=NOW) for _ in range(50)]
    results = await asyncio.gather(*sends, return_exceptions=True)
    assert {type(each) for each in results} == {Deferred}
    assert journal.size_and_root()[0] == 1
    journal.close()


async def test_a_file_that_goes_in_the_midst_of_a_commit_takes_the_acknowledgement_with_it(path: Path) -> None:
    journal = open_journal(path)
    await journal.record(message(), at=AT, now=NOW)
    sent = journal.record(message(), at=AT, now=NOW)
    results = await asyncio.gather(journal._writer.commit(lambda _: path.unlink()), sent, return_exceptions=True)
    assert {type(each) for each in results} == {Deferred}
    journal.close()


async def test_health_sees_a_deleted_file_without_traffic(path: Path) -> None:
    journal = open_journal(path)
    assert journal.health() == (True, "")
    path.unlink()
    ok, detail = journal.health()
    assert not ok
    assert "deleted" in detail
    journal.close()


async def test_health_sees_a_truncated_database_without_traffic(path: Path) -> None:
    journal = open_journal(path)
    os.truncate(path, 4096)
    assert journal.health() == (False, f"The central log cannot be trusted: {TENANT}.db was truncated.")
    journal.close()


async def test_a_reader_that_stumbles_over_a_truncated_database_names_the_truncation(path: Path) -> None:
    journal = open_journal(path)
    sent = message()
    await journal.record(sent, at=AT, now=NOW)
    journal.close()
    journal = open_journal(path)  # what was sent is in the database itself now, and nothing of it in a cache
    os.truncate(path, 4096)
    with pytest.raises(Deferred, match="log_unavailable"):
        journal.message(id_of(sent))
    assert journal.health() == (False, f"The central log cannot be trusted: {TENANT}.db was truncated.")
    journal.close()


async def test_a_database_that_grows_while_somebody_looks_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_journal(path)
    database, fstat = journal._writer._database, os.fstat

    def grows(fd: int) -> os.stat_result:
        seen = fstat(fd)
        if fd == database._fd:  # the thread has written, and remembers it, before this look is judged
            database.size = seen.st_size + 4096
        return seen

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", grows)
        assert journal.health() == (True, "")
    database.remember()
    journal.close()


async def test_the_first_cause_stands_and_is_what_closing_goes_by(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread finds something else while this one looks at the files."""
    journal = open_journal(path)
    check = Sentinel.check_length

    def meanwhile(database: Sentinel) -> None:
        monkeypatch.setattr(Sentinel, "check_length", check)
        journal._writer.break_off(FileChanged("it was overwritten"))

    monkeypatch.setattr(Sentinel, "check_length", meanwhile)
    journal._writer.break_off(FileMoved("it was moved"))
    assert journal.health() == (False, "The central log cannot be trusted: it was overwritten.")
    assert not journal._writer.intact
    journal.close()


async def test_closing_a_broken_journal_spares_the_file_that_took_its_place(path: Path) -> None:
    journal = open_journal(path)
    await journal.record(message(), at=AT, now=NOW)
    for each in (path, wal(path)):
        each.unlink()
        each.write_bytes(b"somebody else's")
    with pytest.raises(Deferred):
        await journal.record(message(), at=AT, now=NOW)
    journal.close()
    assert [each.read_bytes() for each in (path, wal(path))] == [b"somebody else's"] * 2


async def test_a_deleted_wal_costs_nothing_that_was_acknowledged(path: Path) -> None:
    journal = open_journal(path)
    sent = [message() for _ in range(3)]
    for each in sent:
        await journal.record(each, at=AT, now=NOW)
    wal(path).unlink()
    with pytest.raises(Deferred):
        await journal.record(message(), at=AT, now=NOW)
    journal.close()
    journal = open_journal(path)
    assert all(journal.message(id_of(each)) for each in sent)
    journal.close()


async def test_an_overwritten_wal_does_not_reach_the_database(path: Path) -> None:
    open_journal(path).close()
    journal = open_journal(path)
    await journal.record(message(), at=AT, now=NOW)
    wal(path).write_bytes(b"\xa5" * wal(path).stat().st_size)
    with pytest.raises(Deferred):
        await journal.record(message(), at=AT, now=NOW)
    journal.close()
    open_journal(path).close()
    report = verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)
    assert (report.problem, report.facts) == (None, 0)


async def test_it_stays_broken_until_reopened(path: Path) -> None:
    journal = open_journal(path)
    await journal.record(message(), at=AT, now=NOW)
    link = path.with_name("link")
    link.hardlink_to(path)
    with pytest.raises(Deferred):
        await journal.record(message(), at=AT, now=NOW)
    link.unlink()
    with pytest.raises(Deferred):
        await journal.record(message(), at=AT, now=NOW)
    journal.close()
    journal = open_journal(path)
    await journal.record(message(), at=AT, now=NOW)
    assert journal.health() == (True, "")
    journal.close()


async def test_another_program_that_writes_into_the_database_stops_it(path: Path) -> None:
    journal = open_journal(path)
    await journal.record(message(), at=AT, now=NOW)
    stranger = sqlite3.connect(path)
    stranger.execute("UPDATE fact SET kind = 'x'")
    stranger.commit()
    stranger.close()
    with pytest.raises(Deferred):
        await journal.record(message(), at=AT, now=NOW)
    assert "another program" in journal.health()[1]
    journal.close()


@pytest.mark.parametrize("records", [1, 100], ids=["filled in on the loop", "filled in by the thread"])
async def test_a_lock_of_another_program_holds_it_up_until_it_is_let_go(path: Path, records: int) -> None:
    journal = open_journal(path)
    stranger = sqlite3.connect(path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(Deferred) as caught:
        await journal.record(message(range(records)), at=AT, now=NOW)
    assert caught.value.code == "log_unavailable"
    assert journal.health() == (False, "The central log cannot be written: SQLITE_BUSY.")
    stranger.execute("ROLLBACK")
    assert (await journal.record(message(range(records)), at=AT, now=NOW)).seq == 1
    assert journal.health() == (True, "")
    stranger.close()
    journal.close()


async def test_while_another_program_holds_it_the_loop_does_not_wait_for_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, waiting = Transaction.begin, list[str]()

    def begun(transaction: Transaction) -> None:
        waiting.append(threading.current_thread().name)
        begin(transaction)

    monkeypatch.setattr(Transaction, "begin", begun)
    journal = open_journal(path)
    stranger = sqlite3.connect(path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    for _ in range(4):
        with pytest.raises(Deferred):
            await journal.record(message(), at=AT, now=NOW)
    assert waiting == [threading.current_thread().name, *["journal"] * 4], "the loop does once"
    stranger.close()
    journal.close()


async def test_a_full_disk_stops_it_and_what_was_acknowledged_stays(path: Path) -> None:
    journal = open_journal(path)
    await journal.record(message(), at=AT, now=NOW)
    pages = await journal._writer.commit(lambda each: each.execute("PRAGMA page_count").fetchone()[0])
    await journal._writer.commit(lambda each: each.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone())
    sends = [journal.record(message(range(20)), at=AT, now=NOW) for _ in range(MAX_GROUP + 100)]
    results = await asyncio.gather(journal.record(message(), at=AT, now=NOW), *sends, return_exceptions=True)
    acknowledged = 1 + sum(isinstance(each, Recorded) for each in results)
    assert any(isinstance(each, Deferred) for each in results)
    assert journal.health() == (False, "The central log cannot be written: SQLITE_FULL.")
    journal.close()
    journal = open_journal(path)
    assert journal.size_and_root()[0] == acknowledged
    await journal.record(message(), at=AT, now=NOW)
    journal.close()


async def test_a_fault_of_our_own_in_one_write_harms_no_other(journal: Journal) -> None:
    def faulty(transaction: object) -> None:
        raise ZeroDivisionError

    results = await asyncio.gather(
        journal.record(message(), at=AT, now=NOW),
        journal._writer.commit(faulty),
        journal.record(message(), at=AT, now=NOW),
        return_exceptions=True,
    )
    assert isinstance(results[1], ZeroDivisionError)
    assert journal.size_and_root()[0] == 2
    assert journal.health() == (True, "")


async def test_a_write_that_fails_half_way_is_taken_back_and_harms_no_other(journal: Journal) -> None:
    def half_written(transaction: Transaction) -> None:
        transaction.append(FactKind.GATEWAY_STARTED, {}, at=AT)
        raise ZeroDivisionError

    results = await asyncio.gather(
        journal.record(message(), at=AT, now=NOW),
        journal._writer.commit(half_written),
        journal.record(message(), at=AT, now=NOW),
        return_exceptions=True,
    )
    assert isinstance(results[1], ZeroDivisionError)
    assert [each.seq for each in results if isinstance(each, Recorded)] == [1, 2]
    assert journal.size_and_root()[0] == 2


async def test_moving_the_wal_into_the_database_is_not_taken_for_tampering(path: Path) -> None:
    """With a WAL limit so small that it is moved all the time, and readers in the way some of the time."""
    limits = JournalLimits(max_open_records=10_000, checkpoint_every_facts=7, wal_bytes=30_000)
    journal = open_journal(path, limits)
    stranger = sqlite3.connect(path, isolation_level=None)
    for round_ in range(12):
        if round_ % 4 == 1:
            stranger.execute("BEGIN")
            stranger.execute("SELECT count(*) FROM fact").fetchone()
        await asyncio.gather(*(journal.record(message(range(5)), at=AT, now=NOW) for _ in range(10)))
        with pytest.raises(ValueError, match="made up"):
            await journal._writer.commit(refuse)
        if round_ % 4 == 2:
            stranger.execute("COMMIT")
        assert journal.health() == (True, "")
    assert wal(path).stat().st_size < 400_000
    stranger.close()
    journal.close()
    assert verify(path, verifier=SIGNER.verifier(), origin=ORIGIN).problem is None


def refuse(transaction: object) -> None:
    raise ValueError("made up")


async def test_a_waiting_caller_that_is_cancelled_loses_nothing_for_others(journal: Journal) -> None:
    gone = asyncio.ensure_future(journal.record(message(), at=AT, now=NOW))
    await asyncio.sleep(0)
    gone.cancel()
    assert await journal.fact(FactKind.GATEWAY_STOPPED, {}, at=AT) == 2


async def test_two_gateways_cannot_open_one_journal(journal: Journal, path: Path) -> None:
    with pytest.raises(Misconfigured, match="another gateway has this journal open"):
        open_journal(path)
    await journal.record(message(), at=AT, now=NOW)
    assert journal.health() == (True, "")


async def test_the_file_is_its_owners_alone(journal: Journal, path: Path) -> None:
    assert {each.stat().st_mode & 0o777 for each in (path, wal(path))} == {0o600}


@pytest.mark.parametrize("made", ["text", "database", "folder"])
def test_what_is_no_journal_is_not_opened(path: Path, made: str) -> None:
    if made == "text":
        path.write_text("not a database at all, but long enough to look at it for a while" * 20)
    elif made == "database":
        stranger = sqlite3.connect(path)
        stranger.execute("CREATE TABLE t (c)")
        stranger.close()
    else:
        path.mkdir()
    with pytest.raises(Misconfigured, match=f"{TENANT}.db: "):
        open_journal(path)


def test_a_missing_folder_is_said_to_be_missing(path: Path) -> None:
    with pytest.raises(Misconfigured, match="ENOENT"):
        open_journal(path.parent / "absent" / path.name)


@pytest.mark.parametrize(
    "planted",
    [
        "CREATE TRIGGER sqliteXstat AFTER INSERT ON fact BEGIN DELETE FROM tag; END",
        "CREATE TRIGGER sqlite AFTER INSERT ON fact BEGIN DELETE FROM tag; END",
        "CREATE TABLE sqliteXstat1 (c)",
    ],
)
def test_what_somebody_planted_in_the_schema_is_found_whatever_its_name(path: Path, planted: str) -> None:
    open_journal(path).close()
    with closing(sqlite3.connect(path)) as tables:
        tables.execute("ANALYZE")
    open_journal(path).close()
    with closing(sqlite3.connect(path)) as tables:
        tables.execute(planted)
    with pytest.raises(Misconfigured):
        open_journal(path)


def test_another_tenants_journal_is_not_opened(path: Path) -> None:
    open_journal(path).close()
    with pytest.raises(Misconfigured, match="another tenant"):
        Journal.open(path, tenant="000000", origin=ORIGIN, signer=SIGNER, limits=LIMITS)


def test_a_log_signed_by_another_key_is_not_opened(path: Path) -> None:
    journal = open_journal(path)
    asyncio.run(write_one(journal))
    journal.close()
    other = Signer(ORIGIN, Ed25519PrivateKey.generate())
    with pytest.raises(Misconfigured, match="checkpoint of 1"):
        Journal.open(path, tenant=TENANT, origin=ORIGIN, signer=other, limits=LIMITS)


async def write_one(journal: Journal) -> None:
    await journal.record(message(), at=AT, now=NOW)
