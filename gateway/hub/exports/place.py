"""How far an export has come in a log: a small file beside the journals, and no part of them."""

import json
import os
import stat
from pathlib import Path
from typing import Any, Final

from gateway.hub.journal.copying import durable

_MOST: Final = 1024
"""Bytes of such a file: a seq and a commitment."""
_LAST_SEQ: Final = 2**63 - 1
"""What a log can number its facts by."""


class Place:
    """The last fact that the other side has, by seq and commitment: after a restore the log may have another there.

    A file that is lost or spoilt costs copies that come twice, never one that is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[int, bytes] | None:
        """None if there is none, or something else stands there. Raises OSError if the file cannot be read."""
        try:
            found = json.loads(_text(self._path))
            return _seq(found["seq"]), bytes.fromhex(found["commitment"])
        except (FileNotFoundError, ValueError, LookupError, TypeError, RecursionError):
            return None

    def write(self, seq: int, commitment: bytes) -> None:
        """Whole or not at all. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)  # whatever stands there is not written into
        text = json.dumps({"seq": seq, "commitment": commitment.hex()})
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        durable(unfinished)
        unfinished.replace(self._path)


def _text(path: Path) -> bytes:
    """As much of it as can be one. A FIFO has nothing, and is not waited for. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(file, _MOST) if stat.S_ISREG(os.fstat(file).st_mode) else b""
    finally:
        os.close(file)


def _seq(said: Any) -> int:
    """Raises ValueError."""
    if type(said) is not int or not 0 < said <= _LAST_SEQ:
        raise ValueError("no fact's seq")
    return said
