"""How far an export has come in a log: a small file beside the journals, and no part of them."""

import json
import os
from pathlib import Path

from gateway.hub.journal.copying import durable


class Place:
    """The last fact that the other side has, by seq and commitment: after a restore the log may have another there.

    A file that is lost or spoilt costs copies that come twice, never one that is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[int, bytes] | None:
        """None if there is none. Raises OSError if the file cannot be read."""
        try:
            found = json.loads(self._path.read_bytes())
            return int(found["seq"]), bytes.fromhex(found["commitment"])
        except (FileNotFoundError, ValueError, LookupError, TypeError):
            return None

    def write(self, seq: int, commitment: bytes) -> None:
        """Whole or not at all. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._path.with_suffix(".unfinished")
        text = json.dumps({"seq": seq, "commitment": commitment.hex()})
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        durable(unfinished)
        unfinished.replace(self._path)
