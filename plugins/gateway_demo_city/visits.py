"""The clinics' part: a card is shown, with consent, a parent's for a child; who is there is asked for, examined and
vaccinated (F52–F55).

The rule: what a clinic is answered is held against the made-up person, field for field where it can be.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gateway_demo_city.day import Day, each_of
from gateway_demo_city.households import MEASLES_RUBELLA, Household
from gateway_demo_city.people import MUNICIPALITY

CONSENT: Final = "2026-04"
CORRECTED: Final = "MADEUP-2"
_SHOWN: Final = ("name", "name_kana", "birth_date", "sex", "subject_category")
_VACCINE: Final = {
    "gtin": "04987654321094",
    "lot_no": "MADEUP-1",
    "dose_volume": "0.5",
    "injection_site": "2",
    "injection_method": "1",
    "implementation_type": "1",
    "vaccination_type": "1",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit of a person at a clinic, and the record that came of it."""

    household: Household
    path: str
    told: Mapping[str, Any] = field(repr=False)
    record: str = field(default="", repr=False)


async def cards(day: Day) -> None:
    """Everybody's card is known to the eligibility side, by 予防接種対象者番号."""
    asked = [{"internal_no": each.internal_no, "municipality_code": MUNICIPALITY} for each in day.people]
    for household, reply in zip(day.people, await day.outside.ask(asked), strict=True):
        number = reply["record"]["vaccination_subject_no"]
        day.saw("vaccination_subject_no", number)
        card = {"card": household.card, "vaccination_subject_no": number}
        guardian = {"guardian": household.parents_card} if household.is_child else {}
        await day.eligibility.post("/cards", card | guardian)


async def show_card(
    day: Day, card: str, clinic: str, consent: str | None = CONSENT, agent: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Where the visit's requests go, and what the terminal was told. `agent` is the card of who consents instead."""
    said = {"card": card, "consent": consent, "agent": agent}
    shown = {name: value for name, value in said.items() if value is not None}
    told = await day.clinics.post(f"/clinics/{clinic}/visits", shown)
    day.saw("identity_confirmation", told["identity_confirmation"])
    day.saw("confirmation_token", told["token"])
    return f"/clinics/{clinic}/visits/{told['visit']}", told


async def visit(day: Day, household: Household) -> Visit | None:
    """One whole visit; None if anything was answered otherwise than it must be."""
    codes = day.clinic_codes
    agent = household.parents_card if household.is_child else None
    path, told = await show_card(day, household.card, codes[household.place % len(codes)], agent=agent)
    asked = await day.clinics.send(f"{path}/query")
    note = household.words("所見")
    day.saw("doctor_note", note)
    dose = {"vaccination_management_id": household.dose}
    examined = await day.clinics.send(f"{path}/examination", {**dose, "doctor_note": note})
    vaccinated = await day.clinics.send(
        f"{path}/vaccination", {**dose, "vaccination_setting_id": household.setting, **_VACCINE}
    )
    right = (
        _is_the_one(asked.record, told["vaccination_subject_no"], household)
        and examined.record.get("answer_status") == "2"
        and "vaccination_record_id" in vaccinated.record
    )
    return Visit(household, path, told, vaccinated.record["vaccination_record_id"]) if right else None


async def correct(day: Day, done: Visit) -> bool:
    """The clinic corrects the lot number of what it entered."""
    dose = {"vaccination_management_id": done.household.dose, "vaccination_setting_id": done.household.setting}
    corrected = {**dose, **_VACCINE, "lot_no": CORRECTED, "vaccination_record_id": done.record}
    said = await day.clinics.send(f"{done.path}/vaccination", corrected)
    return said.record.get("vaccination_record_id") == done.record


async def afternoon(day: Day) -> list[Visit]:
    """Everybody is vaccinated, at one clinic or the other."""
    await cards(day)
    visits = [each for each in await each_of(day.people, lambda each: visit(day, each)) if each is not None]
    day.count("visits at clinics, with examination and vaccination", len(visits))
    children = sum(each.household.setting == MEASLES_RUBELLA for each in visits)
    told = f"{len(visits)} of {len(day.people)} visits, {children} of them children, at {len(day.clinic_codes)} clinics"
    day.report.check(
        "a clinic sees the one person who is there, and the answers", told, passed=len(visits) == len(day.people)
    )
    day.must("no visit came to its end", holds=bool(visits))
    return visits


def _is_the_one(shown: Mapping[str, Any], number: str, household: Household) -> bool:
    """The person of the card and nobody else, with the one dose that is due and what was answered to it."""
    person = household.person
    due = shown.get("due") or [{}]
    contents = {answer["answer_content"] for answer in due[0].get("answers", ())}
    return (
        shown.get("vaccination_subject_no") == number
        and all(shown.get(name) == person[name] for name in _SHOWN)
        and [each.get("vaccination_management_id") for each in due] == [household.dose]
        and household.words("回答") in contents
    )
