"""What the log's own key signed, and yet is not this log."""

import hashlib
import json
from pathlib import Path

import pytest

from gateway.evidence.folder import Content, LogFolder
from gateway.evidence.proof_check import check_growth, check_proof
from gateway.tlog.note import Checkpoint, NoteError, sign
from gateway.tlog.proof_file import ProofFile
from gateway.tlog.submission import Submission
from gateway.tlog.tiles import tiles
from gateway.tlog.tree import Frontier, leaf_hash
from tests.evidence.test_folder import checked
from tests.journal.builders import AT, ORIGIN, SIGNER


def drawn_up(path: Path, bodies: list[bytes], origin: str = ORIGIN) -> Path:
    """A folder in perfect form with these facts, as whoever has the key can make one."""
    contents = [Content(bytes(32), body) for body in bodies]
    commitments = [hashlib.sha256(each.salt + each.body).digest() for each in contents]
    folder, frontier = LogFolder(path), Frontier()
    (tile,) = tiles(len(bodies))
    leaves = [leaf_hash(each) for each in commitments]
    for leaf in leaves:
        frontier.append(leaf)
    folder.write(tile, leaves)
    folder.write_facts(tile, commitments, contents)
    folder.write_checkpoint(sign(Checkpoint(origin, frontier.size, frontier.root()).text(), SIGNER), frontier.size)
    return path


def bodies(count: int, word: str = "made_up") -> list[bytes]:
    fact = {"at": AT, "kind": "noise.counted", "listener": word}
    return [json.dumps({"seq": seq, **fact}).encode() for seq in range(1, count + 1)]


def note_of(log: Path) -> str:
    return (log / "checkpoint").read_text()


def test_a_checkpoint_of_another_history_of_the_same_key_is_not_this_logs(tmp_path: Path) -> None:
    one, other = (drawn_up(tmp_path / word, bodies(5, word)) for word in ("one", "other"))
    assert checked(one).problem is None
    (one / "checkpoint").write_text(note_of(other))
    assert checked(one).problem == "the facts 1 to 5 do not give the root that the checkpoint signs"


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_a_kept_checkpoint_of_another_history_shows_that_this_is_not_it(tmp_path: Path, kept: int) -> None:
    log = drawn_up(tmp_path / "log", bodies(5))
    same, other = (drawn_up(tmp_path / word, bodies(kept, word)) for word in ("made_up", "another"))
    assert checked(log, note_of(same)).problem is None
    report = checked(log, note_of(other))
    assert report.problem == f"the facts 1 to {kept} are not those that an earlier checkpoint signs"


@pytest.mark.parametrize(
    ("seq", "said"),
    [
        (b"3", "fact 2 is out of order: in its place lies fact 3"),
        (b'"2 is whole. problem: none"', "fact 2 is not a fact"),
        (b"true", "fact 2 is not a fact"),
        (b"2.0", "fact 2 is not a fact"),
    ],
)
def test_a_fact_under_the_right_commitment_that_names_another_place_is_found(
    tmp_path: Path, seq: bytes, said: str
) -> None:
    facts = bodies(3)
    facts[1] = b'{"seq": %b, "at": "2026", "kind": "noise.counted"}' % seq
    report = checked(drawn_up(tmp_path / "log", facts))
    assert (report.problem, report.at_seq) == (said, 2)


def proof_of(body: bytes, *, origin: str = ORIGIN, index: int = 0) -> str:
    """Of the last fact of a log."""
    leaf = leaf_hash(hashlib.sha256(bytes(32) + body).digest())
    before = [leaf_hash(bytes(32))] * index
    frontier = Frontier()
    for each in (*before, leaf):
        frontier.append(each)
    note = sign(Checkpoint(origin, index + 1, frontier.root()).text(), SIGNER)
    return ProofFile(index, before, note, bytes(32) + body).text()


def test_a_proof_is_of_the_fact_in_whose_place_it_stands() -> None:
    assert check_proof(proof_of(b'{"seq": 2}', index=1), SIGNER.verifier())[0] == {"seq": 2}
    for wrong in (b'{"seq": 1}', b'{"seq": "2, and all is well"}', b"[]", b"2"):
        with pytest.raises(NoteError, match=r"fact 1, in the place of fact 2|no fact of a log") as caught:
            check_proof(proof_of(wrong, index=1), SIGNER.verifier())
        assert "all is well" not in str(caught.value)


def test_what_the_key_signed_under_another_logs_name_is_of_another_log(tmp_path: Path) -> None:
    another = "renkei.example/another"
    log, other = drawn_up(tmp_path / "log", bodies(2)), drawn_up(tmp_path / "other", bodies(2), another)
    assert checked(other).problem == "the checkpoint is of another log"
    assert checked(log, note_of(other)).problem == "the earlier checkpoint is of another log"
    with pytest.raises(NoteError, match="of another log"):
        check_proof(proof_of(b'{"seq": 1}', origin=another), SIGNER.verifier())
    grown = Submission(2, [], note_of(log)).text()
    assert check_growth(grown, note_of(log), SIGNER.verifier())[0].size == 2
    for text, earlier in (
        (grown, note_of(other)),
        (Submission(2, [], note_of(other)).text(), note_of(log)),
        (Submission(2, [], note_of(other)).text(), note_of(other)),
    ):
        with pytest.raises(NoteError, match="did not grow"):
            check_growth(text, earlier, SIGNER.verifier())
