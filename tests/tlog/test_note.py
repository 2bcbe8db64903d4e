"""Signed notes against the vectors of golang.org/x/mod/sumdb/note, the format's first implementation."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.tlog.note import MAX_SIGNATURES, Checkpoint, NoteError, Signer, Verifier, open_note, sign, vkey

VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{SIGNATURE}"
PETER = Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(SEED))
OTHER = Signer("EnochRoot", Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"made up").digest()))


def test_published_note_opens_and_is_reproduced() -> None:
    assert open_note(NOTE, Verifier.parse(VKEY)) == TEXT
    assert sign(TEXT, PETER) == NOTE
    assert vkey("PeterNeumann", PETER.private_key.public_key()) == VKEY


def test_key_id_is_what_the_specification_says() -> None:
    public = OTHER.private_key.public_key().public_bytes_raw()
    expected = hashlib.sha256(b"EnochRoot\n\x01" + public).digest()[:4]
    assert OTHER.verifier().key_id == expected


def test_any_mangled_verifier_key_is_refused() -> None:
    pieces = {VKEY[start:end] for start in range(len(VKEY)) for end in range(start + 1, len(VKEY) + 1)} - {VKEY}
    shifted = {VKEY[:at] + chr(ord(VKEY[at]) + 1) + VKEY[at + 1 :] for at in range(len(VKEY))}
    long = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=="
    other_type = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    for bad in pieces | shifted | {long, other_type}:
        with pytest.raises(NoteError):
            Verifier.parse(bad)


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_no_changed_character_passes(at: int, character: str) -> None:
    changed = NOTE[:at] + character + NOTE[at + 1 :]
    if changed != NOTE:
        with pytest.raises(NoteError):
            open_note(changed, PETER.verifier())


def test_signatures_of_unknown_keys_are_ignored() -> None:
    stranger = sign(TEXT, OTHER).removeprefix(f"{TEXT}\n")
    same_name = sign(TEXT, Signer("PeterNeumann", OTHER.private_key)).removeprefix(f"{TEXT}\n")
    assert open_note(NOTE + stranger, PETER.verifier()) == TEXT
    assert open_note(f"{TEXT}\n{stranger}{same_name}{SIGNATURE}", PETER.verifier()) == TEXT
    with pytest.raises(NoteError, match="not signed"):
        open_note(f"{TEXT}\n{stranger}{same_name}", PETER.verifier())


def test_one_false_signature_of_ours_spoils_the_note() -> None:
    false = sign("Another text.\n", PETER).removeprefix("Another text.\n\n")
    with pytest.raises(NoteError, match="does not hold"):
        open_note(NOTE + false, PETER.verifier())


@pytest.mark.parametrize(
    "bad",
    [
        TEXT,
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n\n", "\n"),
        NOTE + "— \n",
        NOTE + "— name\n",
        NOTE + "— bad+name AAAAAAA=\n",
        NOTE + "— name AAAA\n",
        NOTE + "- name AAAAAAAA\n",
        NOTE + SIGNATURE * MAX_SIGNATURES,
        "a\tb\n\n" + SIGNATURE,
        "\ud800\n\n" + SIGNATURE,
        "x" * 1_000_001,
        "",
    ],
)
def test_malformed_notes_are_refused(bad: str) -> None:
    with pytest.raises(NoteError):
        open_note(bad, PETER.verifier())


@pytest.mark.parametrize("text", ["", "no newline", "bell\x07\n", "\ud800\n"])
def test_what_cannot_be_a_text_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        sign(text, PETER)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b", "a\nb"])
def test_what_cannot_be_a_name_makes_no_signer(name: str) -> None:
    with pytest.raises(NoteError):
        Signer(name, PETER.private_key)


def test_example_of_the_checkpoint_specification() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    parsed = Checkpoint.parse(text)
    assert (parsed.origin, parsed.size, len(parsed.root)) == ("example.com/behind-the-sofa", 20852163, 32)
    assert parsed.text() == text


@pytest.mark.parametrize(
    "text",
    [
        "origin\n1\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n１\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        "origin\n1\nAAAA\n",
        "origin\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\nextension\n",
    ],
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Checkpoint.parse(text)
