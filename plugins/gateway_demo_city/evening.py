"""What becomes of the doses: back to the city, each state loaded once (F42, C196); into the research database, under an
ID5 (F56, F59). A correction goes both ways after them.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any

from gateway_demo_city.day import Day
from gateway_demo_city.ledger import loaded
from gateway_demo_city.people import MUNICIPALITY
from gateway_demo_city.systems import KEEPS, RESEARCH
from gateway_demo_city.visits import CORRECTED, Visit, correct


async def evening(day: Day, visits: list[Visit]) -> None:
    """Until both have all of it, the correction of one dose too."""
    await day.outside.until(_all_is_out, "the doses to go out")
    day.must("a clinic could not correct what it had entered", holds=await correct(day, visits[0]))
    await day.outside.until(_all_is_out, "a correction to go out")
    day.count("doses corrected later by the clinic", 1)
    await _at_the_city(day, visits)
    await _in_research(day, visits)


def _all_is_out(held: Mapping[str, int]) -> bool:
    return not any(held[f"due_{kind}"] for kind in ("return", "id5", "research"))


async def _at_the_city(day: Day, visits: list[Visit]) -> None:
    """Files first, then everything once more by pull: it is dropped there."""
    filed = await loaded(day, "take", str(day.site.exchange))
    asked = [{"internal_no": each.household.internal_no, "municipality_code": MUNICIPALITY} for each in visits]
    replies = await day.outside.ask(asked, "record.pull")
    pulled = await loaded(day, "load", given=json.dumps([reply["record"] for reply in replies]).encode())
    day.count("states of doses back at the city by file", filed["new"])
    day.count("doses pulled besides, and dropped there", pulled["dropped"])
    doses = len(visits)
    right = (filed["new"], pulled["new"], pulled["dropped"], pulled["doses"]) == (doses + 1, 0, doses, doses)
    told = (
        f"{filed['new']} states by file, {pulled['dropped']} again by pull and dropped; {pulled['doses']} doses stand"
    )
    day.report.check("the city loads each state of a dose once", told, passed=right)


async def _in_research(day: Day, visits: list[Visit]) -> None:
    """Each dose under its person's ID5, as it was corrected, with the month of birth."""
    counts = await day.research.get("/simulator/counts")
    kept = _kept(day)
    day.saw("id5", *(each["id5"] for each in kept))
    day.count("ID5s", counts["persons"])
    day.count("doses in the research database", counts["doses"])
    corrected = [each["lot_no"] for each in kept].count(CORRECTED)
    right = (counts["doses"], counts["persons"], corrected) == (len(visits), len(visits), 1)
    births = sorted(each.household.person["birth_date"][: len("2026-04")] for each in visits)
    right &= sorted(each["birth_month"] for each in kept) == births
    told = f"{counts['doses']} doses of {counts['persons']} ID5s, {corrected} as corrected; months of birth, no days"
    day.report.check("research has each dose under an ID5", told, passed=right)


def _kept(day: Day) -> list[dict[str, Any]]:
    """The research database's own rows."""
    file = day.site.beside / f"{RESEARCH}_{KEEPS}" / "doses.sqlite3"
    with closing(sqlite3.connect(file)) as database:
        return [json.loads(record) for (record,) in database.execute("SELECT record FROM doses")]
