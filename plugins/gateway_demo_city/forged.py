"""What the network, or who has broken into it, may not get by: each attempt is answered as if there were nobody, and
why it was refused stands in the log (C075, C187-C189; rule 6).
"""

from itertools import zip_longest
from typing import Any, Final

from gateway_demo_city.addressees import FORMER_CITY, Addressees
from gateway_demo_city.day import Day
from gateway_demo_city.elsewhere import Elsewhere
from gateway_demo_city.faults import Expected
from gateway_demo_city.log import facts, newest
from gateway_demo_city.report import Attempt

_ATTEMPTS: Final = (
    ("row_26_by_municipality", "asks by row 26, which is a governor's", "counterparty_not_allowed"),
    ("forged_permit", "shows a forged permit", "permit_not_valid"),
    ("replayed_permit", "shows a permit that it has used before", "request_key_reused"),
    ("no_key", "sends no key to seal with", "no_inquirer_key"),
    ("other_key", "sends another key than its permit is for", "no_inquirer_key"),
    ("row_out_of_bounds", "asks by a row that nothing is given under", "not_on_matching_list"),
    ("wrong_municipality", "shows a permit to ask another city", "permit_not_valid"),
)
_REFUSALS: Final = ("message.refused", "connector.noted")


async def tried(day: Day, people: Addressees, elsewhere: Elsewhere) -> None:
    """All of them; they are refused in the order in which they come, and so are their refusals in the log."""
    before = newest(day.site)
    asked = [await elsewhere.ask(FORMER_CITY, people.asked, "25", wrong) for wrong, _, _ in _ATTEMPTS]
    heard = [await elsewhere.heard(each) for each in asked]
    codes = [code for fact in facts(day.site, _REFUSALS, before) if (code := _code(fact))]
    for (_, what, must), told, code in zip_longest(_ATTEMPTS, heard, codes[: len(asked)]):
        nothing = (told["state"], told["doses"], told["statutory_records"]) == ("refused", None, 0)
        actual = Expected("refused", code) if nothing else Expected("answered")
        day.report.attempts.append(Attempt("another body", what, Expected("refused", must), actual))


def _code(fact: dict[str, Any]) -> str | None:
    code: str | None = fact.get("code") or fact.get("statement", {}).get("code")
    return code
