"""What passes between bodies over the information provision network that day, told once from beginning to end."""

import asyncio

from gateway_demo_city import forged, moving_in, officers, provisions
from gateway_demo_city.addressees import Addressees
from gateway_demo_city.day import Day
from gateway_demo_city.elsewhere import Elsewhere
from gateway_demo_city.log import facts
from gateway_demo_city.subjects import Folder, Teller
from gateway_demo_city.systems import RESULT_SECONDS


async def play(day: Day, folder: Folder, people: Addressees, tell: Teller) -> Elsewhere:
    """All of it but the end of the results' time."""
    elsewhere = Elsewhere(day.bodies)
    tell.step("A family moves in: its history is asked of the city that it comes from")
    before = await moving_in.registered(day, folder, people, elsewhere, tell)
    tell.step("Another city, a prefecture and a resident ask about one of ours")
    await asyncio.gather(provisions.provided(day, people, elsewhere), officers.granted(day))
    await moving_in.announced(day, people, elsewhere)
    tell.step("A protected person is asked about; two officers look, and release the answer")
    await asyncio.gather(officers.released(day, people, elsewhere), moving_in.ended(day, people, before))
    tell.step("What no permit covers is tried over the network")
    await forged.tried(day, people, elsewhere)
    await provisions.recorded(day, elsewhere)
    return elsewhere


async def results_gone(day: Day, people: Addressees, elsewhere: Elsewhere) -> None:
    """After their time results are deleted at the server, each with a fact before it (C117, C118)."""
    await elsewhere.results_gone()
    noted = [fact["statement"] for fact in facts(day.site, {"connector.noted"})]
    deleted = sum(each["act"] == "result_deleted" for each in noted)
    told = f"{deleted} deletions noted before, {RESULT_SECONDS} s after each inquiry had ended"
    day.report.check("results of inquiries delete themselves", told, passed=deleted >= len(people.family))
