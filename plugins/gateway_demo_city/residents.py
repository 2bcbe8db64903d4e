"""The residents' part: with a card they log in at the portal, a parent for a child; the pseudonym is handed over (F47),
the questionnaire filled in (F50), own records and notices are read (F48, F49).
"""

from gateway_demo_city import plan
from gateway_demo_city.day import Day, each_of
from gateway_demo_city.households import Household
from gateway_demo_city.keys import keys_of


async def arrive(day: Day) -> None:
    """The eligibility side tells the portal of each, with the PMH key (F46)."""
    keys = await keys_of(
        day.systems.pmh, day.outside, day.site, [each.person["individual_number"] for each in day.people]
    )
    for household, pmh_key in zip(day.people, keys, strict=True):
        guardian = {"guardian": household.parents_card} if household.is_child else {}
        await day.portal.post("/residents", {"card": household.card, "pmh_key": pmh_key, **guardian})


async def log_in(day: Day, household: Household) -> str:
    """The whole login; the pseudonym of who it is."""
    agent = {"agent": household.parents_card} if household.is_child else {}
    told = await day.portal.post(f"/residents/{household.card}/login", agent)
    day.saw("pmh_pseudonym_id", told["pmh_pseudonym_id"])
    day.saw("id_token", told["id_token"])
    return str(told["pmh_pseudonym_id"])


async def use_first(day: Day, household: Household) -> bool:
    """At first use the pseudonym is handed over; whether it is linked now."""
    pseudonym = await log_in(day, household)
    said = await day.portal.send(f"/residents/{household.card}/first-use")
    return said.record == {"pmh_pseudonym_id": pseudonym}


async def fill_in(day: Day, household: Household) -> bool:
    """Read the questionnaire and answer each of its questions; whether that is kept."""
    wanted = {"vaccination_management_id": household.dose}
    asked = await day.portal.send(f"/residents/{household.card}/template", wanted)
    answers = plan.answers(household)
    day.saw("answer_content", household.words("回答"))
    same = [item["item_id"] for item in asked.record.get("items", ())] == [item["item_id"] for item in answers]
    said = await day.portal.send(f"/residents/{household.card}/questionnaire", {**wanted, "answers": answers})
    return same and said.record.get("answer_status") == "1"


async def morning(day: Day) -> None:
    """All but the last of the people; that one never used the portal until its notice has waited."""
    *early, late = day.people
    day.saw("notice_text", *(each.words("通知") for each in day.people))
    await arrive(day)
    linked = await each_of(early, lambda each: use_first(day, each))
    filled = await each_of(early, lambda each: fill_in(day, each))
    waiting = await day.outside.until(lambda held: held["due_notice"] == 1, "the notices of who is linked")
    delivered = (await day.portal.get("/simulator/counts"))["notices"]
    linked.append(await use_first(day, late))
    filled.append(await fill_in(day, late))
    await day.outside.until(lambda held: held["due_notice"] == 0, "the last notice")
    counts = await day.portal.get("/simulator/counts")
    day.count("residents logged in at the portal", counts["linked"])
    day.count("of them children, for whom a parent did", sum(each.is_child for each in day.people))
    day.count("questionnaires filled in", sum(filled))
    day.count("notices delivered", counts["notices"])
    _hold(day, counts, [*linked, *filled], (waiting["notices_not_linked"], delivered))


def _hold(day: Day, counts: dict[str, int], done: list[bool], before: tuple[int, int]) -> None:
    people = len(day.people)
    linked, deleted, left = (counts[name] for name in ("linked", "deletions_told", "keys"))
    told = f"{linked} pseudonyms linked, {deleted} deletions told, {left} keys left there"
    right = (linked, deleted, left) == (people, people, 0)
    day.report.check("no PMH key stays at the portal", told, passed=right and all(done))
    told = (
        f"{before[0]} waited for its person, {before[1]} were out; after the first use {counts['notices']} of {people}"
    )
    right = (before, counts["notices"]) == ((1, people - 1), people)
    day.report.check("a notice waits until its person can be reached", told, passed=right)
