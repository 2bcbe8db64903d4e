"""Which files of the logs others than their owner may write: what is altered there shows when it is verified, not
before.
"""

import stat
from collections.abc import Iterator
from contextlib import suppress

from gateway.config import Config
from gateway.wiring.opening import SYSTEM


def exposed(config: Config) -> Iterator[str]:
    """A sentence for each, and for their folder; none in an edge process, which has no log."""
    if config.gateway.role == "edge":
        return
    folder = config.path(config.gateway.journal.directory)
    files = (folder / f"{log}{end}" for log in (SYSTEM, *config.tenants) for end in (".db", ".db-wal", "-search.db"))
    for path in (folder, *files):
        with suppress(OSError):  # it is not there yet, or the start says what it is
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & (stat.S_IWGRP | stat.S_IWOTH):
                yield f"{path}: others than its owner may write it (mode {mode:o}): chmod go-w {path}"
