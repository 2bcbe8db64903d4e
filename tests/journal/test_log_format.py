"""The verifier that `docs/log-format.md` gives to strangers, run as they would run it."""

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.hub.journal import Journal, verify
from gateway.messages import Ending, RecordOutcome, Tags
from gateway.tlog.note import vkey
from tests.journal.builders import AT, NOW, ORIGIN, SIGNER, id_of, message

PAGE = Path(__file__).parents[2] / "docs" / "log-format.md"


@pytest.fixture
def stranger(tmp_path: Path, path: Path):
    """Run the page's program on the log: its exit status, output and last line of errors."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script = tmp_path / "verify.py"
    script.write_text(program)

    def run() -> tuple[int, str, str]:
        command = [sys.executable, str(script), str(path), vkey(ORIGIN, SIGNER.private_key.public_key())]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip(), done.stderr.strip().rpartition("\n")[2]

    return run


async def write(journal: Journal) -> None:
    sent = message((0, 2), refused=[(1, "wrong_type", "birth_date")])
    await journal.record(sent, at=AT, now=NOW)
    await journal.attempted(id_of(sent), [0, 2], attempt=1, at=AT)
    await journal.checkpoint()
    outcomes = [RecordOutcome(0, Ending.ACCEPTED), RecordOutcome(2, Ending.DEAD, "gave_up")]
    await journal.conclude(id_of(sent), outcomes, attempt=1, next_at=None, at=AT, now=NOW)
    await journal.record(message((0,)), at=AT, now=NOW)


async def test_a_stranger_finds_the_same_root(journal: Journal, path: Path, stranger) -> None:
    await write(journal)
    journal.close()
    report = verify(path, verifier=SIGNER.verifier())
    assert report.problem is None
    assert stranger() == (0, f"5 {report.root}", "")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("UPDATE fact SET salt = zeroblob(32) WHERE seq = 4", "fact 4 is altered"),
        ("DELETE FROM fact WHERE seq = 3", "fact 3 is missing or out of order"),
        ("DELETE FROM fact WHERE seq = 5", "facts after 4 are missing"),
        ("UPDATE tag SET tag = zeroblob(16) WHERE seq = 1 AND idx = 2", "tags of fact 1 are altered"),
        ("DELETE FROM tag WHERE seq = 1 AND idx = 2", "other person tags are missing than those of erased trails"),
        ("UPDATE fact SET salt = NULL, body = NULL WHERE seq = 4", "fact 4 is purged, or is said to be, and not both"),
    ],
)
async def test_a_stranger_finds_what_we_find(journal: Journal, path: Path, stranger, change: str, found: str) -> None:
    await write(journal)
    journal.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(change)
    connection.close()
    status, _, error = stranger()
    assert (status, error) == (1, f"AssertionError: {found}")
    assert verify(path, verifier=SIGNER.verifier()).problem is not None


async def test_of_a_log_of_which_something_was_taken_out_a_stranger_says_what_we_say(
    journal: Journal, path: Path, stranger
) -> None:
    tag, last = b"t" * 16, ""
    for number in (2, 1):
        sent = message(range(number), tags=Tags(b"s" * 32, (tag, b"o" * 16)[:number]))
        await journal.record(sent, at=AT, now=NOW)
        await journal.conclude(
            id_of(sent), [RecordOutcome(n, Ending.ACCEPTED) for n in range(number)],
            attempt=1, next_at=None, at=AT, now=NOW,
        )  # fmt: skip
        last = id_of(sent)
        await journal.settled(last)
    await journal.retention.erase([tag], {"connector": "health_management", "months": ["2026-04"]}, at=AT)
    await journal.delete_envelope(last, at=AT)
    later = {"before": "2026-05-01T00:00:00.000000Z", "at": "2029-05-01T00:00:00.000000Z"}
    assert (await journal.retention.purge(0, **later)).go == [3, 4, 6]
    journal.close()
    report = verify(path, verifier=SIGNER.verifier())
    assert report.problem is None
    assert stranger() == (0, f"7 {report.root}", "")
