"""Makes of a copy of a log that is lost the beginning of another: the same facts, signed under another name."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gateway.evidence.altered import Altered as Unproven
from gateway.evidence.succeeded import Succeeded
from gateway.hub.journal.facts import Altered, FactKind
from gateway.hub.journal.reading import told
from gateway.hub.journal.store import connect_writer
from gateway.tlog.note import Checkpoint, Signer, sign
from gateway.tlog.tree import Frontier, leaf_hash


def begin_under(path: Path, signer: Signer) -> None:
    """The log in the file, which was verified and which no gateway has open, is from now on the one of that signer: it
    signs what is there. What the former one signed, and whoever cosigned it, stays in the copy that it was taken from.
    Raises sqlite3.Error.
    """
    with closing(connect_writer(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        tree = Frontier()
        for (commitment,) in connection.execute("SELECT commitment FROM fact ORDER BY seq"):
            tree.append(leaf_hash(commitment))
        note = sign(Checkpoint(signer.name, tree.size, tree.root()).text(), signer)
        connection.execute("DELETE FROM cosignature")
        connection.execute("DELETE FROM checkpoint")
        connection.execute("UPDATE log SET origin = ?", (signer.name,))
        connection.execute(
            "INSERT INTO checkpoint (size, note, frontier) VALUES (?,?,?)", (tree.size, note, tree.pack())
        )
        connection.execute("COMMIT")


def succeeded(connection: sqlite3.Connection) -> Sequence[Succeeded]:
    """Which logs this one follows, in order. Raises Altered."""
    try:
        return [Succeeded.read(seq, fact) for seq, _, fact in told(connection, [FactKind.LOG_SUCCEEDED], 0)]
    except Unproven as error:
        raise Altered(error.seq or 1, str(error)) from None
