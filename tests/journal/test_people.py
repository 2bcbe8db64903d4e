"""The facts of persons alone say who may act: each is held against its commitment, at a start and at each look."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.errors import Deferred, Misconfigured
from gateway.hub.journal import PERSON_FACTS, FactKind
from tests.journal.builders import AT, TENANT, open_journal

GRANTED = {"person": "staff-0001", "role": "approver", "certificate": "0" * 64, "until": "2027-03-31"}
REVOKED = {"person": "staff-0001", "role": "approver"}
ALTERED = (
    "UPDATE fact SET body = CAST(replace(CAST(body AS TEXT), 'staff-0001', 'staff-0009') AS BLOB) WHERE seq = 2",
    "UPDATE fact SET body = NULL, salt = NULL WHERE seq = 3",
    "UPDATE fact SET kind = 'person.granted' WHERE seq = 3",
)


async def granted_and_revoked(path: Path) -> None:
    """Facts 2 and 3, and a checkpoint behind them, so that a start does not walk over them again."""
    with closing(open_journal(path)) as journal:
        await journal.fact(FactKind.OPERATOR_ACTED, {"operator": "x", "act": "people"}, at=AT)
        await journal.fact(FactKind.PERSON_GRANTED, GRANTED, at=AT)
        await journal.fact(FactKind.PERSON_REVOKED, REVOKED, at=AT)
        await journal.checkpoint()


def tamper(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


async def test_they_are_told_in_order_from_any_of_them_on(path: Path) -> None:
    await granted_and_revoked(path)
    with closing(open_journal(path)) as journal:
        told = [(seq, kind.value, fact["person"]) for seq, kind, fact in journal.told(PERSON_FACTS)]
        assert told == [(2, "person.granted", "staff-0001"), (3, "person.revoked", "staff-0001")]
        assert [seq for seq, _, _ in journal.told(PERSON_FACTS, after=2)] == [3]
        assert journal.told(PERSON_FACTS, after=3) == []


@pytest.mark.parametrize("statement", ALTERED)
async def test_a_fact_of_a_person_that_was_altered_stops_the_start_however_old_it_is(
    path: Path, statement: str
) -> None:
    await granted_and_revoked(path)
    tamper(path, statement)
    with pytest.raises(Misconfigured, match=rf"{TENANT}\.db: fact [23] is altered"):
        open_journal(path)


async def test_one_that_is_altered_while_the_gateway_runs_tells_nothing(path: Path) -> None:
    await granted_and_revoked(path)
    with closing(open_journal(path)) as journal:
        tamper(path, ALTERED[0])
        with pytest.raises(Deferred, match="log_unavailable"):
            journal.told(PERSON_FACTS)
        assert not journal.health()[0]
