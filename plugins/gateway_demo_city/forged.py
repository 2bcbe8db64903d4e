"""What the network, or who has broken into it, may not get by: each attempt is answered as if there were nobody, and
why it was refused stands in the log (C075, C187-C189; rule 6).
"""

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
    """One after another, so that each has a refusal of its own."""
    for wrong, what, code in _ATTEMPTS:
        before = newest(day.site)
        heard = await elsewhere.heard(await elsewhere.ask(FORMER_CITY, people.asked, "25", wrong))
        codes = [found for fact in facts(day.site, _REFUSALS, before) if (found := _code(fact))]
        nothing = (heard["state"], heard["doses"], heard["statutory_records"]) == ("refused", None, 0)
        actual = Expected("refused", ", ".join(codes)) if nothing else Expected("answered")
        day.report.attempts.append(Attempt("another body", what, Expected("refused", code), actual))


def _code(fact: dict[str, Any]) -> str | None:
    code: str | None = fact.get("code") or fact.get("statement", {}).get("code")
    return code
