"""What somebody adds who can write into the file of a log, and has not its key."""

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import Misconfigured
from gateway.hub.journal import FactKind
from gateway.hub.journal.facts import SIGNED_FACTS, commitment, fact_body
from gateway.tlog.cosignature import Cosigner, cosign
from gateway.tlog.note import open_note
from tests.journal.builders import SIGNER, open_journal
from tests.journal.test_retention import AT, NOW, OLD, YOUNG, ended, purge, sql, verified

_EMPTY = "UPDATE fact SET at = '', kind = '', message_id = NULL, salt = NULL, body = NULL, tag_salt = NULL"
_BEFORE, _AT = "2096-01-01T00:00:00.000000Z", "2099-04-01T00:00:00.000000Z"


def add(path: Path, kind: FactKind, fields: dict[str, object], at: str = YOUNG) -> int:
    """One more fact behind the others, in its form, of a log that is closed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (seq,) = connection.execute("SELECT max(seq) + 1 FROM fact").fetchone()
        salt, body = os.urandom(32), fact_body(seq, at, kind, fields)
        row = (seq, at, kind.value, commitment(salt, body), salt, body)
        connection.execute("INSERT INTO fact (seq, at, kind, commitment, salt, body) VALUES (?,?,?,?,?,?)", row)
    return int(seq)


async def filled(path: Path) -> int:
    """How many facts it has, all of them young and signed for."""
    with closing(open_journal(path)) as journal:
        for _ in range(3):
            await ended(journal, YOUNG)
    return verified(path).signed_facts


def refused(path: Path, seq: int) -> bool:
    """By verification and by a start, both at that fact."""
    with pytest.raises(Misconfigured, match=f"fact {seq} "):
        open_journal(path)
    return verified(path).at_seq == seq


@pytest.mark.parametrize("kind", sorted(SIGNED_FACTS))
async def test_what_persons_decided_is_not_to_be_added(path: Path, kind: FactKind) -> None:
    await filled(path)
    assert refused(path, add(path, kind, {}))


async def test_who_empties_facts_cannot_say_that_they_were_purged(path: Path) -> None:
    count = await filled(path)
    sql(path, "DELETE FROM tag", "DELETE FROM message", _EMPTY)
    said = {"before": _BEFORE, "facts": f"1-{count}", "tags": 0}
    assert refused(path, add(path, FactKind.FACTS_PURGED, said, _AT))


async def test_what_nobody_signed_was_not_purged(path: Path) -> None:
    await filled(path)
    seq = add(path, FactKind.NOISE_COUNTED, {})
    sql(path, f"{_EMPTY} WHERE seq = {seq}")
    assert refused(path, seq)


@pytest.mark.parametrize(("ahead", "early"), [(29, False), (40, True)])
async def test_a_clock_that_was_ahead_by_less_than_a_month_leaves_a_log_that_verifies(
    path: Path, ahead: int, *, early: bool
) -> None:
    """The gateway believed it; by how much more it would not have, shows."""
    witness = Cosigner("witness.example/made-up", Ed25519PrivateKey.generate())
    right = NOW - timedelta(days=ahead)
    with closing(open_journal(path)) as journal:
        await ended(journal, OLD)
        assert await purge(journal)
        note = await journal.checkpoint()
        line = cosign(open_note(note, SIGNER.verifier()), witness, at=int(right.timestamp()))
        await journal.proofs.cosigned(journal.size_and_root()[0], witness.name, line)
    assert (verified(path).problem is not None) == early


async def test_whoever_has_the_key_cannot_purge_by_a_time_that_a_witness_contradicts(path: Path) -> None:
    """Of last month, by a fact that says it is from 2099; a witness cosigned it this year."""
    witness = Cosigner("witness.example/made-up", Ed25519PrivateKey.generate())
    with closing(open_journal(path)) as journal:
        await ended(journal, YOUNG)
        assert await purge(journal, before=_BEFORE, at=_AT)
        await ended(journal, AT)
        note = await journal.checkpoint()
        size, _ = journal.size_and_root()
        assert verified(path).problem is None
        line = cosign(open_note(note, SIGNER.verifier()), witness, at=int(datetime(2026, 4, 1, tzinfo=UTC).timestamp()))
        await journal.proofs.cosigned(size, witness.name, line)
    assert "a witness saw it earlier than it claims" in str(verified(path).problem)
