"""The witnesses' lines below the checkpoints: each is one line of that witness, and holds if its key is known."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from gateway.hub.journal.facts import Altered
from gateway.tlog import cosignature, note


def check_cosignatures(connection: sqlite3.Connection, witnesses: Sequence[note.Verifier]) -> None:
    """Of checkpoints that were found whole. `witnesses` are those whose keys are known. Raises Altered.

    A line that was taken away is not missed: no witness is asked of every checkpoint.
    """
    known = {each.name: each for each in witnesses}
    for size, witness, line, signed in connection.execute(_LINES):
        if signed is None:
            raise Altered(size, f"a cosignature stands below a checkpoint of {size}, and there is none")
        try:
            _check(signed, witness, line, known.get(witness))
        except (note.NoteError, TypeError):
            raise Altered(size, f"a cosignature below the checkpoint of {size} is altered") from None


def _check(signed: str, witness: str, line: Any, verifier: note.Verifier | None) -> None:
    """Raises NoteError or TypeError."""
    text, signatures = note.split(signed)
    again, more = note.split(signed + line)
    if again != text or [name for name, _ in more] != [*(name for name, _ in signatures), witness]:
        raise note.NoteError("it is no line of that witness")
    if verifier is not None and cosignature.cosigned_at(signed + line, verifier) is None:
        raise note.NoteError("it was made by another key")


_LINES: Final = (
    "SELECT cosignature.size, witness, line, note FROM cosignature LEFT JOIN checkpoint USING (size)"
    " ORDER BY cosignature.size, witness"
)
