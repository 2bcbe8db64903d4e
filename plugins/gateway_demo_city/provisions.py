"""Other bodies ask about ours, and residents about themselves: what they could open is the replica, and nothing else
(F26, F27). What the law wants recorded of it stands in the log and at both bodies (番号法第23条).
"""

import asyncio
from typing import Any, Final

from gateway_demo_city.addressees import DOSE, FORMER_CITY, PREFECTURE, Addressees, standing, told
from gateway_demo_city.day import Day
from gateway_demo_city.elsewhere import Elsewhere
from gateway_demo_city.log import facts

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


async def recorded(day: Day, people: Addressees, elsewhere: Elsewhere) -> None:
    """Every answer under a permit, asked for or given: by whom to whom, under which row, when, which items."""
    records = await elsewhere.records()
    answers = [fact["header"] for fact in facts(day.site, {"message.recorded"})
               if fact["header"]["operation"] in ("provision.answer", "inquiry.answer")]  # fmt: skip
    others = sum(each["kind"] == "inquiry" for each in records["others"])
    right = len(records["own"]) == len(records["others"]) == len(answers) == len(people.family) + others
    right &= all(_is_whole(each) for each in answers)
    said = f"{len(answers)} in the log and at both bodies: parties, row, permit, times and items of each"
    day.report.check("what the law wants recorded is", said, passed=right and others > len(_ANSWERED))


def _is_whole(header: dict[str, Any]) -> bool:
    (permit,) = (each for each in header["attestations"] if each["claim"] == "permit")
    items = {item for items in header["item_sets"] for item in items}
    return bool(permit["party"] and permit["asked"] and header["created_at"]) and items >= _ITEMS
