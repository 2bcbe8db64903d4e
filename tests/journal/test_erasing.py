"""A person's trail that is erased is nowhere in the log, which verifies as long as exactly that is missing."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Refused
from gateway.hub.journal import FactKind
from gateway.messages import Tags
from tests.journal.builders import message, open_journal
from tests.journal.test_retention import AT, BEFORE, EMPTY, ITS, OLD, YOUNG, ended, purge, sql, verified


async def test_an_erased_trail_is_nowhere_and_the_log_verifies_until_more_is_missing(path: Path) -> None:
    tag = os.urandom(16)
    other = os.urandom(16)
    with closing(open_journal(path)) as journal:
        for tags in ((tag,), (other, tag), (other, other)):
            sent = message(range(len(tags)), tags=Tags(os.urandom(32), tags))
            await journal.record(sent, at=YOUNG, now=0.0)
        said = {
            "operator": "made-up",
            "connector": "health_management",
            "months": ["2026-03", "2026-04"],
            "reason": "correction",
            "case": "R8",
        }
        assert await journal.retention.erase([tag, os.urandom(16)], said, at=AT) == 2
        assert journal.told([FactKind.TRAIL_ERASED])[-1][2]["tags"] == 2
        assert tag.hex() not in json.dumps(journal.told([FactKind.TRAIL_ERASED])[-1][2])
        await journal.retention.place({"case": "R9"}, at=AT)
        with pytest.raises(Refused, match="under_investigation"):
            await journal.retention.erase([other], said, at=AT)
        assert verified(path).problem is None
    assert tag not in path.read_bytes()
    assert verified(path).problem is None
    sql(path, "DELETE FROM tag WHERE seq = 3 AND idx = 1")
    report = verified(path)
    assert (report.at_seq, "other person tags are missing" in str(report.problem)) == (1, True)


async def test_only_what_the_fact_of_an_erasure_names_is_erased(path: Path) -> None:
    """The same tag beside what another connector sent, or of another month, stays: the fact names neither."""
    tag = os.urandom(16)
    others: list[dict[str, Any]] = [{}, {"source": "clinic_app"}, {"created_at": "2026-05-01T00:00:00.000000Z"}]
    with closing(open_journal(path)) as journal:
        for more in others:
            await journal.record(message((0, 1), tags=Tags(os.urandom(32), (tag, tag)), **more), at=YOUNG, now=0.0)
        assert await journal.retention.erase([tag], ITS, at=AT) == 2
        assert [len(journal.following.persons(seq - 1, seq)) for seq in (1, 2, 3)] == [0, 1, 1]
    assert verified(path).problem is None


async def test_an_erased_trail_may_be_purged(path: Path) -> None:
    tag = os.urandom(16)
    with closing(open_journal(path)) as journal:
        await ended(journal, OLD, tags=Tags(os.urandom(32), (tag,)))
        await journal.retention.erase([tag], ITS, at=OLD)
        assert await purge(journal) == 4
        assert journal.told([FactKind.FACTS_PURGED])[-1][2]["tags"] == 1
    assert verified(path).problem is None


async def test_an_erased_tag_that_comes_back_is_found(path: Path) -> None:
    """Whoever kept a copy of it makes the trail one that can be followed again."""
    tags = os.urandom(16), os.urandom(16)
    with closing(open_journal(path)) as journal:
        for _ in range(2):
            await journal.record(message((0, 1), tags=Tags(os.urandom(32), tags)), at=YOUNG, now=0.0)
        assert await journal.retention.erase(tags[1:], ITS, at=AT) == 2
    assert verified(path).problem is None
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO tag VALUES (2, 1, ?)", tags[1:])
    assert "other person tags are missing" in str(verified(path).problem)


@pytest.mark.parametrize(("told", "whole"), [(0, False), (1, True), (2, False)])
async def test_a_purge_tells_of_how_many_records_the_tag_had_been_erased(path: Path, told: int, *, whole: bool) -> None:
    """One who has the key says fewer, to erase a tag more, or more, to bring one back."""
    tag = os.urandom(16)
    with closing(open_journal(path)) as journal:
        await ended(journal, OLD, tags=Tags(os.urandom(32), (tag,)))
        await journal.retention.erase([tag], ITS, at=OLD)
        await journal.fact(FactKind.FACTS_PURGED, {"before": BEFORE, "facts": "1-4", "tags": told}, at=AT)
    sql(path, "DELETE FROM message", *map(EMPTY.format, range(1, 5)))
    assert (verified(path).problem is None) is whole
