"""A log as a folder of files: whole, it convinces; altered in any place, it does not, and the place is named."""

import asyncio
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evidence.check import FolderReport, check_folder
from gateway.hub.journal import FactKind, Journal, JournalLimits
from gateway.hub.journal.export import export
from gateway.hub.journal.store import WrongStore
from gateway.tlog.cosignature import Cosigner, cosign
from gateway.tlog.note import Signer, open_note
from tests.journal.builders import AT, ORIGIN, SIGNER, TENANT, open_journal

FACTS = 600
LIMITS = JournalLimits(max_open_records=1000, checkpoint_every_facts=200, wal_bytes=1 << 20)
WITNESS = Cosigner("witness.example/made-up", Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))


async def fill(journal: Journal, facts: int) -> None:
    told = (journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": n}, at=AT) for n in range(facts))
    await asyncio.gather(*told)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`999997.db`, and `log/` with what was exported of it."""
    folder = tmp_path_factory.mktemp("site")
    journal = open_journal(folder / f"{TENANT}.db", LIMITS)
    asyncio.run(fill(journal, FACTS))
    journal.close()
    export(folder / f"{TENANT}.db", folder / "log", SIGNER.verifier())
    return folder


@pytest.fixture
def log(site: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(site / "log", tmp_path / "log"))


@pytest.fixture
def database(site: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(site / f"{TENANT}.db", tmp_path))


def checked(log: Path, earlier: str | None = None) -> FolderReport:
    return check_folder(log, SIGNER.verifier(), earlier=earlier)


def files(log: Path) -> list[Path]:
    return sorted(each for each in log.rglob("*") if each.is_file())


def test_an_exported_log_is_whole(log: Path) -> None:
    report = checked(log)
    assert (report.problem, report.origin, report.facts, report.gone) == (None, ORIGIN, FACTS, 0)
    assert [str(each.relative_to(log)) for each in files(log)] == [
        "checkpoint",
        "facts/000.jsonl",
        "facts/001.jsonl",
        "facts/002.p/88.jsonl",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/88",
    ]
    assert {each.stat().st_mode & 0o777 for each in files(log)} == {0o600}


@settings(max_examples=150)
@given(st.data())
def test_no_changed_bit_passes(site: Path, data: st.DataObject) -> None:
    every = [each for each in files(site / "log") if each.name != "checkpoint"]
    file = data.draw(st.sampled_from(every))
    content = file.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        file.write_bytes(changed)
        assert checked(site / "log").problem is not None
    finally:
        file.write_bytes(content)
    assert checked(site / "log").problem is None


def test_each_altered_fact_is_named(log: Path) -> None:
    file = log / "facts/001.jsonl"
    lines = file.read_bytes().split(b"\n")
    for at in random.Random(7).sample(range(256), 20):
        changed = [*lines[:at], lines[at].replace(b"made_up", b"made_uq"), *lines[at + 1 :]]
        file.write_bytes(b"\n".join(changed))
        report = checked(log)
        assert report.problem == f"fact {257 + at} is altered: its salt and body do not give its commitment"
        assert report.at_seq == 257 + at


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda log: (log / "checkpoint").unlink(), "no checkpoint"),
        (lambda log: (log / "facts/000.jsonl").unlink(), "from fact 1 on (000.jsonl)"),
        (lambda log: (log / "tile/entries/001").unlink(), "from fact 257 on (001)"),
        (lambda log: (log / "tile/1/000.p/2").unlink(), "(2)"),
        (lambda log: cut(log / "facts/001.jsonl", b"\n"), "as many facts as its name says"),
        (lambda log: cut(log / "tile/0/001", b""), "as many hashes as its name says"),
        (lambda log: swap(log / "facts/000.jsonl", 3, 4), "fact 4 is altered"),
        (lambda log: replay(log / "facts/000.jsonl", 3, 4), "fact 5 is altered"),
    ],
)
def test_what_is_missing_or_in_another_place_is_found(log: Path, change: object, said: str) -> None:
    change(log)  # type: ignore[operator]
    assert said in (checked(log).problem or "")


def cut(file: Path, end: bytes) -> None:
    """Without its last line, or its last bytes."""
    content = file.read_bytes().removesuffix(end)
    file.write_bytes(content[: content.rfind(b"\n")] + end if end else content[:-32])


def swap(file: Path, one: int, other: int) -> None:
    lines = file.read_bytes().split(b"\n")
    lines[one], lines[other] = lines[other], lines[one]
    file.write_bytes(b"\n".join(lines))


def replay(file: Path, one: int, over: int) -> None:
    lines = file.read_bytes().split(b"\n")
    lines[over] = lines[one]
    file.write_bytes(b"\n".join(lines))


def test_a_log_that_somebody_else_signed_is_not_believed(log: Path) -> None:
    stranger = Signer(ORIGIN, WITNESS.private_key).verifier()
    assert "not signed by the known key" in (check_folder(log, stranger).problem or "")
    unwitnessed = check_folder(log, SIGNER.verifier(), witnesses=[WITNESS.verifier()])
    assert "did not cosign" in (unwitnessed.problem or "")


async def test_a_witness_who_cosigned_is_named(database: Path, tmp_path: Path) -> None:
    journal = open_journal(database, LIMITS)
    size, note = journal.proofs.checkpoint() or (0, "")
    line = cosign(open_note(note, SIGNER.verifier()), WITNESS, at=1_800_000_000)
    await journal.proofs.cosigned(size, WITNESS.name, line)
    export(database, tmp_path / "log", SIGNER.verifier())
    report = check_folder(tmp_path / "log", SIGNER.verifier(), witnesses=[WITNESS.verifier()])
    assert (report.problem, report.cosigned) == (None, {WITNESS.name: 1_800_000_000})
    journal.close()


async def test_an_export_goes_on_where_it_ended(database: Path, log: Path) -> None:
    earlier = (log / "checkpoint").read_text()
    journal = open_journal(database, LIMITS)
    await fill(journal, 300)
    await journal.checkpoint()
    before = {each: each.stat().st_mtime_ns for each in files(log)}
    export(database, log, SIGNER.verifier())  # beside the running gateway
    journal.close()
    assert (checked(log, earlier).problem, checked(log).facts) == (None, FACTS + 300)
    assert not (log / "facts/002.p").exists()
    kept = [log / "facts/000.jsonl", log / "facts/001.jsonl", log / "tile/0/000"]
    assert {each: each.stat().st_mtime_ns for each in kept} == {each: before[each] for each in kept}


async def test_a_log_that_did_not_grow_out_of_the_folders_is_not_written(
    site: Path, database: Path, log: Path, tmp_path: Path
) -> None:
    journal = open_journal(database, LIMITS)
    await fill(journal, 10)
    journal.close()
    export(database, log, SIGNER.verifier())
    with pytest.raises(WrongStore, match="older copy"):
        export(site / f"{TENANT}.db", log, SIGNER.verifier())
    other = open_journal(tmp_path / "other.db", LIMITS)
    await fill(other, 700)
    other.close()
    with pytest.raises(WrongStore, match="did not grow"):
        export(tmp_path / "other.db", log, SIGNER.verifier())
    assert checked(log).facts == FACTS + 10


async def test_a_log_rolled_back_is_found_by_a_kept_checkpoint(database: Path, log: Path, tmp_path: Path) -> None:
    journal = open_journal(database, LIMITS)
    await fill(journal, 10)
    journal.close()
    export(database, tmp_path / "later", SIGNER.verifier())
    kept = (tmp_path / "later/checkpoint").read_text()
    report = checked(log, kept)
    assert (report.at_seq, report.problem) == (
        FACTS + 1,
        f"facts {FACTS + 1} to {FACTS + 10} are missing: an earlier checkpoint counts them",
    )


def test_a_fact_whose_content_is_gone_is_counted_and_its_place_still_proven(database: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("UPDATE fact SET salt = NULL, body = NULL WHERE seq <= 10")
    connection.commit()
    connection.close()
    export(database, tmp_path / "log", SIGNER.verifier())
    report = checked(tmp_path / "log")
    assert (report.problem, report.facts, report.gone) == (None, FACTS, 10)
