"""People and replicas (F20–F23): numbers in order, datasets of this city only, gone with the original."""

from typing import Any

import pytest

from gateway.plugin import Accepted, DeferredRecord, Duplicate, RefusedRecord
from gateway_intermediate_server import unregistered
from gateway_intermediate_server.client import Client
from tests.plugins.intermediate_server.line import City, replica
from tests.plugins.intermediate_server.running import Resident
from tests.plugins.vaccination_records.subjects import OTHER_CITY, individual_number


def gone(resident: Resident, record_no: str, seq: int = 2) -> dict[str, Any]:
    kept = ("internal_no", "municipality_code", "dataset_record_no", "updated_at", "update_seq")
    return {name: replica(resident.internal_no, record_no, seq)[name] for name in kept}


async def found(city: City, resident: Resident) -> list[str]:
    kept = await city.simulator.call("platform/v1/replicas/find", {"internal_no": resident.internal_no})
    return [each["dataset_record_no"] for each in kept["replicas"]]


async def test_a_person_is_registered_and_has_a_code_by_itself(city: City) -> None:
    resident = Resident.new()
    assert await city.deliver("addressee.register", resident.addressee()) == Accepted()
    assert await city.deliver("addressee.register", resident.addressee()) == Duplicate()
    assert await city.deliver("addressee.register", resident.addressee(seq=2, sex="1")) == Accepted()
    kept = await city.simulator.call("platform/v1/addressees/find", {"internal_no": resident.internal_no})
    assert kept["code_state"] == "acquired"


async def test_the_number_is_allocated_before_a_serial_and_that_before_a_code(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F20."""
    real, paths = Client.ask, []

    async def ask(client: Client, path: str, *args: Any, **kwargs: Any) -> Any:
        paths.append(path.removeprefix("/platform/v1/"))
        return await real(client, path, *args, **kwargs)

    monkeypatch.setattr(Client, "ask", ask)
    await city.register()
    assert paths == ["addressees/register", "process-serials", "codes/acquire"]


async def test_a_code_that_could_not_be_asked_for_is_asked_for_with_the_next_state(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident, real = Resident.new(), Client.ask

    async def ask(client: Client, path: str, *args: Any, **kwargs: Any) -> Any:
        if path.endswith("process-serials"):
            await city.simulator.control("faults", {"faults": {"maintenance": 1}})
        return await real(client, path, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(Client, "ask", ask)
        assert await city.deliver("addressee.register", resident.addressee()) == Accepted()
    whose = {"internal_no": resident.internal_no}
    assert (await city.simulator.call("platform/v1/addressees/find", whose))["code_state"] == "none"
    assert await city.deliver("addressee.register", resident.addressee(seq=2)) == Accepted()
    assert (await city.simulator.call("platform/v1/addressees/find", whose))["code_state"] == "acquired"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"individual_number": individual_number(9_999_999)}, "number_known_otherwise"),
        ({"seq": 1}, "superseded"),
        ({"seq": 2, "sex": "1"}, "version_conflict"),
        ({"seq": 3, "municipality_code": OTHER_CITY}, "no_such_person"),
    ],
)
async def test_a_person_is_refused(city: City, changes: dict[str, Any], code: str) -> None:
    resident = Resident.new()
    await city.deliver("addressee.register", resident.addressee(seq=2))
    assert await city.deliver("addressee.register", resident.addressee(**changes)) == RefusedRecord(code)


async def test_a_replica_is_registered_once(city: City) -> None:
    resident = await city.register()
    number = resident.internal_no
    assert await city.deliver("replica.register", replica(number, f"A{number}", dose_no=1)) == Accepted()
    assert await city.deliver("replica.register", replica(number, f"A{number}", dose_no=1)) == Duplicate()
    assert await found(city, resident) == [f"A{number}"]


@pytest.mark.parametrize(
    ("seq", "changes", "code"),
    [
        (1, {}, "superseded"),
        (2, {"lot_no": "MADEUP02"}, "version_conflict"),
        (3, {"dataset_code": "TM00000000000999"}, "dataset_not_managed"),
        (3, {"municipality_code": OTHER_CITY}, "no_such_person"),
    ],
)
async def test_a_replica_is_refused(city: City, seq: int, changes: dict[str, Any], code: str) -> None:
    number = (await city.register()).internal_no
    assert await city.deliver("replica.register", replica(number, f"B{number}", 2)) == Accepted()
    assert await city.deliver("replica.register", replica(number, f"B{number}", seq, **changes)) == RefusedRecord(code)


async def test_a_record_number_is_one_persons_for_good(city: City) -> None:
    one, other = await city.register(), await city.register()
    taken = f"C{one.internal_no}"
    assert await city.deliver("replica.register", replica(one.internal_no, taken)) == Accepted()
    assert await city.deliver("replica.register", replica(other.internal_no, taken)) == RefusedRecord("record_no_taken")


async def test_what_is_about_a_replica_waits_for_its_person_to_be_registered(city: City) -> None:
    """People have lanes of their own (decision 0028), so it may come first."""
    resident = Resident.new()
    about = (
        ("replica.register", replica(resident.internal_no, f"D{resident.internal_no}")),
        ("replica.delete", gone(resident, f"D{resident.internal_no}")),
    )
    for operation, record in about:
        assert await city.deliver(operation, record) == DeferredRecord("unknown_addressee")
    await city.deliver("addressee.register", resident.addressee())
    for operation, record in about:
        assert await city.deliver(operation, record) == Accepted()


async def test_what_is_about_nobody_is_refused_after_a_while(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that nobody has, by a slip of a hand, does not hold its lane up for hours."""
    monkeypatch.setattr(unregistered, "PATIENCE", 0.0)
    resident = Resident.new()
    refused = RefusedRecord("unknown_addressee")
    assert await city.deliver("replica.register", replica(resident.internal_no, "D0")) == refused
    assert await city.deliver("replica.delete", gone(resident, "D0")) == refused


async def test_a_replica_goes_with_its_original(city: City) -> None:
    """C119."""
    resident = await city.register()
    await city.deliver("replica.register", replica(resident.internal_no, f"E{resident.internal_no}"))
    assert await city.deliver("replica.delete", gone(resident, f"E{resident.internal_no}")) == Accepted()
    assert await found(city, resident) == []
    assert await city.deliver("replica.delete", gone(resident, f"E{resident.internal_no}")) == Accepted()


async def test_an_older_deletion_deletes_nothing(city: City) -> None:
    resident = await city.register()
    await city.deliver("replica.register", replica(resident.internal_no, f"F{resident.internal_no}", 3))
    refused = await city.deliver("replica.delete", gone(resident, f"F{resident.internal_no}"))
    assert refused == RefusedRecord("superseded")


async def test_what_is_still_there_is_not_told_as_gone(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server says that it deleted it, and finds it all the same."""
    resident, real = await city.register(), Client.ask
    await city.deliver("replica.register", replica(resident.internal_no, f"G{resident.internal_no}"))

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        if path.endswith("replicas/delete"):
            return form.model_validate({"result": "deleted"})
        return await real(client, path, body, form, *args, **kwargs)

    monkeypatch.setattr(Client, "ask", ask)
    deferred = await city.deliver("replica.delete", gone(resident, f"G{resident.internal_no}"))
    assert deferred == DeferredRecord("system_busy")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("maintenance", DeferredRecord("system_busy", 7.0)),
        ("drop", DeferredRecord("system_unreachable")),
        ("garbage", DeferredRecord("system_unreachable")),
    ],
)
async def test_what_is_not_known_comes_again(city: City, fault: str, outcome: DeferredRecord) -> None:
    number = (await city.register()).internal_no
    await city.simulator.control("faults", {"faults": {fault: 1}})
    assert await city.deliver("replica.register", replica(number, f"H{number}")) == outcome
    again = await city.deliver("replica.register", replica(number, f"H{number}"))
    assert again == (Accepted() if fault == "maintenance" else Duplicate())


async def test_while_the_systems_are_down_the_rest_waits_untried(city: City) -> None:
    numbers = [(await city.register()).internal_no for _ in range(10)]
    await city.simulator.control("faults", {"faults": {"maintenance": 8}})
    outcomes = await city.hand_over("replica.register", [replica(each, f"I{each}") for each in numbers])
    assert outcomes == dict.fromkeys(range(10), DeferredRecord("system_busy", 7.0))
    assert (await city.simulator.control("state"))["faults"]["maintenance"] >= 8
    assert await found(city, Resident(numbers[9], "")) == []


async def test_no_value_is_ever_told(city: City) -> None:
    """Neither what was sent nor what was answered."""
    resident = await city.register()
    await city.simulator.control("faults", {"faults": {"garbage": 1}})
    await city.deliver("replica.register", replica(resident.internal_no, "J1"))
    told = repr(city.said.lines)
    assert resident.internal_no not in told
    assert resident.individual_number not in told
