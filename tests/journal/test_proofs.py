"""Proofs out of a journal on disk: what a stranger can check with the log's public key alone."""

import asyncio
import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import Refused
from gateway.hub.journal import FactKind, Journal, JournalLimits, verify
from gateway.tlog.cosignature import Cosigner, cosign, cosigned_at
from gateway.tlog.note import Checkpoint, NoteError, open_note
from gateway.tlog.proof import consistent
from gateway.tlog.proof_file import ProofFile
from gateway.tlog.tree import leaf_hash
from tests.journal.builders import AT, NOW, ORIGIN, SIGNER, TENANT, id_of, message, open_journal

FACTS = 700
LIMITS = JournalLimits(max_open_records=1000, checkpoint_every_facts=50, wal_bytes=1 << 20)
WITNESS = Cosigner("witness.example/made-up", Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32))


async def fill(journal: Journal, facts: int) -> None:
    told = (journal.fact(FactKind.NOISE_COUNTED, {"listener": "made_up", "count": n}, at=AT) for n in range(facts))
    await asyncio.gather(*told)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / f"{TENANT}.db"
    journal = open_journal(path, LIMITS)
    asyncio.run(fill(journal, FACTS))
    journal.close()
    return path


@pytest.fixture
def log(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(written, tmp_path))


def proven(file: ProofFile) -> tuple[dict[str, object], Checkpoint]:
    """What a stranger does with the file, its text and the public key."""
    read = ProofFile.parse(file.text())
    checkpoint = read.check(leaf_hash(hashlib.sha256(read.extra).digest()), SIGNER.verifier())
    return json.loads(read.extra[32:]), checkpoint


async def of_message(journal: Journal, message_id: str) -> ProofFile:
    return await journal.proofs.of_fact(journal.proofs.facts_of(message_id)[0])


async def test_every_fact_can_be_proven(log: Path) -> None:
    journal = open_journal(log, LIMITS)
    for seq in range(1, FACTS + 1):
        fact, checkpoint = proven(await journal.proofs.of_fact(seq))
        assert (fact["seq"], fact["count"]) == (seq, seq - 1)
        assert (checkpoint.origin, checkpoint.size) == (ORIGIN, FACTS)
    with pytest.raises(Refused, match="unknown_fact"):
        await journal.proofs.of_fact(FACTS + 1)
    journal.close()


async def test_what_nobody_signed_yet_is_signed_for_its_proof(log: Path) -> None:
    journal = open_journal(log, LIMITS)
    sent = message()
    await journal.record(sent, at=AT, now=NOW)
    fact, checkpoint = proven(await of_message(journal, id_of(sent)))
    assert (fact["message_id"], fact["kind"]) == (id_of(sent), "message.recorded")
    assert checkpoint.size == FACTS + 1 == fact["seq"]
    journal.close()


async def test_a_refused_message_is_proven_as_well(log: Path) -> None:
    journal = open_journal(log, LIMITS)
    refused = message([], refused=[(0, "wrong_type", None)])
    await journal.record(refused, at=AT, now=NOW)
    whole = message()
    await journal.fact(FactKind.MESSAGE_REFUSED, {"stage": "hub", "code": "no_route"}, at=AT, message_id=id_of(whole))
    assert proven(await of_message(journal, id_of(refused)))[0]["message_id"] == id_of(refused)
    assert proven(await of_message(journal, id_of(whole)))[0]["code"] == "no_route"
    assert [journal.proofs.facts_of(each) for each in (id_of(message()), "no id at all")] == [[], []]
    journal.close()


async def test_of_a_message_that_was_refused_and_recorded_the_recording_is_proven(log: Path) -> None:
    """In whatever order: it came again after a refusal, or its reply was refused to somebody later."""
    journal = open_journal(log, LIMITS)
    sent, refusal = message(), {"stage": "hub", "code": "no_route"}
    await journal.fact(FactKind.MESSAGE_REFUSED, refusal, at=AT, message_id=id_of(sent))
    await journal.record(sent, at=AT, now=NOW)
    await journal.fact(FactKind.MESSAGE_REFUSED, refusal, at=AT, message_id=id_of(sent))
    assert proven(await of_message(journal, id_of(sent)))[0]["kind"] == "message.recorded"
    assert len(journal.proofs.facts_of(id_of(sent))) == 3
    journal.close()


async def test_a_proof_of_one_fact_is_none_of_another(log: Path) -> None:
    journal = open_journal(log, LIMITS)
    one, other = await journal.proofs.of_fact(3), await journal.proofs.of_fact(4)
    forged = ProofFile(one.index, one.path, one.checkpoint, other.extra)
    with pytest.raises(NoteError, match="does not lead"):
        proven(forged)
    journal.close()


async def test_any_two_checkpoints_are_one_log(log: Path) -> None:
    with sqlite3.connect(log) as connection:
        notes = [note for (note,) in connection.execute("SELECT note FROM checkpoint ORDER BY size")]
    connection.close()
    signed = [Checkpoint.parse(open_note(each, SIGNER.verifier())) for each in notes]
    assert len(signed) > 3
    journal = open_journal(log, LIMITS)
    for old in signed:
        for new in signed:
            if old.size <= new.size:
                path = journal.proofs.growth(old.size, new.size)
                assert consistent(old.size, old.root, new.size, new.root, path)
    with pytest.raises(Refused, match="unknown_fact"):
        journal.proofs.growth(5, FACTS + 1)
    journal.close()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE cosignature SET line = 'junk'", "is altered"),
        ("UPDATE cosignature SET line = line || line", "is altered"),
        ("UPDATE cosignature SET line = char(10) || line", "is altered"),
        ("UPDATE cosignature SET witness = 'witness.example/other'", "is altered"),
        ("UPDATE cosignature SET line = x'00'", "is altered"),
        ("UPDATE cosignature SET size = size + 1", "and there is none"),
        ("UPDATE cosignature SET line = substr(line, 1, length(line) - 6) || 'AAAA=' || char(10)", "is altered"),
    ],
)
async def test_a_cosignature_that_was_altered_is_found(log: Path, change: str, problem: str) -> None:
    journal = open_journal(log, LIMITS)
    size, note = journal.proofs.checkpoint() or (0, "")
    line = cosign(open_note(note, SIGNER.verifier()), WITNESS, at=1_800_000_000)
    await journal.proofs.cosigned(size, WITNESS.name, line)
    journal.close()
    assert verify(log, verifier=SIGNER.verifier(), witnesses=[WITNESS.verifier()]).problem is None
    with closing(sqlite3.connect(log, isolation_level=None)) as connection:
        connection.execute(change)
    report = verify(log, verifier=SIGNER.verifier(), witnesses=[WITNESS.verifier()])
    assert problem in str(report.problem)


@pytest.mark.parametrize("known", [True, False])
async def test_what_makes_another_text_of_a_checkpoint_is_no_witnesss_line(log: Path, *, known: bool) -> None:
    """Below the same names: the log's own signature, said once more, would stand below what it signed."""
    journal = open_journal(log, LIMITS)
    size, note = journal.proofs.checkpoint() or (0, "")
    line = cosign(open_note(note, SIGNER.verifier()), WITNESS, at=1_800_000_000)
    own = note.rpartition("\n\n")[2]
    await journal.proofs.cosigned(size, WITNESS.name, f"\n{own}{line}")
    journal.close()
    report = verify(log, verifier=SIGNER.verifier(), witnesses=[WITNESS.verifier()] if known else [])
    assert (report.at_seq, "is altered" in str(report.problem)) == (size, True)


async def test_a_cosigned_checkpoint_is_the_one_that_proves(log: Path) -> None:
    journal = open_journal(log, LIMITS)
    size, note = journal.proofs.checkpoint() or (0, "")
    line = cosign(open_note(note, SIGNER.verifier()), WITNESS, at=1_800_000_000)
    await journal.proofs.cosigned(size, WITNESS.name, line)
    await journal.proofs.cosigned(size, WITNESS.name, "another")
    await fill(journal, 60)
    assert (journal.proofs.checkpoint() or (0, ""))[0] > size
    file = await journal.proofs.of_fact(5)
    assert proven(file)[1].size == size
    assert cosigned_at(file.checkpoint, WITNESS.verifier()) == 1_800_000_000
    later = await journal.proofs.of_fact(FACTS + 60)
    assert cosigned_at(later.checkpoint, WITNESS.verifier()) is None
    journal.close()
    assert verify(log, verifier=SIGNER.verifier(), origin=ORIGIN).problem is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE tile SET root = zeroblob(32) WHERE idx = 1", "the tile of facts 257 to 512 does not have the root"),
        ("DELETE FROM tile WHERE idx = 0", "the tile of facts 1 to 256 does not have the root"),
        ("INSERT INTO tile VALUES (2, 0, zeroblob(32))", "more or fewer tiles than the facts fill"),
    ],
)
def test_an_altered_tile_is_found(log: Path, change: str, problem: str) -> None:
    connection = sqlite3.connect(log)
    connection.execute(change)
    connection.commit()
    connection.close()
    assert problem in (verify(log, verifier=SIGNER.verifier(), origin=ORIGIN).problem or "")
