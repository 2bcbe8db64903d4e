"""Writes a log into a folder from which strangers can check it; beside a running gateway, too.

What the folder already has of the same log is gone on from. It goes up to the newest checkpoint; the newest one that
each witness cosigned lies beside it, so that what is not cosigned yet is neither hidden nor taken for what is.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from gateway.evidence.folder import Content, LogFolder
from gateway.hub.journal.proofs import cosigned_checkpoints, growth, last_checkpoint, tree_hashes
from gateway.hub.journal.store import WrongStore, connect_reader, identify, wal_of
from gateway.tlog.note import Checkpoint, Verifier, open_note
from gateway.tlog.proof import consistent
from gateway.tlog.tiles import Tile, tiles
from gateway.tlog.tree import TILE_WIDTH


class Exported(NamedTuple):
    """What the folder has: as `signed` says, and of it the first `cosigned` facts (0 if none) as witnesses saw them."""

    signed: Checkpoint
    cosigned: int


def export(
    path: Path, into: Path, verifier: Verifier, progress: Callable[[int, int], None] | None = None
) -> Exported | None:
    """Everything that the log's last checkpoint counts; None if nothing was signed yet. If facts were purged meanwhile,
    it goes on until the folder has the facts that say so.

    Raises WrongStore if it is no journal or the folder has another log, BlockingIOError if another export writes there,
    NoteError if a checkpoint was altered, and
    sqlite3.Error, OSError or ValueError if one of them cannot be read.
    """
    if not path.is_file():
        raise WrongStore("does not exist")
    folder = LogFolder(into)
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    with folder.alone(), closing(connect_reader(path, at_rest=not wal_of(path).exists())) as connection:
        identify(connection)
        former = 0
        while (found := last_checkpoint(connection)) is not None:
            signed = Checkpoint.parse(open_note(found[1], verifier))
            if signed.size == former:  # what says that facts were purged came with a checkpoint
                raise WrongStore("was written to by a gateway that started meanwhile: export it again")
            former = signed.size
            after = _had(connection, folder, signed, verifier)
            for tile in tiles(signed.size, after=after):
                _copy(connection, folder, tile)
                if progress and tile.level == 0:
                    progress(tile.number * TILE_WIDTH + tile.width, signed.size)
            folder.write_checkpoint(found[1], signed.size, after=after)
            cosigned = cosigned_checkpoints(connection, signed.size)
            folder.write_cosigned({size: note for size, note in cosigned.items() if size != signed.size})
            folder.tidy(signed.size)  # also what an export that was interrupted just here had left
            if connection.execute(_PURGED_SINCE, (signed.size,)).fetchone() is None:
                return Exported(signed, max(cosigned, default=0))
    return None


def _had(connection: sqlite3.Connection, folder: LogFolder, signed: Checkpoint, verifier: Verifier) -> int:
    """How many facts the folder already has of this log."""
    note = folder.checkpoint()
    if note is None:
        return 0
    had = Checkpoint.parse(open_note(note, verifier))
    if had.origin != signed.origin or had.size > signed.size:
        raise WrongStore("is not the log that the folder has, or an older copy of it")
    if not consistent(had.size, had.root, signed.size, signed.root, growth(connection, had.size, signed.size)):
        raise WrongStore("did not grow out of the log that the folder has")
    return had.size


def _copy(connection: sqlite3.Connection, folder: LogFolder, tile: Tile) -> None:
    hashes = tree_hashes(connection)
    folder.write(tile, hashes(tile.level, tile.number * TILE_WIDTH, tile.width))
    if tile.level == 0:
        first = tile.number * TILE_WIDTH + 1
        rows = connection.execute(_FACTS, (first, first + tile.width - 1)).fetchall()
        contents = (None if salt is None or body is None else Content(salt, body) for _, salt, body in rows)
        folder.write_facts(tile, [row[0] for row in rows], contents)


_PURGED_SINCE: Final = "SELECT 1 FROM fact WHERE kind = 'facts.purged' AND message_id IS NULL AND seq > ?"
_FACTS: Final = "SELECT commitment, salt, body FROM fact WHERE seq BETWEEN ? AND ? ORDER BY seq"
