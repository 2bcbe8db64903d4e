"""A checkpoint with the proof that its log grew out of an earlier size: what a witness is sent (c2sp.org/tlog-witness),
and what convinces whoever kept an earlier checkpoint.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from gateway.tlog import note
from gateway.tlog.note import Checkpoint, NoteError
from gateway.tlog.proof import HASH_BYTES, MOST_HASHES, consistent


@dataclass(frozen=True, slots=True)
class Submission:
    """`old` is the earlier size, `checkpoint` the signed note with all its signatures."""

    old: int
    path: Sequence[bytes]
    checkpoint: str

    def text(self) -> str:
        """The body of `add-checkpoint`."""
        path = [base64.b64encode(each).decode() for each in self.path]
        return "\n".join([f"old {self.old}", *path, "", self.checkpoint])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it in its one form. Raises NoteError."""
        head, gap, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if not gap or not first.startswith("old "):
            raise NoteError("it does not begin with the old size, the proof and an empty line")
        path = [note.decode(line) for line in lines]
        if len(path) > MOST_HASHES or any(len(each) != HASH_BYTES for each in path):
            raise NoteError("the proof is not one of hashes")
        return cls(note.decimal(first.removeprefix("old ")), path, checkpoint)

    def grew(self, earlier: Checkpoint, now: Checkpoint) -> bool:
        """Whether it proves that the tree of `now` grew out of that of `earlier`."""
        return self.old == earlier.size and consistent(earlier.size, earlier.root, now.size, now.root, self.path)
