"""Numbers, codes and replicas: one number for one person, the newer state stays, what is malformed is refused."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.intermediate_server.exchanges import DOSE, replica
from tests.plugins.intermediate_server.running import Resident, Simulator, Site, running
from tests.plugins.intermediate_server.unsocketed import in_hand
from tests.plugins.vaccination_records.subjects import OTHER_CITY

REGISTER, REPLICA = "platform/v1/addressees/register", "platform/v1/replicas/register"


async def test_a_number_is_allocated_once_and_its_newer_state_stays(system: Simulator) -> None:
    resident, other = Resident.new(), Resident.new()
    whose = {"internal_no": resident.internal_no}
    assert await system.ask("platform/v1/addressees/find", whose) == (404, {"code": "unknown_addressee"})
    registered = await system.call(REGISTER, resident.addressee(2))
    assert registered == {"result": "registered", "code_state": "none"}
    first = await system.call("platform/v1/addressees/find", whose)
    assert len(first["integrated_addressee_no"]) == 15
    assert resident.individual_number[:11] not in first["integrated_addressee_no"]
    again = [
        await system.ask(REGISTER, each)
        for each in (
            resident.addressee(2),
            resident.addressee(1),
            resident.addressee(2, name="架空 次郎"),
            resident.addressee(3, no_auto_response_flag=True),
            other.addressee() | whose,
            other.addressee(individual_number=resident.individual_number),
            resident.addressee(4, municipality_code=OTHER_CITY),
        )
    ]
    assert [(status, told.get("result", told.get("code"))) for status, told in again] == [
        (200, "duplicate"),
        (409, "superseded"),
        (409, "version_conflict"),
        (200, "updated"),
        (409, "number_known_otherwise"),
        (409, "number_known_otherwise"),
        (422, "format"),
    ]
    assert await system.call("platform/v1/addressees/find", whose) == first | {"no_auto_response_flag": True}


@pytest.mark.parametrize(
    "changes",
    [
        {"individual_number": "000000000011"},
        {"birth_date": "2024-02-30"},
        {"updated_at": "2025-04-01T09:00:00"},
        {"update_seq": "1"},
        {"surplus": "x"},
        {"name": ""},
    ],
)
async def test_a_malformed_addressee_is_refused_and_not_quoted(system: Simulator, changes: dict[str, Any]) -> None:
    assert await system.ask(REGISTER, Resident.new().addressee(**changes)) == (422, {"code": "format"})


async def test_a_code_needs_a_serial_of_that_person(system: Simulator) -> None:
    resident, other = Resident.new(), Resident.new()
    for each in (resident, other):
        await system.call(REGISTER, each.addressee())
    serial = await system.call("platform/v1/process-serials", {"internal_no": other.internal_no}, status=201)
    wrong = {"internal_no": resident.internal_no} | serial
    assert await system.ask("platform/v1/codes/acquire", wrong) == (409, {"code": "unknown_serial"})


def test_a_code_takes_its_time(tmp_path: Path) -> None:
    with in_hand(Site.make(tmp_path).configuration("times = { code = 600 }")) as network:
        resident = Resident.new()
        whose = {"internal_no": resident.internal_no}

        def state() -> Any:
            return network.city("/platform/v1/addressees/find", **whose)["code_state"]

        network.city("/platform/v1/addressees/register", **resident.addressee())
        assert state() == "none"
        serial = network.city("/platform/v1/process-serials", **whose)
        network.city("/platform/v1/codes/acquire", **whose, **serial)
        assert state() == "requested"
        network.clock.ahead += timedelta(seconds=600)
        assert state() == "acquired"
        assert network.control("state")["codes"] == 1


async def test_a_replica_goes_with_its_original_and_an_old_one_does_not_come_back(system: Simulator) -> None:
    resident, other = await system.resident(), await system.resident(no_auto_response_flag=True)
    whose, gone = {"internal_no": resident.internal_no}, {"updated_at": "2025-04-01T09:00:00+09:00", "update_seq": 3}
    gone |= whose | {"dataset_record_no": "P1"}
    steps: list[tuple[str, dict[str, Any], int, str]] = [
        ("register", replica(resident, "P1", 2), 200, "registered"),
        ("register", replica(resident, "P1", 2), 200, "duplicate"),
        ("register", replica(resident, "P1", 2, lot_no="OTHER"), 409, "version_conflict"),
        ("register", replica(resident, "P1", 1), 409, "superseded"),
        ("register", replica(other, "P1", 3), 409, "record_no_taken"),
        ("register", replica(resident, "P1", 3, dataset_code="TM00000000000999"), 409, "record_no_taken"),
        ("delete", gone | {"update_seq": 1}, 409, "superseded"),
        ("delete", gone | {"internal_no": other.internal_no}, 200, "absent"),
        ("delete", gone, 200, "deleted"),
        ("delete", gone, 200, "absent"),
        ("register", replica(resident, "P1", 2), 409, "superseded"),
        ("register", replica(other, "P1", 5), 409, "record_no_taken"),
        ("register", replica(resident, "P1", 4, no_auto_response_flag=True), 200, "registered"),
        ("register", replica(Resident.new(), "P2"), 404, "unknown_addressee"),
    ]
    for call, body, status, told in steps:
        ended, answer = await system.ask(f"platform/v1/replicas/{call}", body)
        assert (ended, answer.get("result", answer.get("code"))) == (status, told)
    kept = replica(resident, "P1", 4, no_auto_response_flag=True)
    del kept["internal_no"]
    found = await system.call("platform/v1/replicas/find", whose)
    assert found == {"no_auto_response_flag": False, "replicas": [kept]}
    elsewhere = await system.call("platform/v1/replicas/find", whose | {"dataset_code": "TM00000000000999"})
    assert elsewhere["replicas"] == []
    nobodys = await system.call("platform/v1/replicas/find", {"internal_no": other.internal_no})
    assert nobodys == {"no_auto_response_flag": True, "replicas": []}


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset_code": "TM1"},
        {"dataset_version": "1"},
        {"vaccinated_on": "2024-6-1"},
        {"individual_number": "000000000000"},
        {"lot_no": 1},
    ],
)
async def test_a_malformed_replica_is_refused(system: Simulator, changes: dict[str, Any]) -> None:
    resident = await system.resident()
    assert await system.ask(REPLICA, replica(resident, "F1", **changes)) == (422, {"code": "format"})


async def test_the_export_tells_everybody_page_by_page(tmp_path: Any) -> None:
    with running(Site.make(tmp_path)) as system:
        residents = [await system.resident() for _ in range(3)]
        await system.call(REPLICA, replica(residents[1], "E1"))
        told: list[dict[str, Any]] = []
        after: str | None = None
        for more in (True, False):
            page = await system.call("platform/v1/replicas/export", {"after": after, "limit": 2})
            told, after = told + page["people"], page["next"]
            assert (after is not None) == more
    assert [each["internal_no"] for each in told] == [each.internal_no for each in residents]
    assert [len(each["replicas"]) for each in told] == [0, 1, 0]
    assert told[1]["replicas"][0]["lot_no"] == DOSE["lot_no"]
