"""Makes of a copy of a log that is lost the beginning of another: the same facts, under another name."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from gateway.evidence.altered import Altered as Unproven
from gateway.evidence.succeeded import Succeeded
from gateway.hub.journal.facts import Altered, FactKind
from gateway.hub.journal.reading import told
from gateway.hub.journal.store import connect_writer
from gateway.tlog import note
from gateway.tlog.note import Signer
from gateway.tlog.tree import Frontier, leaf_hash


def begin_under(path: Path, signer: Signer) -> None:
    """The log in the file, that no gateway has open, is from now on the one of the signer's name, and begins with a
    checkpoint of what it has. What the former one signed, and whoever cosigned it, stays in the copy that it was taken
    from. Raises sqlite3.Error.
    """
    with closing(connect_writer(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM cosignature")
        connection.execute("DELETE FROM checkpoint")
        connection.execute("UPDATE log SET origin = ?", (signer.name,))
        tree = Frontier()
        for (committed,) in connection.execute("SELECT commitment FROM fact ORDER BY seq"):
            tree.append(leaf_hash(committed))
        if tree.size:
            signed = note.sign(note.Checkpoint(signer.name, tree.size, tree.root()).text(), signer)
            connection.execute("INSERT INTO checkpoint VALUES (?,?,?)", (tree.size, signed, tree.pack()))
        connection.execute("COMMIT")


def succeeded(connection: sqlite3.Connection) -> Sequence[Succeeded]:
    """Which logs this one follows, in order. Raises Altered."""
    try:
        return [Succeeded.read(seq, fact) for seq, _, fact in told(connection, [FactKind.LOG_SUCCEEDED], 0)]
    except Unproven as error:
        raise Altered(error.seq or 1, str(error)) from None
