"""What persons did is found by an index of its own, held against commitments, and told no more once it is purged."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.errors import Deferred
from gateway.hub.journal import FactKind
from gateway.hub.journal.acts import _ACTS
from gateway.hub.journal.facts import HOLD_FACTS, PERSON_FACTS, RETENTION_FACTS, REVIEW_FACTS
from gateway.hub.journal.store import ACTS
from tests.journal.builders import AT, open_journal

NEVER = "9999"


async def acted(path: Path, *times: str) -> None:
    with closing(open_journal(path)) as journal:
        for at in times:
            await journal.fact(FactKind.OPERATOR_ACTED, {"operator": "x", "act": "people"}, at=at)
            await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=at)


def changed(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


async def test_they_are_told_by_time_from_any_of_them_on(path: Path) -> None:
    await acted(path, AT, AT, "2020-01-01T00:00:00.000000Z")  # a clock that was set back
    with closing(open_journal(path)) as journal:
        assert [each["seq"] for each in journal.acts(("", 0), NEVER)] == [5, 1, 3]
        assert [each["seq"] for each in journal.acts((AT, 1), NEVER)] == [3]
        assert [each["seq"] for each in journal.acts((AT, 0), NEVER)] == [1, 3]
        assert [each["seq"] for each in journal.acts(("", 0), AT)] == [5]


async def test_they_are_found_by_their_index_alone_however_long_the_log_is(path: Path) -> None:
    await acted(path, AT)
    with closing(sqlite3.connect(path)) as connection:
        plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {_ACTS}", ("", 0, NEVER, 9)))
    assert "SEARCH fact USING INDEX fact_of_act" in plan
    assert "TEMP B-TREE" not in plan


def test_every_kind_that_tells_of_persons_is_among_them() -> None:
    """All of holds but that they were placed, and of retention but that facts were purged: those are nobody's acts."""
    acts = (FactKind.OPERATOR_ACTED, FactKind.MESSAGE_REPLAYED, FactKind.MESSAGE_UNDISCLOSED)
    kinds = {*HOLD_FACTS, *PERSON_FACTS, *REVIEW_FACTS, *RETENTION_FACTS, *acts}
    kinds -= {FactKind.HOLD_PLACED, FactKind.FACTS_PURGED}
    kinds |= {FactKind.USE_STOPPED, FactKind.USE_RESUMED}
    assert {kind for kind in FactKind if f"'{kind}'" in ACTS} == kinds


async def test_one_that_was_altered_tells_nothing_and_one_that_was_purged_is_left_out(path: Path) -> None:
    await acted(path, AT, AT)
    with closing(open_journal(path)) as journal:
        changed(path, "UPDATE fact SET body = NULL, salt = NULL WHERE seq = 1")
        assert [each["seq"] for each in journal.acts(("", 0), NEVER)] == [3]
        changed(
            path, "UPDATE fact SET body = CAST(replace(CAST(body AS TEXT), '\"x\"', '\"y\"') AS BLOB) WHERE seq = 3"
        )
        with pytest.raises(Deferred, match="log_unavailable"):
            journal.acts(("", 0), NEVER)
