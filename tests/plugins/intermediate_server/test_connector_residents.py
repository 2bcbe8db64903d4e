"""What residents are told over the network: their own data (F27), announcements and what became of them (F28)."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.plugin import Accepted, DeferredRecord, RefusedRecord
from tests.plugins.intermediate_server.exchanges import DATASET
from tests.plugins.intermediate_server.line import DOSE, City, Line, Sent, opened, replica
from tests.plugins.intermediate_server.running import Resident, Simulator, Site, fresh, running
from tests.plugins.vaccination_records.subjects import CITY, UPDATED_AT

STATUS, ANNOUNCE = "announcement.status", "announcement.send"


async def asked(city: City, resident: Resident, **changes: Any) -> str:
    """The person asks at the portal, and the connector has looked."""
    wanted = {"individual_number": resident.individual_number, "dataset_code": DATASET} | changes
    number = (await city.simulator.control("self-information", wanted))["self_request_no"]
    await city.poll()
    return str(number)


async def heard(city: City, number: str) -> tuple[str, Any]:
    told = await city.simulator.control("self-informed", {"self_request_no": number})
    return told["state"], told["doses"]


async def with_replica(city: City, *, flagged: bool = False) -> Resident:
    resident = await city.register(flagged=flagged)
    await city.deliver("replica.register", replica(resident.internal_no, f"P-{resident.internal_no}"))
    return resident


async def test_a_person_asks_and_is_told_through_the_line(city: City) -> None:
    resident = await with_replica(city)
    number = await asked(city, resident)
    (sent,) = city.line.about(number)
    assert sent.operation == "self_information.answer"
    assert sent.record == {
        "internal_no": resident.internal_no,
        "provision_no": number,
        "dataset_code": DATASET,
        "doses": [DOSE],
    }
    assert sent.attested == {"self_requested"}
    assert sent.claims[0].until is not None
    assert await city.release(sent) == Accepted()
    assert await heard(city, number) == ("answered", [DOSE])


async def test_a_flag_asks_for_people_to_look(city: City) -> None:
    number = await asked(city, await with_replica(city, flagged=True))
    (sent,) = city.line.about(number)
    assert sent.attested == {"self_requested", "review"}
    assert await city.deliver(sent.operation, sent.record, sent.claims[:1]) == RefusedRecord("overtaken")
    assert await city.release(sent) == Accepted()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("no_permit", "permit_not_valid"),
        ("forged_permit", "permit_not_valid"),
        ("expired_permit", "permit_not_valid"),
        ("no_key", "no_inquirer_key"),
        ("other_key", "no_inquirer_key"),
    ],
)
async def test_what_is_wrong_is_refused(city: City, wrong: str, code: str) -> None:
    number = await asked(city, await with_replica(city), wrong=wrong)
    assert city.line.about(number) == []
    assert city.line.refusals(number) == [code]
    assert ("provision.refused", {"operation": "self_information.answer", "code": code}) in city.said.lines
    assert await heard(city, number) == ("refused", None)


async def test_nobody_unknown_is_told_anything(city: City) -> None:
    number = await asked(city, Resident.new())
    assert city.line.refusals(number) == ["no_such_person"]
    assert await heard(city, number) == ("refused", None)


async def test_an_authorisation_that_ended_tells_nothing(city: City) -> None:
    number = await asked(city, await with_replica(city))
    (sent,) = city.line.about(number)
    city.ahead = timedelta(minutes=11)
    assert await city.release(sent) == RefusedRecord("permit_not_valid")
    assert await heard(city, number) == ("refused", None)


async def test_a_replica_that_changed_meanwhile_is_told_as_it_is(city: City) -> None:
    resident = await with_replica(city)
    number = await asked(city, resident)
    await city.deliver("replica.register", replica(resident.internal_no, f"P-{resident.internal_no}", 2, dose_no=1))
    assert await city.release(city.line.about(number)[-1]) == RefusedRecord("overtaken")
    await city.poll()
    assert await city.release(city.line.about(number)[-1]) == Accepted()
    assert await heard(city, number) == ("answered", [DOSE | {"dose_no": 1}])


# ---- announcements --------------------------------------------------------------------------------------------------


def announcement(resident: Resident, number: str, **changes: Any) -> dict[str, Any]:
    return {
        "internal_no": resident.internal_no,
        "municipality_code": CITY,
        "notice_id": number,
        "notice_title": "予防接種のお知らせ",
        "notice_text": "架空の予防接種の時期になりました。",
        "updated_at": UPDATED_AT,
        "update_seq": 1,
    } | changes


def statuses(line: Line, number: str) -> list[Sent]:
    return [each for each in line.sent(STATUS) if each.record["notice_id"] == number]


def responses(line: Line, number: str) -> list[str]:
    return [each.record["announcement_response"] for each in statuses(line, number)]


async def test_an_announcement_waits_for_its_person_to_be_registered(city: City) -> None:
    resident, number = Resident.new(), "N-early"
    assert await city.deliver(ANNOUNCE, announcement(resident, number)) == DeferredRecord("unknown_addressee")
    await city.deliver("addressee.register", resident.addressee())
    assert await city.deliver(ANNOUNCE, announcement(resident, number)) == Accepted()


async def test_an_announcement_goes_out_and_each_of_its_states_comes_back_once(city: City) -> None:
    resident, number = await city.register(), f"N-{fresh()}"
    assert await city.deliver(ANNOUNCE, announcement(resident, number)) == Accepted()
    assert await city.deliver(ANNOUNCE, announcement(resident, number)) == Accepted()
    await city.poll()
    await city.poll()
    assert responses(city.line, number) == ["1"]
    assert statuses(city.line, number)[0].record["internal_no"] == resident.internal_no
    await city.settle(statuses(city.line, number)[0], Accepted())
    await city.simulator.control("announcement-read", {"announcement_no": number})
    await city.poll()
    assert responses(city.line, number) == ["1", "2"]
    await city.settle(statuses(city.line, number)[1], Accepted())
    await city.poll()
    assert responses(city.line, number) == ["1", "2"]
    assert city.line.repeats == 0  # what is under way is not sent at every look
    assert number not in str(await city.simulator.call("server/v1/announcements/statuses"))


async def test_what_cannot_be_delivered_is_told(city: City) -> None:
    resident, number = await city.register(), f"N-{fresh()}"
    await city.simulator.control("faults", {"faults": {"undeliverable": 1}})
    await city.deliver(ANNOUNCE, announcement(resident, number))
    await city.poll()
    assert responses(city.line, number) == ["9"]


async def test_killed_before_it_was_taken_a_state_is_the_same_message(system: Simulator) -> None:
    line, number = Line(), f"N-{fresh()}"
    async with opened(system, line) as city:
        await city.deliver(ANNOUNCE, announcement(await city.register(), number))
        await city.poll()
    async with opened(system, line) as city:
        await city.poll()
        await city.settle(statuses(line, number)[0], Accepted())
        await city.poll()
    assert responses(line, number) == ["1"]


async def test_without_a_code_nobody_can_be_told(site: Site) -> None:
    with running(site, "times = { code = 60 }") as simulator:
        async with opened(simulator, Line()) as city:
            deferred = await city.deliver(ANNOUNCE, announcement(await city.register(), "N-1"))
            assert deferred == DeferredRecord("code_not_acquired", 5.0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"update_seq": 1}, "superseded"), ({"notice_text": "別"}, "version_conflict")],
)
async def test_an_older_or_contradicting_text_is_refused(city: City, changes: dict[str, Any], code: str) -> None:
    resident, number = await city.register(), f"N-{fresh()}"
    await city.deliver(ANNOUNCE, announcement(resident, number, update_seq=2))
    assert await city.deliver(
        ANNOUNCE, announcement(resident, number, **({"update_seq": 2} | changes))
    ) == RefusedRecord(code)
