"""The check that `docs/evidence.md` gives to strangers, run as they would run it."""

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gateway.hub.journal import FactKind, JournalLimits
from gateway.hub.journal.export import export
from gateway.tlog.note import vkey
from tests.evidence.test_folder import fill
from tests.journal.builders import ORIGIN, SIGNER, TENANT, open_journal

PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"
FACTS = 300
LIMITS = JournalLimits(max_open_records=1000, checkpoint_every_facts=100, wal_bytes=1 << 20)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (found,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script = tmp_path_factory.mktemp("page") / "check.py"
    script.write_text(found)
    return script


@pytest.fixture
async def files(tmp_path: Path) -> Path:
    """An exported log, and the proof of fact 77."""
    journal = open_journal(tmp_path / f"{TENANT}.db", LIMITS)
    await fill(journal, FACTS)
    await journal.checkpoint()
    (tmp_path / "77.tlog-proof").write_text((await journal.proofs.of_fact(77)).text())
    await asyncio.to_thread(export, tmp_path / f"{TENANT}.db", tmp_path / "log", SIGNER.verifier())
    journal.close()
    return tmp_path


def run(program: Path, path: Path) -> tuple[int, str, str]:
    command = [sys.executable, str(program), str(path), vkey(ORIGIN, SIGNER.private_key.public_key())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip().rpartition("\n")[2]


def test_a_stranger_finds_them_whole(program: Path, files: Path) -> None:
    status, told, _ = run(program, files / "log")
    assert (status, told.split()[0]) == (0, str(FACTS))
    status, told, _ = run(program, files / "77.tlog-proof")
    assert status == 0
    assert (json.loads(told)["seq"], json.loads(told)["count"]) == (77, 76)


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        ("log/facts/000.jsonl", '"count":9,', '"count":8,', "fact 10 is altered"),
        ("log/facts/000.jsonl", '"fact":', '"fakt":', "Error"),
        ("log/checkpoint", f"\n{FACTS}\n", f"\n{FACTS - 1}\n", "InvalidSignature"),
        ("77.tlog-proof", "\nindex 76\n", "\nindex 75\n", "it proves nothing"),
    ],
)
def test_a_stranger_finds_what_was_altered(
    program: Path, files: Path, name: str, old: str, new: str, found: str
) -> None:
    text = (files / name).read_text()
    assert old in text
    (files / name).write_text(text.replace(old, new, 1))
    status, _, error = run(program, files / name.split("/", maxsplit=1)[0])
    assert status == 1
    assert found in error


@pytest.mark.parametrize(
    ("before", "at", "found"),
    [
        ("2023-05-01", "2026-05-01", None),
        ("2023-05-02", "2026-05-01", "too early, by fact 301"),
        ("2026-05-01", "2126-05-01", "too early, by fact 301"),
        ("2023-03-01", "2026-05-01", "too early, by fact 301"),
    ],
)
async def test_a_stranger_asks_whether_what_is_gone_was_three_years_old(
    program: Path, tmp_path: Path, before: str, at: str, found: str | None
) -> None:
    """Whoever has the log's key purged facts 2 to 9; fact 1 is from 2023-04-01."""
    database = tmp_path / f"{TENANT}.db"
    journal = open_journal(database, LIMITS)
    for count in range(FACTS):
        told = {"listener": "made_up", "count": count}
        await journal.fact(FactKind.NOISE_COUNTED, told, at="2023-04-01T00:00:00.000000Z")
    said = {"before": f"{before}T00:00:00.000000Z", "facts": "2-9", "tags": 0}
    await journal.fact(FactKind.FACTS_PURGED, said, at=f"{at}T00:00:00.000000Z")
    journal.close()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE fact SET salt = NULL, body = NULL WHERE seq BETWEEN 2 AND 9")
    await asyncio.to_thread(export, database, tmp_path / "log", SIGNER.verifier())
    status, _, error = run(program, tmp_path / "log")
    assert (status, error if found is None else found in error) == ((0, "") if found is None else (1, True))
