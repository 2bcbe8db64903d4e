"""What must fail, and how: each attempt is made for real, by who is let in, and ends in the refusal that it must have.

The rule: whom a portal or a clinic may not see looks like nobody, to the letter (C146, C152).
"""

from collections.abc import Awaitable
from random import Random
from typing import Final

from gateway_demo_city import plan
from gateway_demo_city.day import Day
from gateway_demo_city.faults import Expected
from gateway_demo_city.peer import Said
from gateway_demo_city.people import later
from gateway_demo_city.report import Attempt
from gateway_demo_city.residents import log_in
from gateway_demo_city.visits import Visit, show_card

_NOBODY: Final = "VMADEUPNOBODY"
_NOT_ATTESTED: Final = Expected("refused", "not_attested")
_UNSEEN: Final = Expected("refused", "no_such_person")


async def night(day: Day, visits: list[Visit]) -> None:
    """All of them; then a person is flagged 不開示, and is gone for portal and clinic alike."""
    at_a = visits[0]
    await _clinics(day, at_a)
    await _portal(day, at_a)
    await _flagged(day, at_a)
    held = sum(each.expected == each.actual for each in day.report.attempts)
    told = f"{held} of {len(day.report.attempts)} attempts ended in the refusal that they must have"
    day.report.check("what must fail fails", told, passed=held == len(day.report.attempts))


async def _try(day: Day, who: str, what: str, must: Expected, attempt: Awaitable[Said]) -> Said:
    said = await attempt
    day.report.attempts.append(Attempt(f"a {who}", what, must, said.ending, said.status))
    return said


async def _clinics(day: Day, at_a: Visit) -> None:
    clinics, query = day.clinics, f"{at_a.path}/query"
    for fault, what, must in (
        (
            "other_person",
            "asks for another person than is there",
            Expected("refused", "not_attested", "vaccination_subject_no"),
        ),
        ("other_clinic", "shows another clinic's confirmation", _NOT_ATTESTED),
        ("altered", "shows a confirmation that it has altered", _NOT_ATTESTED),
        ("no_token", "shows no confirmation", _NOT_ATTESTED),
    ):
        await clinics.put("/simulator/faults", {fault: 1})
        await _try(day, "clinic", what, must, clinics.send(query))
    await clinics.put("/simulator/faults", {"number_in_remark": 1})
    must = Expected("refused", "individual_number_in_text", "doctor_note")
    dose = {"vaccination_management_id": at_a.household.dose}
    await _try(
        day, "clinic", "writes an individual number in a remark", must, clinics.send(f"{at_a.path}/examination", dose)
    )
    card, clinic = at_a.household.card, str(at_a.told["clinic_code"])
    path, _ = await show_card(day, card, clinic, consent=None)
    await _try(day, "clinic", "asks without the person's consent", _NOT_ATTESTED, clinics.send(f"{path}/query"))
    await day.pmh.put("/simulator/faults", {"long_ago": 1})
    path, _ = await show_card(day, card, clinic)
    await _try(day, "clinic", "shows a confirmation that has ended", _NOT_ATTESTED, clinics.send(f"{path}/query"))
    await day.pmh.put("/simulator/faults", {"not_stored": 1})
    path, _ = await show_card(day, card, clinic)
    await _try(day, "clinic", "shows one that PMH does not know", _UNSEEN, clinics.send(f"{path}/query"))


async def _portal(day: Day, at_a: Visit) -> None:
    portal, one, other = day.portal, at_a.household, day.people[1]
    own = {"pmh_pseudonym_id": await log_in(day, one)}
    others = {"pmh_pseudonym_id": await log_in(day, other)}
    send = f"/residents/{one.card}/send/record.query"
    too_many = Expected("refused", "unknown_field", "unknown:2:1")
    await _try(day, "portal", "sends one field too many", too_many, portal.send(send, [{**own, "name": "架空"}]))
    must = Expected("refused", "not_attested", "pmh_pseudonym_id")
    await _try(day, "portal", "asks for another's records in one's session", must, portal.send(send, [others]))
    await portal.put("/simulator/faults", {"expired": 1})
    await _try(day, "portal", "shows a session that has ended", _NOT_ATTESTED, portal.send(send, [own]))


async def _flagged(day: Day, at_a: Visit) -> None:
    """The same answer as for nobody: for a resident who never handed over, and for a card of no subject."""
    portal, clinics, household = day.portal, day.clinics, at_a.household
    state = later(household.person, Random(household.place), control_flag_nondisclosure="1")
    await day.outside.send("subject.register", [plan.registered(state)])
    await portal.post("/residents", {"card": "CARDNOBODY"})
    await portal.post("/residents/CARDNOBODY/login")
    await day.eligibility.post("/cards", {"card": "CARDNOBODY", "vaccination_subject_no": _NOBODY})
    answers = []
    for card, who in (("CARDNOBODY", "nobody"), (household.card, "a person with 不開示")):
        asked = portal.send(f"/residents/{card}/records")
        at_portal = await _try(day, "portal", f"asks for {who}", _UNSEEN, asked)
        path, _ = await show_card(day, card, str(at_a.told["clinic_code"]))
        at_clinic = await _try(day, "clinic", f"asks for {who}", _UNSEEN, clinics.send(f"{path}/query"))
        answers.append([_but_its_id(said) for said in (at_portal, at_clinic)])
    told = "portal and clinic: the same status and body, but for the message's id"
    day.report.check("whom one may not see looks like nobody", told, passed=answers[0] == answers[1])


def _but_its_id(said: Said) -> tuple[int, dict[str, object]]:
    return said.status, {name: value for name, value in said.body.items() if name != "message_id"}
