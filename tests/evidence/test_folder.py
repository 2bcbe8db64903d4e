"""A log as a folder of files: whole, it convinces; altered in any place, it does not, and the place is named."""

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.evidence.check import FolderReport, Vouched, check_folder
from gateway.evidence.folder import LogFolder
from gateway.hub.journal import FactKind, Journal, JournalLimits
from gateway.hub.journal.export import export
from gateway.hub.journal.store import WrongStore
from gateway.tlog.cosignature import Cosigner, cosign
from gateway.tlog.note import Checkpoint, Signer, open_note, sign
from tests.journal.builders import AT, ORIGIN, SIGNER, TENANT, open_journal

FACTS = 600
LIMITS = JournalLimits(max_open_records=1000, checkpoint_every_facts=200, wal_bytes=1 << 20)
WITNESS = Cosigner("witness.example/made-up", Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))

OTHER = Cosigner("witness.example/another", Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32))
SEEN = 1_800_000_000
NOW = datetime(2029, 5, 1, tzinfo=UTC)


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
    return check_folder(log, SIGNER.verifier(), now=NOW, earlier=earlier)


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


@pytest.mark.parametrize(
    ("file", "at", "fact"),
    [("tile/entries/000", 12 * 34 + 1, 13), ("tile/entries/001", 0, 257), ("facts/000.jsonl", 3, 1)],
)
def test_a_changed_byte_between_the_facts_is_found_at_its_fact(log: Path, file: str, at: int, fact: int) -> None:
    changed = bytearray((log / file).read_bytes())
    changed[at] ^= 1
    (log / file).write_bytes(changed)
    assert checked(log).at_seq == fact


def test_a_line_that_is_cut_in_two_is_found_at_its_fact(log: Path) -> None:
    lines = (log / "facts/001.jsonl").read_bytes().split(b"\n")
    lines[9] = lines[9][:90] + b"\n" + lines[9][91:]
    (log / "facts/001.jsonl").write_bytes(b"\n".join(lines))
    assert checked(log).at_seq == 266


def huge(file: Path) -> None:
    """A file that says it has a terabyte, and has nothing."""
    file.touch()
    os.truncate(file, 1 << 40)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/000", "tile/entries/001", "facts/002.p/88.jsonl"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda file: file.symlink_to("/dev/zero"), huge])
def test_what_could_keep_a_reader_for_ever_is_not_read(log: Path, name: str, make: Callable[[Path], None]) -> None:
    (log / name).unlink()
    make(log / name)
    assert "cannot be read" in (checked(log).problem or "")


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
    assert "not signed by the known key" in (check_folder(log, stranger, now=NOW).problem or "")
    unwitnessed = check_folder(log, SIGNER.verifier(), now=NOW, witnesses=[WITNESS.verifier()])
    assert "did not cosign" in (unwitnessed.problem or "")
    assert unwitnessed.facts > 0, "they are counted and checked all the same"
    assert f"the {unwitnessed.facts} facts are those that the checkpoint signs" in (unwitnessed.problem or "")


async def test_a_witness_who_cosigned_is_named(database: Path, tmp_path: Path) -> None:
    journal = open_journal(database, LIMITS)
    await cosigned(journal, WITNESS)
    export(database, tmp_path / "log", SIGNER.verifier())
    report = check_folder(tmp_path / "log", SIGNER.verifier(), now=NOW, witnesses=[WITNESS.verifier()])
    assert (report.problem, report.cosigned) == (None, {WITNESS.name: Vouched(FACTS, SEEN)})
    assert not (tmp_path / "log/cosigned").exists()
    journal.close()


async def cosigned(journal: Journal, witness: Cosigner, at: datetime | None = None) -> None:
    """The newest checkpoint by this witness, who is asked now."""
    size, note = journal.proofs.checkpoint() or (0, "")
    line = cosign(open_note(note, SIGNER.verifier()), witness, at=int(at.timestamp()) if at else SEEN)
    await journal.proofs.cosigned(size, witness.name, line)


@pytest.fixture
async def half_seen(database: Path, tmp_path: Path) -> Path:
    """A folder of FACTS + 20 facts; one witness saw the first FACTS, another 10 more."""
    journal = open_journal(database, LIMITS)
    for witness in (WITNESS, OTHER):
        await cosigned(journal, witness)
        await fill(journal, 10)
        await journal.checkpoint()
    export(database, tmp_path / "half", SIGNER.verifier())
    journal.close()
    return tmp_path / "half"


BOTH = [each.verifier() for each in (WITNESS, OTHER)]


def test_what_is_not_cosigned_yet_is_there_and_told_from_what_is(half_seen: Path) -> None:
    assert sorted(each.name for each in (half_seen / "cosigned").iterdir()) == [str(FACTS), str(FACTS + 10)]
    report = check_folder(half_seen, SIGNER.verifier(), now=NOW, witnesses=BOTH)
    assert (report.problem, report.facts) == (None, FACTS + 20)
    assert report.cosigned == {WITNESS.name: Vouched(FACTS, SEEN), OTHER.name: Vouched(FACTS + 10, SEEN)}


async def test_what_was_cosigned_since_takes_the_place_of_what_was_before(half_seen: Path, database: Path) -> None:
    journal = open_journal(database, LIMITS)
    await cosigned(journal, WITNESS)
    await fill(journal, 1)
    journal.close()
    done = export(database, half_seen, SIGNER.verifier())
    assert (done and done.cosigned, checked(half_seen).facts) == (FACTS + 20, FACTS + 21)
    assert sorted(each.name for each in (half_seen / "cosigned").iterdir()) == [str(FACTS + 10), str(FACTS + 20)]
    report = check_folder(half_seen, SIGNER.verifier(), now=NOW, witnesses=BOTH)
    assert report.cosigned == {WITNESS.name: Vouched(FACTS + 20, SEEN), OTHER.name: Vouched(FACTS + 10, SEEN)}


def altered_line(note: str) -> str:
    return note[:-10] + ("A" if note[-10] != "A" else "B") + note[-9:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: "", "is not to be believed"),
        (altered_line, "signature does not hold"),
        (lambda _: signed_anew(FACTS, bytes(32)), f"the facts 1 to {FACTS} are not those that a cosigned checkpoint"),
        (lambda _: signed_anew(FACTS + 21, bytes(32)), "are missing: a cosigned checkpoint counts them"),
        (lambda _: signed_anew(FACTS, bytes(32), "another"), "is of another log"),
        (lambda note: "".join(note.splitlines(keepends=True)[:5]), f"{WITNESS.name} did not cosign it"),
    ],
)
def test_a_cosigned_checkpoint_that_is_not_of_this_log_is_found(half_seen: Path, change: object, said: str) -> None:
    """Two histories that the log's own key signed, too."""
    file = half_seen / "cosigned" / str(FACTS)
    file.write_text(change(file.read_text()))  # type: ignore[operator]
    assert said in (check_folder(half_seen, SIGNER.verifier(), now=NOW, witnesses=BOTH).problem or "")


def signed_anew(size: int, root: bytes, origin: str = ORIGIN) -> str:
    return sign(Checkpoint(origin, size, root).text(), SIGNER)


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


async def test_what_an_export_supersedes_does_not_lie_beside_it(database: Path, log: Path) -> None:
    journal = open_journal(database, LIMITS)
    await fill(journal, 20)
    journal.close()
    (log / "facts/.002.jsonl.unfinished").write_text("a killed export's")
    (log / "notes").write_text("an auditor's")
    export(database, log, SIGNER.verifier())
    assert {each.name for each in (log / "facts/002.p").iterdir()} == {"108.jsonl"}
    report = checked(log)
    assert (report.strays, report.at_seq) == (["notes"], None)
    (log / "notes").unlink()
    assert checked(log).problem is None


@pytest.mark.parametrize(
    "name", ["facts/003.jsonl", "facts/002.p/87.jsonl", "tile/0/002.p/87", "tile/2/000.p/1", "x/y", "\x1b[31mred"]
)
def test_a_file_that_is_no_part_of_the_log_is_named(log: Path, name: str) -> None:
    (log / name).parent.mkdir(exist_ok=True, parents=True)
    (log / name).write_text('{"forged":1}\n')
    report = checked(log)
    assert (report.strays, report.facts) == ([name], FACTS)
    assert f"nothing vouches for {name}:" in (report.problem or "")


def test_a_linked_folder_is_no_part_of_the_log(log: Path) -> None:
    (log / "more").symlink_to(log / "facts")
    assert checked(log).strays == ["more"]


async def test_two_exports_do_not_write_into_one_folder_at_once(database: Path, log: Path) -> None:
    with LogFolder(log).alone(), pytest.raises(BlockingIOError):
        export(database, log, SIGNER.verifier())
    export(database, log, SIGNER.verifier())


async def test_what_a_checkpoint_counts_is_on_the_disk_before_it(
    database: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_journal(database, LIMITS)
    await fill(journal, 300)
    journal.close()
    before, kept, safe = (log / "checkpoint").read_bytes(), set(files(log)), set()
    sync = os.fsync

    def seen(handle: int) -> None:
        if (log / "checkpoint").read_bytes() == before:
            safe.add(Path(f"/proc/self/fd/{handle}").readlink())
        sync(handle)

    monkeypatch.setattr(os, "fsync", seen)
    export(database, log, SIGNER.verifier())
    new = set(files(log)) - kept
    assert new <= safe
    assert {each.parent for each in new} <= safe


@pytest.mark.parametrize("step", ["write", "write_facts", "write_checkpoint", "write_cosigned", "tidy"])
async def test_wherever_an_export_is_interrupted_the_folder_verifies_and_the_next_goes_on(
    database: Path, log: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    journal = open_journal(database, LIMITS)
    await fill(journal, 300)
    journal.close()
    interrupted = getattr(LogFolder, step)
    for number in range(12):

        def some(self: LogFolder, *given: object, calls: list[int] = [number], **more: object) -> None:  # noqa: B006
            if not calls[0]:
                raise KeyboardInterrupt
            calls[0] -= 1
            interrupted(self, *given, **more)

        monkeypatch.setattr(LogFolder, step, some)
        with suppress(KeyboardInterrupt):
            export(database, log, SIGNER.verifier())
        report = checked(log)  # what was not counted yet, or is not any more, is named, and nothing else is amiss
        assert (report.at_seq, report.problem is None) == (None, not report.strays)
        monkeypatch.undo()
    export(database, log, SIGNER.verifier())
    assert (checked(log).problem, checked(log).facts) == (None, FACTS + 300)
    assert not (log / "facts/002.p").exists()


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


@pytest.mark.parametrize("newer", [1, 10])
async def test_a_log_rolled_back_is_found_by_a_kept_checkpoint(
    database: Path, log: Path, tmp_path: Path, newer: int
) -> None:
    journal = open_journal(database, LIMITS)
    await fill(journal, newer)
    journal.close()
    export(database, tmp_path / "later", SIGNER.verifier())
    kept = (tmp_path / "later/checkpoint").read_text()
    report = checked(log, kept)
    assert (report.at_seq, report.problem) == (
        FACTS + 1,
        f"facts {FACTS + 1} to {FACTS + newer} are missing: an earlier checkpoint counts them",
    )


LATER = {"before": "2026-05-01T00:00:00.000000Z", "at": "2029-05-01T00:00:00.000000Z"}


async def purge(path: Path, *, after: int = 0) -> int:
    """What is old by then, so many facts as one look takes; how many went."""
    journal = open_journal(path, LIMITS)
    went = len((await journal.retention.purge(after, **LATER)).go)
    journal.close()
    return went


def test_what_was_purged_is_without_content_and_its_place_still_proven(database: Path, log: Path) -> None:
    asyncio.run(purge(database, after=100))
    export(database, log.parent / "new", SIGNER.verifier())
    report = checked(log.parent / "new")
    assert (report.problem, report.facts, report.gone, report.stale) == (None, FACTS + 1, 500, 0)
    assert (log.parent / "new" / "facts" / "001.jsonl").read_bytes() == b"null\n" * 256


def test_a_folder_that_has_what_the_log_has_purged_since_is_whole_and_says_so(database: Path, log: Path) -> None:
    """Its files are a copy that somebody made: they are not rewritten, but named."""
    went = asyncio.run(purge(database))
    export(database, log, SIGNER.verifier())
    report = checked(log)
    assert (report.problem, report.facts) == (None, FACTS + 1)
    assert (report.gone, report.stale, went) == (0, 500, 500)


@pytest.mark.parametrize("seq", [1, 256, 300])
def test_content_that_is_missing_and_was_not_purged_is_missed(log: Path, seq: int) -> None:
    file = log / "facts" / f"{(seq - 1) // 256:03}.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    lines[(seq - 1) % 256] = b"null\n"
    file.write_bytes(b"".join(lines))
    report = checked(log)
    told = f"fact {seq} is without content, and no fact says that it was purged"
    assert (report.at_seq, report.problem) == (seq, told)


def test_content_that_was_purged_too_early_is_missed(database: Path, tmp_path: Path) -> None:
    """The log itself says that it purged what followed on something younger."""
    journal = open_journal(database, LIMITS)
    said = {"before": "2026-03-30T15:00:00.000000Z", "facts": "2-10", "tags": 0}
    asyncio.run(journal.fact(FactKind.FACTS_PURGED, said, at="2029-05-01T00:00:00.000000Z"))
    journal.close()
    connection = sqlite3.connect(database)
    connection.execute("UPDATE fact SET salt = NULL, body = NULL WHERE seq BETWEEN 2 AND 10")
    connection.commit()
    connection.close()
    export(database, tmp_path / "log", SIGNER.verifier())
    report = checked(tmp_path / "log")
    assert (report.at_seq, report.problem) == (2, "facts 2 to 10 were purged too early, by those before them")


GONE = {"before": "2026-04-02T00:00:00.000000Z", "facts": "601-605", "tags": 0}
"""By whoever has the log's key, of facts from 2026-04-01."""
SAID_AT = datetime(2029, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "saw", "found"),
    [
        (SAID_AT, None, None),
        (SAID_AT - timedelta(hours=23), None, None),
        (SAID_AT - timedelta(days=1, seconds=1), None, "fact 606 says that it purged at a time that is yet to come"),
        (SAID_AT, (606, SAID_AT - timedelta(days=31)), None),
        (SAID_AT, (606, SAID_AT - timedelta(days=33)), "fact 606: a witness saw it earlier than it claims to be"),
        (SAID_AT, (600, SAID_AT - timedelta(days=2)), "601 to 605 were purged too early: a witness saw the log end"),
    ],
)
async def test_a_lie_about_the_time_of_a_purge_is_found(
    database: Path, tmp_path: Path, now: datetime, saw: tuple[int, datetime] | None, found: str | None
) -> None:
    """By the clock of whoever looks, and by the witness's line that lies in the folder."""
    journal = open_journal(database, LIMITS)
    if saw is not None and saw[0] == FACTS:
        await cosigned(journal, WITNESS, saw[1])
    await fill(journal, 5)
    await journal.fact(FactKind.FACTS_PURGED, GONE, at="2029-05-01T00:00:00.000000Z")
    await journal.checkpoint()
    if saw is not None and saw[0] != FACTS:
        await cosigned(journal, WITNESS, saw[1])
    journal.close()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE fact SET salt = NULL, body = NULL WHERE seq BETWEEN 601 AND 605")
    export(database, tmp_path / "log", SIGNER.verifier())
    problem = check_folder(tmp_path / "log", SIGNER.verifier(), now=now).problem
    assert problem == found if found is None else found in (problem or "")
