"""A witness's word that it saw a checkpoint, and that the log had only grown (c2sp.org/tlog-cosignature, Ed25519)."""

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.tlog import note
from gateway.tlog.note import NoteError, Verifier

_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_YEAR_10000: Final = 253_402_300_800


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's key and the name it goes by."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)

    def verifier(self) -> Verifier:
        """The other half: what a log and its readers know of the witness."""
        return Verifier(self.name, self.private_key.public_key(), note.COSIGNATURE)


def cosign(text: str, cosigner: Cosigner, *, at: int) -> str:
    """The line to stand below the checkpoint's note. `at` is in seconds since 1970."""
    signature = cosigner.private_key.sign(_message(text, at))
    return note.signature_line(cosigner.verifier(), at.to_bytes(_TIME_BYTES, "big") + signature)


def cosigned_at(signed: str, verifier: Verifier) -> int | None:
    """When this witness cosigned the note, in seconds since 1970; the earliest of several, None if it did not.

    Raises NoteError if the note is out of form, or a signature in the witness's name does not hold.
    """
    text, signatures = note.split(signed)
    times = []
    for each in note.by(signatures, verifier):
        if len(each) != _TIME_BYTES + _SIGNATURE_BYTES:
            raise NoteError("a cosignature is malformed")
        at = int.from_bytes(each[:_TIME_BYTES], "big")
        note.check(each[_TIME_BYTES:], _message(text, at), verifier)
        if at >= _YEAR_10000:
            raise NoteError("a cosignature is of a time that no calendar has")
        times.append(at)
    return min(times, default=None)


def claimed_at(line: str) -> int:
    """The time in a cosignature's line, in seconds since 1970, as it stands there: whether it holds is another matter.

    Raises NoteError if it is none.
    """
    _, signatures = note.split(f"\n\n{line}")
    (signature,) = [each for _, each in signatures][:1]
    return int.from_bytes(signature[4 : 4 + _TIME_BYTES], "big")


def claimed_times(signed: str) -> list[int]:
    """The times in a note's signatures that have the form of a cosignature, as they stand there: whether one holds is
    another matter. Raises NoteError.
    """
    found = [each[4:] for _, each in note.split(signed)[1] if len(each) == 4 + _TIME_BYTES + _SIGNATURE_BYTES]
    times = [int.from_bytes(each[:_TIME_BYTES], "big") for each in found]
    return [each for each in times if each < _YEAR_10000]


def taken(signed: str, lines: str, verifier: Verifier) -> str | None:
    """Of the lines that were given for the note the one of this witness, proven to hold; None if there is none.

    Raises NoteError as `cosigned_at`.
    """
    text, signatures = note.split(signed + lines)
    if text != note.split(signed)[0]:
        raise NoteError("the lines make another text of the note")
    if cosigned_at(signed + lines, verifier) is None:
        return None
    return note.signature_line(verifier, note.by(signatures, verifier)[0])


def _message(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()
