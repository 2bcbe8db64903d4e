"""A checkpoint of a log here that somebody else kept, as a file."""

import contextlib
from pathlib import Path
from typing import NamedTuple

from gateway.errors import Misconfigured
from gateway.evidence.bounded import read_ordinary, sole_ending
from gateway.keys.layout import log_verifier
from gateway.tlog import note
from gateway.tlog.note import Checkpoint, NoteError
from gateway.wiring.backup import log_names


class KeptCheckpoint(NamedTuple):
    """Of which log, what it signs, its note with the log's own signature alone, and in which file it came."""

    tenant: str
    checkpoint: Checkpoint
    note: str
    file: Path


def read_kept(root: Path, file: Path) -> KeptCheckpoint:
    """Raises Misconfigured if it is of none of the logs here."""
    text = sole_ending(text_of(file))
    for name in log_names(root):
        verifier = log_verifier(root, name)
        with contextlib.suppress(NoteError):
            signed = note.open_note(text, verifier)
            own = note.signature_line(verifier, note.by(note.split(text)[1], verifier)[0])
            return KeptCheckpoint(name, Checkpoint.parse(signed), f"{signed}\n{own}", file)
    raise Misconfigured((f"{file}: is not a checkpoint that a log here has signed",))


def small_text(file: Path) -> str:
    """Of a file that came from elsewhere, as one of a backup does. Raises Misconfigured, also if it is a pipe or longer
    than 16 MiB.
    """
    try:
        return read_ordinary(file, 16 << 20).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured((f"{file}: cannot be read ({type(error).__name__})",)) from None
    except ValueError as error:
        raise Misconfigured((f"{file}: {error}",)) from None


def text_of(file: Path) -> str:
    """Raises Misconfigured if it cannot be read."""
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured((f"{file}: cannot be read ({type(error).__name__})",)) from None
