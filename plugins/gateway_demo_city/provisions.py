"""Other bodies ask about ours, and residents about themselves: what they could open is the replica, and nothing else
(F26, F27). What the law wants recorded of it stands in the log and at both bodies (番号法第23条).
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from gateway_demo_city.addressees import DOSE, FORMER_CITY, PREFECTURE, Addressees, standing, told
from gateway_demo_city.day import Day
from gateway_demo_city.elsewhere import Elsewhere
from gateway_demo_city.log import facts
from gateway_demo_city.stage import Failed

_ANSWERED: Final = {FORMER_CITY: "25", PREFECTURE: "26"}
"""Body → 項 under which it asks; 26 is a governor's alone."""
_ITEMS: Final = frozenset(f"doses[].{name}" for name in DOSE)


async def provided(day: Day, people: Addressees, elsewhere: Elsewhere) -> None:
    """Two bodies, and the person."""
    must = told(standing(people.asked))
    asked = [await elsewhere.ask(body, people.asked, row) for body, row in _ANSWERED.items()]
    own = await elsewhere.ask_own(people.asked)
    *heard, heard_own = await asyncio.gather(*map(elsewhere.heard, asked), elsewhere.heard_own(own))
    for who, each in zip(("another city", "a prefecture, by row 26,", "a resident"), (*heard, heard_own), strict=True):
        right = (each["state"], each["doses"]) == ("answered", must)
        said = f"{len(each['doses'] or ())} doses could be opened: what the replica holds, and nothing else"
        day.report.check(f"{who} is answered", said, passed=right)
    day.count("answers to other bodies and to residents", len(asked) + 1)


async def recorded(day: Day, elsewhere: Elsewhere) -> None:
    """Of every answer under a permit, asked for or given: the other body, the row, the permit, when, which items."""
    records = await elsewhere.records()
    headers = [fact["header"] for fact in facts(day.site, {"message.recorded"})]
    answers = [header for header in headers if header["operation"] in ("provision.answer", "inquiry.answer")]
    logged = sorted(in_the_log(header) for header in answers)
    given = [record for record in records["own"] if "provided_at" in record]  # what was refused is recorded without
    own = sorted((_other(record), record["row"]) for record in given)
    others = sorted((record["body"], record["row"]) for record in records["others"])
    whole = all(set(record["items"]) == set(DOSE) for record in (*given, *records["others"]))
    right = whole and bool(logged) and logged == own == others
    said = f"{len(logged)} answers in the log and at both bodies: parties, row, permit, times and items"
    day.report.check("what the law wants recorded is", said, passed=right)


def in_the_log(header: Mapping[str, Any]) -> tuple[str, str]:
    """The other body and the row. Raises Failed if permit, times or items are not there."""
    permits = [each for each in header["attestations"] if each["claim"] == "permit" and each["reference"]]
    rows = [basis.partition("-")[2] for basis in header["legal_basis"] if basis.startswith(("L4-", "L5-"))]
    items = {item for items in header["item_sets"] for item in items}
    if len(permits) != 1 or len(rows) != 1 or not items >= _ITEMS or not (permits[0]["asked"] and header["created_at"]):
        raise Failed("the log lacks something of an answer under a permit")
    return permits[0]["party"], rows[0]


def _other(record: Mapping[str, Any]) -> str:
    return str(record["inquirer_code" if record["kind"] == "provision" else "provider_code"])
