"""Signed notes (c2sp.org/signed-note, Ed25519 only) and the checkpoint that a log signs (c2sp.org/tlog-checkpoint).

Turns text and a key into a note, and a note and a known public key back into trusted text. Pure: a text is handed out
only when the known key's signature over it holds.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = 1
COSIGNATURE: Final = 4
"""The signature types that we know: of a note's author, and of a witness (c2sp.org/tlog-cosignature)."""
_MARK: Final = "\N{EM DASH} "
MAX_NOTE: Final = 1_000_000
MAX_SIGNATURES: Final = 100
"""Bounds on what is read, in characters and lines; the specification asks for at least 16 signatures."""


class NoteError(ValueError):
    """The note, key or checkpoint is malformed, or the known key did not sign it. The text says which."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs notes under a name, by convention a URL without scheme."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)

    def verifier(self) -> "Verifier":
        """The other half: what checks this signer's notes."""
        return Verifier(self.name, self.private_key.public_key())


@dataclass(frozen=True, slots=True)
class Verifier:
    """A known public key, its name, and which type of signature it makes. Only all three identify a signature."""

    name: str
    public_key: Ed25519PublicKey = field(repr=False)
    type: int = ED25519

    def __post_init__(self) -> None:
        _check_name(self.name)

    @classmethod
    def parse(cls, vkey: str, *, type: int = ED25519) -> Self:  # noqa: A002  (the specification's word)
        """Read `<name>+<key id in hex>+<base64 of type byte and key>`. Raises NoteError, also for another type."""
        parts = vkey.split("+", 2)
        if len(parts) != 3:
            raise NoteError("a verifier key has three parts joined by +")
        key = decode(parts[2])
        if len(key) != 33 or key[0] != type:
            raise NoteError(f"the verifier key is not an Ed25519 key of type {type}")
        verifier = cls(parts[0], Ed25519PublicKey.from_public_bytes(key[1:]), type)
        if verifier.key_id.hex() != parts[1]:
            raise NoteError("the verifier key does not have the id that it names")
        return verifier

    @property
    def key_id(self) -> bytes:
        """SHA-256(name, newline, type byte, key), the first four bytes."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed()).digest()[:4]

    @property
    def vkey(self) -> str:
        """The one-line form, which `parse` and other people's tools read."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self._typed()).decode()}"

    def _typed(self) -> bytes:
        return bytes([self.type]) + self.public_key.public_bytes_raw()


def vkey(name: str, public_key: Ed25519PublicKey) -> str:
    """The one-line form of an author's public key."""
    return Verifier(name, public_key).vkey


def sign(text: str, signer: Signer) -> str:
    """The note: the text, an empty line, one signature line. Raises NoteError if the text cannot be in a note."""
    _check_text(text)
    return f"{text}\n{signature_line(signer.verifier(), signer.private_key.sign(text.encode()))}"


def signature_line(verifier: Verifier, signature: bytes) -> str:
    """One line below a note, with its newline."""
    return f"{_MARK}{verifier.name} {base64.b64encode(verifier.key_id + signature).decode()}\n"


def open_note(note: str, verifier: Verifier) -> str:
    """The text of the note, once the verifier's key is proven to have signed it.

    Signatures by keys that we do not know are ignored, as the specification demands. Raises NoteError if none is by
    our key, if one in our key's name does not hold, or if a single character is out of form.
    """
    text, signatures = split(note)
    ours = by(signatures, verifier)
    if not ours:
        raise NoteError("the note is not signed by the known key")
    for signature in ours:
        check(signature, text.encode(), verifier)
    return text


def split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text, which nothing vouches for yet, and its signatures: key name, then key id and signature.

    Raises NoteError if it is out of form.
    """
    if len(note) > MAX_NOTE:
        raise NoteError("the note is too long")
    text, gap, signatures = note.rpartition("\n\n")
    text += "\n"
    if not gap or not signatures.endswith("\n"):
        raise NoteError("the note has no signatures")
    _check_text(text)
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError("the note has too many signatures")
    return text, [_signature(line) for line in lines]


def by(signatures: Sequence[tuple[str, bytes]], verifier: Verifier) -> list[bytes]:
    """Those that name this key, without its id; whether one holds is still to be checked."""
    return [
        signature[4:] for name, signature in signatures if (name, signature[:4]) == (verifier.name, verifier.key_id)
    ]


def check(signature: bytes, signed: bytes, verifier: Verifier) -> None:
    """Raises NoteError unless the key made this signature over these bytes."""
    try:
        verifier.public_key.verify(signature, signed)
    except InvalidSignature:
        raise NoteError("the note's signature does not hold") from None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log signs: how many leaves it has and the root of their tree."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint's text; extension lines are not taken, because we write none. Raises NoteError."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise NoteError("a checkpoint has three lines")
        size = decimal(lines[1])
        root = decode(lines[2])
        if len(root) != 32:
            raise NoteError("the checkpoint's root is not 32 bytes")
        return cls(lines[0], size, root)


def _signature(line: str) -> tuple[str, bytes]:
    name, space, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not space:
        raise NoteError("a signature line is malformed")
    _check_name(name)
    signature = decode(encoded)
    if len(signature) < 5:
        raise NoteError("a signature line is malformed")
    return name, signature


def decimal(text: str) -> int:
    """A number as these formats write it: ASCII digits without leading zeroes. Raises NoteError."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and str(int(text)) == text and int(text) < 2**63):
        raise NoteError("not a plain decimal number")
    return int(text)


def decode(encoded: str) -> bytes:
    """Base64 in its one form; Python's decoder would let stray bits at the end pass. Raises NoteError."""
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("not base64") from None
    if base64.b64encode(decoded).decode() != encoded:
        raise NoteError("not base64 in its one form")
    return decoded


def _check_name(name: str) -> None:
    if not name or "+" in name or any(each.isspace() or each < " " for each in name):
        raise NoteError("a key name is not empty and has no space, control character or +")


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(each < " " and each != "\n" for each in text):
        raise NoteError("a note's text ends in a newline and has no other control character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NoteError("a note's text is valid UTF-8") from None
