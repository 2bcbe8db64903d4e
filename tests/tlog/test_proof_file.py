"""A proof file as c2sp.org/tlog-proof has it, with cosignatures, and every one that was altered."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.tlog import note
from gateway.tlog.cosignature import Cosigner, cosign, cosigned_at, taken
from gateway.tlog.note import Checkpoint, NoteError, Signer, Verifier
from gateway.tlog.proof_file import ProofFile
from gateway.tlog.tree import leaf_hash, node_hash

LOG = Signer("log.example/made-up", Ed25519PrivateKey.from_private_bytes(bytes(32)))
WITNESS = Cosigner("witness.example/made-up", Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
LEAVES = [leaf_hash(bytes([each])) for each in range(3)]
ROOT = node_hash(node_hash(LEAVES[0], LEAVES[1]), LEAVES[2])
TEXT = Checkpoint(LOG.name, 3, ROOT).text()
NOTE = note.sign(TEXT, LOG)
PROOF = ProofFile(1, [LEAVES[0], LEAVES[2]], NOTE + cosign(TEXT, WITNESS, at=1_800_000_000), b"\x01")


def proven(text: str) -> Checkpoint:
    read = ProofFile.parse(text)
    return read.check(leaf_hash(read.extra), LOG.verifier())


def test_the_file_is_the_specifications() -> None:
    lines = PROOF.text().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra AQ==", "index 1"]
    assert lines[3:6] == [base64.b64encode(LEAVES[0]).decode(), base64.b64encode(LEAVES[2]).decode(), ""]
    assert "\n".join(lines[6:]) == PROOF.checkpoint
    assert ProofFile(1, PROOF.path, NOTE).text().split("\n")[1] == "index 1"


def test_it_proves_its_leaf_and_no_other() -> None:
    read = ProofFile.parse(PROOF.text())
    assert read.check(LEAVES[1], LOG.verifier()) == Checkpoint(LOG.name, 3, ROOT)
    assert read.extra == b"\x01"
    for wrong in (LEAVES[0], LEAVES[2], ROOT):
        with pytest.raises(NoteError, match="does not lead"):
            read.check(wrong, LOG.verifier())
    with pytest.raises(NoteError, match="not signed by the known key"):
        read.check(LEAVES[1], Signer(LOG.name, WITNESS.private_key).verifier())


@given(st.data())
def test_no_changed_character_passes(data: st.DataObject) -> None:
    text = PROOF.text()
    at = data.draw(st.integers(0, text.index("\u2014")))
    changed = text[:at] + data.draw(st.characters(codec="utf-8")) + text[at + 1 :]
    if changed == text:
        return
    with pytest.raises(NoteError):
        proven(changed)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 0\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 00\n\nx",
        "c2sp.org/tlog-proof@v1\nindex -1\n\nx",
        "c2sp.org/tlog-proof@v1\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 1\nAQ==\n\nx",
        "c2sp.org/tlog-proof@v1\nindex 1\n" + f"{base64.b64encode(ROOT).decode()}\n" * 64 + "\nx",
    ],
)
def test_what_is_no_proof_is_not_read(wrong: str) -> None:
    with pytest.raises(NoteError):
        ProofFile.parse(wrong)


def test_a_cosignature_has_the_specifications_bytes() -> None:
    line = cosign(TEXT, WITNESS, at=1_679_315_147)
    _, name, encoded = line.removesuffix("\n").split(" ")
    raw, public = base64.b64decode(encoded), WITNESS.private_key.public_key()
    assert name == WITNESS.name
    assert raw[:4] == hashlib.sha256(name.encode() + b"\n\x04" + public.public_bytes_raw()).digest()[:4]
    assert raw[4:12] == (1_679_315_147).to_bytes(8, "big")
    public.verify(raw[12:], b"cosignature/v1\ntime 1679315147\n" + TEXT.encode())


@pytest.mark.parametrize("at", [253_402_300_800, 2**63, 2**64 - 1])
def test_a_cosignature_of_a_time_that_no_calendar_has_is_none(at: int) -> None:
    with pytest.raises(NoteError, match="no calendar"):
        cosigned_at(NOTE + cosign(TEXT, WITNESS, at=at), WITNESS.verifier())


def test_who_did_not_cosign_is_not_said_to_have() -> None:
    known = WITNESS.verifier()
    assert cosigned_at(PROOF.checkpoint, known) == 1_800_000_000
    assert cosigned_at(NOTE, known) is None
    assert cosigned_at(PROOF.checkpoint, Verifier(WITNESS.name, known.public_key, note.ED25519)) is None
    forged = Cosigner(WITNESS.name, LOG.private_key)
    assert cosigned_at(NOTE + cosign(TEXT, forged, at=1), known) is None
    other = cosign(Checkpoint(LOG.name, 4, ROOT).text(), WITNESS, at=1)
    with pytest.raises(NoteError, match="does not hold"):
        cosigned_at(NOTE + other, known)
    short = note.signature_line(known, bytes(8))
    with pytest.raises(NoteError, match="malformed"):
        cosigned_at(NOTE + short, known)


def test_a_witnesss_key_has_a_line_of_its_own() -> None:
    known = WITNESS.verifier()
    assert Verifier.parse(known.vkey, type=note.COSIGNATURE) == known
    with pytest.raises(NoteError, match="type 1"):
        Verifier.parse(known.vkey)


def test_a_line_over_the_note_and_its_signature_is_no_cosignature_of_the_note() -> None:
    """An empty line before it would make a note's text of the whole note."""
    known = WITNESS.verifier()
    assert taken(NOTE, line := cosign(TEXT, WITNESS, at=1), known) == line
    with pytest.raises(NoteError, match="another text"):
        taken(NOTE, "\n" + cosign(NOTE, WITNESS, at=1), known)
