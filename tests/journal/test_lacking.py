"""Where three years end, to the microsecond: what goes, and what shows that a fact that is gone went too early."""

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.hub.journal import FactKind
from gateway.messages import stamp
from tests.journal.builders import id_of, message, open_journal
from tests.journal.test_holds import ANNA, BEN, able
from tests.journal.test_retention import AT, BEFORE, DONE, EMPTY, NOW, OLD, purge, sql, verified

MOMENT = timedelta(microseconds=1)
JUST_BEFORE = stamp(datetime.fromisoformat(BEFORE) - MOMENT)


async def test_what_is_from_the_limit_itself_stays_and_ends_the_look(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        for at in (JUST_BEFORE, BEFORE, OLD):
            await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=at)
        assert await purge(journal) == 1
        assert [seq for seq, _, _ in journal.told([FactKind.NOISE_COUNTED])] == [2, 3]
    assert verified(path).problem is None


@pytest.mark.parametrize(
    ("stands", "early"), [(JUST_BEFORE, False), (BEFORE, True), (AT, True), (stamp(NOW + MOMENT), False)]
)
async def test_what_stands_before_a_purged_fact_shows_whether_that_went_too_early(
    path: Path, stands: str, *, early: bool
) -> None:
    """Unless it claims to be from after the purging: then a clock had run ahead."""
    with closing(open_journal(path)) as journal:
        for at in (stands, OLD):
            await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=at)
        await journal.fact(FactKind.FACTS_PURGED, {"before": BEFORE, "facts": "2", "tags": 0}, at=AT)
    sql(path, EMPTY.format(2))
    problem = verified(path).problem
    assert problem == ("facts 2 to 2 were purged too early" if early else None)


async def test_facts_side_by_side_are_each_held_against_the_limit_of_their_own_purge(path: Path) -> None:
    """What stands before both is older than the one purge reached, and younger than the other."""
    later, at = stamp(NOW.replace(year=2024)), stamp(NOW.replace(year=2027))
    with closing(open_journal(path)) as journal:
        for made in (BEFORE, OLD, OLD):
            await journal.fact(FactKind.NOISE_COUNTED, {"count": 1}, at=made)
        await journal.fact(FactKind.FACTS_PURGED, {"before": later, "facts": "2", "tags": 0}, at=at)
        await journal.fact(FactKind.FACTS_PURGED, {"before": BEFORE, "facts": "3", "tags": 0}, at=at)
    sql(path, EMPTY.format(2), EMPTY.format(3))
    report = verified(path)
    assert (report.at_seq, report.problem) == (3, "facts 3 to 3 were purged too early")


async def test_who_decided_long_ago_is_not_judged_by_rights_that_were_purged(path: Path) -> None:
    """A legal hold keeps what was held and released; the grants by which it was are four years old, and gone."""
    sent = message((0,))
    with closing(open_journal(path)) as journal:
        for by in (ANNA, BEN):
            for role in ("officer", "approver"):
                right = {"person": by.person, "role": role, "certificate": by.client_certificate, "until": "2022-12-31"}
                await journal.fact(FactKind.PERSON_GRANTED, right, at=OLD)
        await journal.record(sent, at=OLD, now=0.0, held=True)
        for by in (ANNA, BEN):
            await journal.holds.look(id_of(sent), by=by, at=OLD)
            await journal.holds.shown(id_of(sent), by=by, at=OLD)
        for by in (ANNA, BEN):
            await journal.holds.confirm(id_of(sent), by=by, people=able(), at=OLD, now=0.0)
        await journal.attempted(id_of(sent), [0], attempt=1, at=OLD)
        await journal.conclude(id_of(sent), DONE, attempt=1, next_at=None, at=OLD, now=0.0)
        await journal.retention.place({"case": "R9", "messages": [id_of(sent)]}, at=OLD)
        assert verified(path).problem is None
        assert await purge(journal) == 4
        assert verified(path).problem is None
