"""One small file that proves that something is in a log (c2sp.org/tlog-proof): its leaf's index, the path from there to
the root, and the signed checkpoint that has this root.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from gateway.tlog import note
from gateway.tlog.note import Checkpoint, NoteError, Verifier
from gateway.tlog.proof import HASH_BYTES, MOST_HASHES, included

_FIRST: Final = "c2sp.org/tlog-proof@v1"
SUFFIX: Final = ".tlog-proof"


@dataclass(frozen=True, slots=True)
class ProofFile:
    """`checkpoint` is the signed note with all its signatures. `extra` is what the leaf is made of: nothing vouches for
    it but the leaf hash that it gives.
    """

    index: int
    path: Sequence[bytes]
    checkpoint: str
    extra: bytes = b""

    def text(self) -> str:
        """The file."""
        extra = [f"extra {base64.b64encode(self.extra).decode()}"] if self.extra else []
        path = [base64.b64encode(each).decode() for each in self.path]
        return "\n".join([_FIRST, *extra, f"index {self.index}", *path, "", self.checkpoint])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a file in its one form. Raises NoteError."""
        head, gap, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if first != _FIRST or not gap:
            raise NoteError("it is not a tlog-proof of version 1")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = note.decode(lines.pop(0).removeprefix("extra "))
        if not lines or not lines[0].startswith("index "):
            raise NoteError("the proof names no index")
        index = note.decimal(lines[0].removeprefix("index "))
        path = [note.decode(line) for line in lines[1:]]
        if len(path) > MOST_HASHES or any(len(each) != HASH_BYTES for each in path):
            raise NoteError("the proof's path is not one of hashes")
        return cls(index, path, checkpoint, extra)

    def check(self, leaf: bytes, verifier: Verifier) -> Checkpoint:
        """The checkpoint, once the log's key is proven to have signed it and the leaf hash to be in its tree.

        Raises NoteError.
        """
        checkpoint = Checkpoint.parse(note.open_note(self.checkpoint, verifier))
        if not included(leaf, self.index, checkpoint.size, self.path, checkpoint.root):
            raise NoteError("the proof does not lead from what it is of to the checkpoint's root")
        return checkpoint
