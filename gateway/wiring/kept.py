"""A checkpoint of a log here that somebody else kept, as a file."""

import contextlib
from pathlib import Path
from typing import NamedTuple

from gateway.errors import Misconfigured
from gateway.keys.layout import log_verifier
from gateway.tlog import note
from gateway.tlog.note import Checkpoint, NoteError
from gateway.wiring.backup import log_names


class KeptCheckpoint(NamedTuple):
    """Of which log, what it signs, and its note with the log's own signature alone."""

    tenant: str
    checkpoint: Checkpoint
    note: str


def read_kept(root: Path, file: Path) -> KeptCheckpoint:
    """Raises Misconfigured if it is of none of the logs here."""
    text = text_of(file)
    for name in log_names(root):
        verifier = log_verifier(root, name)
        with contextlib.suppress(NoteError):
            signed = note.open_note(text, verifier)
            own = note.signature_line(verifier, note.by(note.split(text)[1], verifier)[0])
            return KeptCheckpoint(name, Checkpoint.parse(signed), f"{signed}\n{own}")
    raise Misconfigured((f"{file}: is not a checkpoint that a log here has signed",))


def text_of(file: Path) -> str:
    """Raises Misconfigured if it cannot be read."""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured((f"{file}: cannot be read ({type(error).__name__})",)) from None
