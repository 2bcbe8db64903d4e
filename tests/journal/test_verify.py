"""Tampering with a log at rest: whatever is altered, removed, inserted or reordered is found and located."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import Misconfigured
from gateway.hub.journal import FactKind, Journal, JournalLimits, VerifyReport, verify
from gateway.hub.journal.facts import commitment, fact_body
from gateway.messages import Ending, RecordOutcome
from gateway.tlog.note import Checkpoint, Signer, open_note, sign
from gateway.tlog.tree import Frontier, leaf_hash
from tests.journal.builders import AT, NOW, ORIGIN, SIGNER, TENANT, id_of, message, open_journal

FACTS = 20
LIMITS = JournalLimits(max_open_records=1000, checkpoint_every_facts=5, wal_bytes=1 << 20)


async def write(journal: Journal) -> None:
    """Twenty facts, four checkpoints: 17 recorded messages at odd places, an attempt, a conclusion, one more."""
    sent = message((0, 1, 3), refused=[(2, "wrong_type", None)])
    await journal.record(sent, at=AT, now=NOW)
    await journal.attempted(id_of(sent), [0, 1, 3], attempt=1, at=AT)
    outcomes = [RecordOutcome(index, Ending.ACCEPTED) for index in (0, 1, 3)]
    await journal.conclude(id_of(sent), outcomes, attempt=1, next_at=None, at=AT, now=NOW)
    for _ in range(FACTS - 4):
        await journal.record(message((0, 1)), at=AT, now=NOW)
    await journal.fact(FactKind.GATEWAY_STOPPED, {"reason": "made up"}, at=AT)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / f"{TENANT}.db"
    journal = open_journal(path, LIMITS)
    asyncio.run(write(journal))
    journal.close()
    return path


@pytest.fixture
def log(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path))


def tamper(path: Path, *statements: str, then: Callable[[sqlite3.Connection], object] | None = None) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    if then:
        then(connection)
    connection.close()


def verified(path: Path) -> VerifyReport:
    return verify(path, verifier=SIGNER.verifier(), origin=ORIGIN)


def test_an_untouched_log_is_whole(log: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(log, verifier=SIGNER.verifier(), progress=lambda done, total: seen.append((done, total)))
    assert (report.problem, report.at_seq) == (None, None)
    assert (report.origin, report.facts, report.signed_facts, report.checkpoints) == (ORIGIN, FACTS, FACTS, 4)
    assert seen[-1] == (FACTS, FACTS)


async def test_a_running_log_is_whole_and_its_root_is_the_journals(path: Path) -> None:
    journal = open_journal(path, LIMITS)
    await write(journal)
    report = verified(path)
    assert report.problem is None
    assert (report.facts, report.root) == (FACTS, journal.size_and_root()[1].hex())
    await journal.record(message(), at=AT, now=NOW)
    assert journal.health() == (True, "")
    assert (verified(path).facts, verified(path).signed_facts) == (FACTS + 1, FACTS)
    journal.close()
    assert verified(path).signed_facts == FACTS + 1


def test_verifying_leaves_the_file_as_it_was(log: Path) -> None:
    before = log.read_bytes()
    verified(log)
    assert log.read_bytes() == before
    assert [each.name for each in log.parent.iterdir()] == [log.name]


@pytest.mark.parametrize("column", ["commitment", "salt", "body", "tag_salt", "at", "kind", "message_id"])
@pytest.mark.parametrize("seq", [1, 8, FACTS])
def test_a_changed_bit_of_a_fact_is_located(log: Path, column: str, seq: int) -> None:
    if seq == FACTS and column in ("tag_salt", "message_id"):
        tamper(log, f"UPDATE fact SET {column} = x'00112233445566778899aabbccddeeff' WHERE seq = {seq}")
    else:
        flip(log, "fact", column, f"seq = {seq}", bit=9)
    assert verified(log).at_seq == seq


def test_every_bit_of_a_fact_counts(log: Path) -> None:
    """Each bit of commitment and salt, and every 13th bit of the body, of one fact."""
    connection = sqlite3.connect(log, isolation_level=None)
    for column, step in (("commitment", 1), ("salt", 1), ("body", 13)):
        (value,) = connection.execute(f"SELECT {column} FROM fact WHERE seq = 3").fetchone()
        for bit in range(0, len(value) * 8, step):
            connection.execute(f"UPDATE fact SET {column} = ? WHERE seq = 3", (flipped(value, bit),))
            assert verified(log).at_seq == 3
        connection.execute(f"UPDATE fact SET {column} = ? WHERE seq = 3", (value,))
    connection.close()
    assert verified(log).problem is None


def test_every_bit_of_a_checkpoint_counts(log: Path) -> None:
    connection = sqlite3.connect(log, isolation_level=None)
    for column, step in (("note", 7), ("frontier", 11)):
        (stored,) = connection.execute(f"SELECT {column} FROM checkpoint WHERE size = 10").fetchone()
        value = stored.encode() if column == "note" else stored
        for bit in range(0, len(value) * 8, step):
            changed = flipped(value, bit)
            connection.execute(
                f"UPDATE checkpoint SET {column} = {'CAST(? AS TEXT)' if column == 'note' else '?'} WHERE size = 10",
                (changed,),
            )
            report = verified(log)
            assert report.problem is not None
            assert report.at_seq is not None
            assert report.at_seq <= 10 + 1
        connection.execute(f"UPDATE checkpoint SET {column} = ? WHERE size = 10", (stored,))
    connection.close()
    assert verified(log).problem is None


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flip(log: Path, table: str, column: str, where: str, *, bit: int) -> None:
    def change(connection: sqlite3.Connection) -> None:
        (value,) = connection.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()
        text = isinstance(value, str)
        changed = flipped(value.encode() if text else value, bit)
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (changed.decode() if text else changed,))

    tamper(log, then=change)


def test_a_removed_fact_is_missed(log: Path) -> None:
    tamper(log, "DELETE FROM tag WHERE seq = 7", "DELETE FROM fact WHERE seq = 7")
    report = verified(log)
    assert (report.at_seq, report.problem) == (7, "fact 7 is missing")


def test_a_removed_fact_is_missed_even_if_the_others_close_ranks(log: Path) -> None:
    tamper(
        log,
        "DELETE FROM tag WHERE seq = 7",
        "DELETE FROM fact WHERE seq = 7",
        "UPDATE fact SET seq = seq - 1 WHERE seq > 7",
        "UPDATE tag SET seq = seq - 1 WHERE seq > 7",
    )
    report = verified(log)
    assert (report.at_seq, report.problem) == (7, "fact 7 is out of order: in its place lies fact 8")


def test_swapped_facts_are_out_of_order(log: Path) -> None:
    for table in ("fact", "tag"):
        tamper(
            log,
            f"UPDATE {table} SET seq = 1000 WHERE seq = 6",
            f"UPDATE {table} SET seq = 6 WHERE seq = 9",
            f"UPDATE {table} SET seq = 9 WHERE seq = 1000",
        )
    report = verified(log)
    assert (report.at_seq, report.problem) == (6, "fact 6 is out of order: in its place lies fact 9")


@pytest.mark.parametrize("seq", [0, -3])
def test_a_fact_before_the_first_is_found(log: Path, seq: int) -> None:
    tamper(log, f"INSERT INTO fact SELECT {seq}, at, kind, message_id, commitment, salt, body, NULL FROM fact LIMIT 1")
    assert verified(log).at_seq == 1


def forge(seq: int, **fields: str) -> tuple[bytes, bytes, bytes]:
    body = fact_body(seq, AT, FactKind.GATEWAY_STARTED, fields)
    return commitment(b"f" * 32, body), b"f" * 32, body


def test_a_fact_rewritten_with_its_commitment_is_found_by_the_signed_root(log: Path) -> None:
    tamper(
        log,
        "DELETE FROM tag WHERE seq = 8",
        then=lambda each: each.execute(
            "UPDATE fact SET kind = 'gateway.started', message_id = NULL, tag_salt = NULL,"
            " commitment = ?, salt = ?, body = ? WHERE seq = 8",
            forge(8),
        ),
    )
    report = verified(log)
    assert report.at_seq == 6
    assert report.problem is not None
    assert "facts 6 to 10" in report.problem


def test_another_byte_form_of_a_fact_is_found(log: Path) -> None:
    body = fact_body(FACTS + 1, AT, FactKind.GATEWAY_STARTED, {}).replace(b",", b", ")
    row = (FACTS + 1, AT, commitment(b"f" * 32, body), b"f" * 32, body)
    insert = "INSERT INTO fact (seq, at, kind, commitment, salt, body) VALUES (?,?,'gateway.started',?,?,?)"
    tamper(log, then=lambda each: each.execute(insert, row))
    assert verified(log).at_seq == FACTS + 1


def test_a_tail_cut_behind_a_checkpoint_is_missed(log: Path) -> None:
    tamper(log, "DELETE FROM tag WHERE seq > 17", "DELETE FROM fact WHERE seq > 17")
    report = verified(log)
    assert report.at_seq == 18
    assert report.problem == "facts 18 to 20 are missing: the checkpoint of 20 counts them"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tag SET tag = zeroblob(16) WHERE seq = 8 AND idx = 1",
        "DELETE FROM tag WHERE seq = 8 AND idx = 1",
        "UPDATE tag SET idx = 2 WHERE seq = 8 AND idx = 1",
        "INSERT INTO tag VALUES (8, 2, zeroblob(16))",
        "UPDATE fact SET tag_salt = NULL WHERE seq = 8",
    ],
)
def test_changed_person_tags_are_located(log: Path, change: str) -> None:
    tamper(log, change)
    assert verified(log).at_seq == 8


@pytest.mark.parametrize(("seq", "located"), [(2, 2), (0, 1), (99, 21)])
def test_stray_person_tags_are_located(log: Path, seq: int, located: int) -> None:
    tamper(log, f"INSERT INTO tag VALUES ({seq}, 0, zeroblob(16))")
    assert verified(log).at_seq == located


def test_a_checkpoint_of_another_key_origin_or_size_is_found(log: Path) -> None:
    connection = sqlite3.connect(log, isolation_level=None)
    (genuine,) = connection.execute("SELECT note FROM checkpoint WHERE size = 10").fetchone()
    checkpoint = Checkpoint.parse(open_note(genuine, SIGNER.verifier()))
    other_key = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
    for forged in (
        sign(checkpoint.text(), other_key),
        sign(replace(checkpoint, origin="renkei.example/other").text(), SIGNER),
        sign(replace(checkpoint, size=11).text(), SIGNER),
        sign(replace(checkpoint, root=bytes(32)).text(), SIGNER),
        "",
    ):
        connection.execute("UPDATE checkpoint SET note = ? WHERE size = 10", (forged,))
        assert verified(log).at_seq == 10
    connection.close()


@pytest.mark.parametrize("size", [0, -5])
def test_a_checkpoint_before_the_first_fact_is_found(log: Path, size: int) -> None:
    tamper(log, f"INSERT INTO checkpoint VALUES ({size}, '', x'')")
    assert verified(log).at_seq == 1


def test_a_log_without_facts_is_whole_and_signs_nothing(path: Path) -> None:
    journal = open_journal(path)
    first = asyncio.run(journal.checkpoint())
    journal.close()
    assert Checkpoint.parse(open_note(first, SIGNER.verifier())).size == 0
    report = verified(path)
    assert (report.problem, report.facts, report.checkpoints) == (None, 0, 0)


def test_another_log_under_this_name_is_found(log: Path) -> None:
    report = verify(log, verifier=SIGNER.verifier(), origin="renkei.example/000000")
    assert report.problem == f"{TENANT}.db is the log of another origin"
    tamper(log, "UPDATE log SET origin = 'renkei.example/000000'")
    assert verify(log, verifier=SIGNER.verifier()).at_seq == 5


def test_damage_below_the_tables_is_reported_not_raised(log: Path) -> None:
    size = log.stat().st_size
    for start in range(0, size, 4096):
        damaged = bytearray(log.read_bytes())
        damaged[start : start + 64] = b"\xa5" * 64
        target = log.with_name(f"damaged-{start}.db")
        target.write_bytes(damaged)
        report = verified(target)  # pages of tables that are not the log may be damaged unseen
        if start == 0:
            assert report.problem == f"{target.name} cannot be read (SQLITE_NOTADB)"


def test_what_is_no_journal_is_said_to_be_none(tmp_path: Path) -> None:
    absent, text, other = (tmp_path / name for name in ("absent.db", "text.db", "other.db"))
    text.write_text("not a database at all, but long enough to look at it for a while" * 20)
    tamper(other, "CREATE TABLE t (c)")
    assert verified(absent).problem == "absent.db does not exist"
    assert not absent.exists()
    assert verified(text).problem == "text.db cannot be read (SQLITE_NOTADB)"
    assert verified(other).problem == "other.db is not a journal"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("UPDATE fact SET salt = zeroblob(32) WHERE seq = 23", "fact 23 is altered"),
        ("DELETE FROM fact WHERE seq > 19", "facts 20 to 20 are missing"),
        ("UPDATE checkpoint SET frontier = zeroblob(64) WHERE size = 20", "tree hashes"),
        ("UPDATE log SET tenant = '000000'", "another tenant"),
        ("PRAGMA user_version = 99", "format"),
    ],
)
def test_the_gateway_does_not_start_on_an_altered_log(log: Path, change: str, named: str) -> None:
    tamper(log, then=lambda connection: append_unsigned(connection, 3))
    tamper(log, change)
    with pytest.raises(Misconfigured) as caught:
        open_journal(log)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{TENANT}.db: ")
    assert named in problem


def append_unsigned(connection: sqlite3.Connection, count: int) -> None:
    """Facts after the last checkpoint, as a crash leaves them."""
    for seq in range(FACTS + 1, FACTS + 1 + count):
        connection.execute(
            "INSERT INTO fact (seq, at, kind, commitment, salt, body) VALUES (?,?,'gateway.started',?,?,?)",
            (seq, AT, *forge(seq)),
        )


def test_the_tree_grows_on_over_what_a_crash_left_unsigned(log: Path) -> None:
    tamper(log, then=lambda connection: append_unsigned(connection, 3))
    journal = open_journal(log)
    assert journal.size_and_root()[0] == FACTS + 3
    journal.close()
    connection = sqlite3.connect(log)
    frontier = Frontier()
    for (committed,) in connection.execute("SELECT commitment FROM fact ORDER BY seq"):
        frontier.append(leaf_hash(committed))
    connection.close()
    assert verified(log).root == frontier.root().hex()
