"""Reading files that somebody else made: nothing but ordinary ones, and no more of them than there can be."""

import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

FACT_BYTES: Final = 16 << 20
"""No fact is longer: its message, with the payload, is to be at most 4 MiB (`limits.body_bytes`)."""
PROOF_BYTES: Final = 2 * FACT_BYTES
"""No proof is longer: a fact in base64, some hashes and a checkpoint."""


def open_ordinary(path: Path) -> BinaryIO:
    """Raises OSError, or ValueError if it is a pipe or a device, which could keep a reader for ever."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError(f"{path.name} is not an ordinary file")
    return os.fdopen(handle, "rb")


def read_ordinary(path: Path, most: int) -> bytes:
    """Up to `most` bytes. Raises OSError, or ValueError if there are more or it is not an ordinary file."""
    with open_ordinary(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path.name} is longer than it can be")
    return content


def sole_ending(note: str) -> str:
    """A signed note that a program or an editor has put empty lines behind, as it was signed."""
    return note.rstrip("\n") + "\n"
