"""What the journal gives to convince a stranger: proofs of facts, proofs that the log only grew, and checkpoints with
their cosignatures; a part of `Journal`. Each takes a few hundred rows, however long the log.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from gateway.errors import Refused
from gateway.hub.journal.facts import Altered, FactKind
from gateway.hub.journal.faults import OtherHistory
from gateway.hub.journal.parts import Commit, Read
from gateway.hub.journal.store import id_sought
from gateway.hub.journal.transaction import Transaction
from gateway.tlog import proof
from gateway.tlog.proof import Hashes
from gateway.tlog.proof_file import ProofFile
from gateway.tlog.tree import leaf_hash


class Proofs:
    """Of one journal. Every write is durable when its await returns."""

    def __init__(self, commit: Commit, read: Read, break_off: Callable[[Exception], None]) -> None:
        self._commit = commit
        self._read = read
        self._break_off = break_off

    def facts_of(self, message_id: str) -> list[int]:
        """The facts by which this message was recorded or refused, the recording first. Raises Deferred."""
        return self._read(partial(facts_of, message_id=message_id))

    def body(self, seq: int) -> bytes | None:
        """What the fact says; None if there is none, or its content is gone. Raises Deferred."""
        return self._read(partial(_body, seq=seq))

    async def of_fact(self, seq: int) -> ProofFile:
        """That fact `seq` is in the log, under the newest checkpoint that a witness cosigned, else under the newest.
        What no checkpoint counts yet is signed now.

        `extra` is salt and body: the leaf is SHA-256(0x00 ‖ SHA-256(extra)). Raises Refused (unknown_fact, fact_purged)
        or Deferred.
        """
        found = self._read(partial(fact_proof, seq=seq))
        if found is None:
            await self._commit(Transaction.sign)
            found = self._read(partial(fact_proof, seq=seq))
        if found is None:
            raise Refused("unknown_fact")
        return found

    def growth(self, old: int, new: int) -> list[bytes]:
        """That the log of `new` facts grew out of that of `old`. Raises Refused("unknown_fact") if it has not so many,
        or Deferred.
        """
        return self._read(partial(growth, old=old, new=new))

    def checkpoint(self) -> tuple[int, str] | None:
        """Size and note of the last checkpoint, with its cosignatures; None if there is none yet. Raises Deferred."""
        return self._read(last_checkpoint)

    async def cosigned(self, size: int, witness: str, line: str) -> None:
        """Keep a witness's line below the checkpoint of that size; the first one stays. Raises Deferred."""
        await self._commit(partial(_cosigned, size=size, witness=witness, line=line))

    def cosigned_by(self, witness: str) -> tuple[int, str] | None:
        """Size and note of the last checkpoint that this witness cosigned, with its cosignature. Raises Deferred."""
        return self._read(partial(_cosigned_by, witness=witness))

    def contradicted(self, told: str) -> None:
        """Somebody who can prove it knows another history of this log: from now on it is broken, and says so."""
        self._break_off(OtherHistory(told))


def tree_hashes(connection: sqlite3.Connection) -> Hashes:
    """The hashes of the log's tiles, as they are asked for."""

    def hashes(level: int, first: int, count: int) -> Sequence[bytes]:
        if level == 0:
            rows = connection.execute(_COMMITMENTS, (first + 1, first + count))
            return [leaf_hash(commitment) for (commitment,) in rows]
        return [root for (root,) in connection.execute(_TILES, (level, first, first + count))]

    return hashes


def facts_of(connection: sqlite3.Connection, message_id: str) -> list[int]:
    """As `Proofs.facts_of`."""
    return [seq for (seq,) in connection.execute(_FACTS_OF, (id_sought(message_id), *_TAKEN))]


def fact_proof(connection: sqlite3.Connection, seq: int) -> ProofFile | None:
    """As `Proofs.of_fact`; None if no checkpoint counts it yet."""
    row = connection.execute("SELECT salt, body FROM fact WHERE seq = ?", (seq,)).fetchone()
    if row is None:
        raise Refused("unknown_fact")
    if row[0] is None or row[1] is None:
        raise Refused("fact_purged")
    found = connection.execute(_COSIGNED, (seq,)).fetchone() or connection.execute(_SIGNED, (seq,)).fetchone()
    if found is None:
        return None
    path = _roots(connection, proof.inclusion(seq - 1, found[0]))
    return ProofFile(seq - 1, path, _with_cosignatures(connection, *found), row[0] + row[1])


def _body(connection: sqlite3.Connection, seq: int) -> bytes | None:
    row = connection.execute("SELECT body FROM fact WHERE seq = ?", (seq,)).fetchone()
    return row[0] if row else None


def growth(connection: sqlite3.Connection, old: int, new: int) -> list[bytes]:
    """As `Proofs.growth`."""
    if not 0 <= old <= new <= connection.execute("SELECT coalesce(max(seq), 0) FROM fact").fetchone()[0]:
        raise Refused("unknown_fact")
    return _roots(connection, proof.consistency(old, new))


def last_checkpoint(connection: sqlite3.Connection) -> tuple[int, str] | None:
    """As `Proofs.checkpoint`."""
    row = connection.execute(_SIGNED, (0,)).fetchone()
    return (row[0], _with_cosignatures(connection, *row)) if row else None


def cosigned_checkpoints(connection: sqlite3.Connection, until: int) -> dict[int, str]:
    """Of each witness the last checkpoint of at most `until` facts that it cosigned: its size, and its note with all
    cosignatures.
    """
    rows = connection.execute(_COSIGNED_UNTIL, (until,)).fetchall()
    return {size: _with_cosignatures(connection, size, note) for size, note in rows}


def _with_cosignatures(connection: sqlite3.Connection, size: int, note: str) -> str:
    lines = connection.execute("SELECT line FROM cosignature WHERE size = ? ORDER BY witness", (size,)).fetchall()
    return note + "".join(line for (line,) in lines)


def _cosigned(transaction: Transaction, size: int, witness: str, line: str) -> None:
    transaction.execute("INSERT OR IGNORE INTO cosignature (size, witness, line) VALUES (?,?,?)", (size, witness, line))


def _cosigned_by(connection: sqlite3.Connection, witness: str) -> tuple[int, str] | None:
    row = connection.execute(_COSIGNED_BY, (witness,)).fetchone()
    return (row[0], row[1] + row[2]) if row else None


def _roots(connection: sqlite3.Connection, spans: Sequence[proof.Span]) -> list[bytes]:
    hashes = tree_hashes(connection)
    try:
        return [proof.span_root(each, hashes) for each in spans]
    except LookupError:
        raise Altered(1, "facts or tiles are missing of which a proof is made") from None


_TAKEN: Final = (FactKind.MESSAGE_RECORDED.value, FactKind.MESSAGE_REFUSED.value)
_FACTS_OF: Final = "SELECT seq FROM fact WHERE message_id = ? AND kind IN (?, ?) ORDER BY kind, seq"
_SIGNED: Final = "SELECT size, note FROM checkpoint WHERE size >= ? ORDER BY size DESC LIMIT 1"
_COSIGNED: Final = (
    "SELECT checkpoint.size, note FROM cosignature JOIN checkpoint USING (size)"
    " WHERE cosignature.size >= ? ORDER BY cosignature.size DESC LIMIT 1"
)
_COSIGNED_UNTIL: Final = (
    "SELECT DISTINCT size, note FROM checkpoint JOIN"
    " (SELECT max(size) AS size FROM cosignature WHERE size <= ? GROUP BY witness) USING (size) ORDER BY size"
)
_COSIGNED_BY: Final = (
    "SELECT cosignature.size, note, line FROM cosignature JOIN checkpoint USING (size)"
    " WHERE witness = ? ORDER BY cosignature.size DESC LIMIT 1"
)
_COMMITMENTS: Final = "SELECT commitment FROM fact WHERE seq BETWEEN ? AND ? ORDER BY seq"
_TILES: Final = "SELECT root FROM tile WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx"
