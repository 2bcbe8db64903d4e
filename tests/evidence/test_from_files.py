"""`gateway log verify --from`, as somebody types it who has nothing but files and a public key."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner, Result

from gateway.cli import commands
from gateway.hub.journal import Journal
from gateway.hub.journal.export import export
from gateway.tlog.cosignature import Cosigner
from gateway.tlog.note import vkey
from tests.evidence.test_folder import fill, huge
from tests.journal.builders import ORIGIN, SIGNER, TENANT, open_journal

KEY = vkey(ORIGIN, SIGNER.private_key.public_key())
WITNESS = Cosigner("witness.example/made-up", Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`log/`, and the proof of fact 3."""
    folder = tmp_path_factory.mktemp("made")
    journal = open_journal(folder / f"{TENANT}.db")
    asyncio.run(written(journal, folder / "3.tlog-proof"))
    export(folder / f"{TENANT}.db", folder / "log", SIGNER.verifier())
    journal.close()
    return folder


async def written(journal: Journal, proof: Path) -> None:
    await fill(journal, 5)
    await journal.checkpoint()
    proof.write_text((await journal.proofs.of_fact(3)).text())


@pytest.fixture
def files(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "files"))


def checked(path: Path, *more: str) -> Result:
    return CliRunner().invoke(commands.app, ["log", "verify", "--from", str(path), "--key", KEY, *more])


def test_a_file_in_the_folder_that_nobody_looked_at_is_wrong(files: Path) -> None:
    assert checked(files / "log").exit_code == 0
    (files / "log/facts/000.p/9.jsonl").write_text("forged")
    told = checked(files / "log")
    assert (told.exit_code, "facts/000.p/9.jsonl" in told.stdout) == (1, True)
    assert json.loads(checked(files / "log", "--json").stdout)["strays"] == ["facts/000.p/9.jsonl"]


def test_a_name_that_steers_the_terminal_is_escaped(files: Path) -> None:
    name = "p\x1b[31m\u202e予防\udcff"
    (files / "log" / name).touch()
    (files / name).write_text("no proof")
    for told in (checked(files / "log"), checked(files / name)):
        assert told.exit_code == 1
        assert "p\\x1b[31m\\u202e予防\\udcff" in told.stdout


@pytest.mark.parametrize("make", [os.mkfifo, huge])
def test_a_proof_that_is_none_does_not_keep_its_reader(tmp_path: Path, make: object) -> None:
    make(tmp_path / "of.tlog-proof")  # type: ignore[operator]
    told = checked(tmp_path / "of.tlog-proof")
    assert (told.exit_code, "of.tlog-proof" in told.stderr) == (2, True)


def test_a_proof_that_is_not_cosigned_yet_is_told_from_one_that_proves_nothing(files: Path) -> None:
    told = checked(files / "3.tlog-proof", "--witness", WITNESS.verifier().vkey)
    assert (told.exit_code, "not cosigned, or not yet" in told.stdout, "nothing" in told.stdout) == (1, True, False)


def test_a_kept_checkpoint_may_have_come_with_an_empty_line_more(files: Path) -> None:
    (files / "kept").write_text((files / "log/checkpoint").read_text() + "\n")
    assert checked(files / "log", "--earlier", str(files / "kept")).exit_code == 0
