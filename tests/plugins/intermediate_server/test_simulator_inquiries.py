"""No inquiry without a permit; what can go wrong on the way goes wrong when it is told to, once."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from jwt import InvalidSignatureError

from tests.plugins.intermediate_server.exchanges import DOSE, TAX, claims, opened, permit_wanted
from tests.plugins.intermediate_server.running import (
    MUNICIPALITY,
    PREFECTURE,
    Resident,
    Simulator,
    Site,
    fresh,
    running,
)
from tests.plugins.intermediate_server.unsocketed import in_hand
from tests.plugins.vaccination_records.subjects import CITY

ASK, FETCH = "server/v1/permits/request", "server/v1/permits/fetch"
SEND, RESULT = "server/v1/inquiries/send", "server/v1/inquiries/result"


async def moved_in(system: Simulator) -> Resident:
    """One with doses at the city where they lived before."""
    resident = await system.resident()
    whose = {"body": MUNICIPALITY, "individual_number": resident.individual_number}
    await system.control("person", whose | {"doses": [DOSE]})
    return resident


async def granted(site: Site, system: Simulator, resident: Resident, **changes: Any) -> str:
    wanted = permit_wanted(site, resident, f"R{fresh()}", **changes)
    told = await system.call(FETCH, await system.call(ASK, wanted, status=202))
    assert told["state"] == "granted"
    return str(told["permit"])


async def sent(system: Simulator, permit: str) -> dict[str, str]:
    return dict(await system.call(SEND, {"request_id": f"R{fresh()}", "permit": permit}, status=202))


async def test_asking_again_is_the_same_and_asking_otherwise_is_refused(site: Site, system: Simulator) -> None:
    resident = await moved_in(system)
    wanted = permit_wanted(site, resident, f"R{fresh()}")
    first = await system.call(ASK, wanted, status=202)
    assert await system.call(ASK, wanted, status=202) == first
    assert await system.ask(ASK, wanted | {"row": "153"}) == (409, {"code": "request_reused"})
    permit = (await system.call(FETCH, first))["permit"]
    sending = {"request_id": wanted["request_id"], "permit": permit}
    receipt = await system.call(SEND, sending, status=202)
    assert await system.call(SEND, sending, status=202) == receipt
    assert await system.ask(SEND, {"request_id": f"R{fresh()}", "permit": permit}) == (409, {"code": "no_permit"})
    other = await granted(site, system, resident)
    assert await system.ask(SEND, sending | {"permit": other}) == (409, {"code": "request_reused"})


@pytest.mark.parametrize(
    "changes",
    [
        {"row": "99"},
        {"row": "26"},
        {"procedure_code": "JT99999999999999"},
        {"dataset_code": "TM99999999999999"},
        {"provider_code": CITY},
        {"provider_code": "999971"},
        {"row": "27", "procedure_code": "JT00000000002701", "dataset_code": TAX, "provider_code": PREFECTURE},
    ],
)
async def test_what_the_list_does_not_have_is_denied(site: Site, system: Simulator, changes: dict[str, str]) -> None:
    wanted = permit_wanted(site, await moved_in(system), f"R{fresh()}", **changes)
    asked = await system.call(ASK, wanted, status=202)
    assert await system.call(FETCH, asked) == {"state": "denied"}


async def test_a_code_comes_first_and_a_person_before_that(site: Site, system: Simulator) -> None:
    resident = Resident.new()
    wanted = permit_wanted(site, resident, f"R{fresh()}")
    assert await system.ask(ASK, wanted) == (404, {"code": "unknown_addressee"})
    await system.call("platform/v1/addressees/register", resident.addressee())
    assert await system.ask(ASK, wanted) == (409, {"code": "code_not_acquired"})


def test_an_inquiry_takes_its_time(tmp_path: Path) -> None:
    site = Site.make(tmp_path)
    with in_hand(site.configuration("times = { code = 0, permit = 100, answer = 100 }")) as network:
        resident = Resident.new()
        whose, number = {"internal_no": resident.internal_no}, resident.individual_number
        network.city("/platform/v1/addressees/register", **resident.addressee())
        serial = network.city("/platform/v1/process-serials", **whose)
        network.city("/platform/v1/codes/acquire", **whose, **serial)
        network.control("person", body=MUNICIPALITY, individual_number=number, doses=[DOSE])
        asked = network.city(f"/{ASK}", **permit_wanted(site, resident, "R1"))
        assert network.city(f"/{FETCH}", **asked) == {"state": "pending"}
        network.clock.ahead += timedelta(seconds=100)
        told = network.city(f"/{FETCH}", **asked)
        begun = int(network.clock().timestamp())
        receipt = network.city(f"/{SEND}", request_id="R1", permit=told["permit"])
        (waiting,) = network.city("/server/v1/inquiries/list")["inquiries"]
        assert waiting == receipt | {"request_id": "R1", "state": "waiting", "taken": False}
        assert "answer" not in network.city(f"/{RESULT}", **receipt)
        network.clock.ahead += timedelta(seconds=100)
        assert network.city(f"/{RESULT}", **receipt)["state"] == "answered"
        assert network.city("/server/v1/inquiries/list")["inquiries"][0]["ended_at"] >= begun + 100


async def test_an_ended_permit_is_none(tmp_path: Any) -> None:
    site = Site.make(tmp_path)
    with running(site, "times = { code = 0, permit = 0, permit_life = 1 }") as system:
        permit = await granted(site, system, await moved_in(system))
        await asyncio.sleep(1.1)
        assert await system.ask(SEND, {"request_id": "R1", "permit": permit}) == (409, {"code": "no_permit"})


async def test_nobody_there_is_no_data(site: Site, system: Simulator) -> None:
    resident = await moved_in(system)
    for changes in ({"provider_code": PREFECTURE}, {"inquiry_from": "2024-06-02"}, {"inquiry_to": "2024-05-31"}):
        receipt = await sent(system, await granted(site, system, resident, **changes))
        told = await system.call(RESULT, receipt)
        assert (told["state"], "answer" in told) == ("no_data", False)


async def test_a_result_is_taken_and_deleted_and_its_permit_stays_used(site: Site, system: Simulator) -> None:
    permit = await granted(site, system, await moved_in(system))
    receipt = await sent(system, permit)

    async def listed() -> list[dict[str, Any]]:
        everything = (await system.call("server/v1/inquiries/list"))["inquiries"]
        return [each for each in everything if receipt.items() <= each.items()]

    assert await system.call("server/v1/inquiries/taken", receipt) == {}
    assert [each["taken"] for each in await listed()] == [True]
    before = (await system.control("state"))["results"]
    assert await system.call("server/v1/inquiries/delete", receipt) == {"result": "deleted"}
    assert await system.call("server/v1/inquiries/delete", receipt) == {"result": "absent"}
    assert (await system.control("state"))["results"] == before - 1
    assert await listed() == []
    assert await system.ask(RESULT, receipt) == (404, {"code": "unknown_inquiry"})
    assert await system.ask(SEND, {"request_id": f"R{fresh()}", "permit": permit}) == (409, {"code": "no_permit"})


async def test_a_permit_is_granted_wrongly_when_told_to(site: Site, system: Simulator) -> None:
    resident = await moved_in(system)
    await system.control("next", {"wrong": "permit_other_row"})
    assert claims(site, await granted(site, system, resident))["row"] == "153"
    await system.control("next", {"wrong": "permit_other_provider"})
    assert claims(site, await granted(site, system, resident))["provider"] == PREFECTURE
    await system.control("next", {"wrong": "forged_permit"})
    forged = await granted(site, system, resident)
    with pytest.raises(InvalidSignatureError):
        claims(site, forged)
    assert await system.ask(SEND, {"request_id": f"R{fresh()}", "permit": forged}) == (409, {"code": "no_permit"})
    await system.control("next", {"wrong": "denied_permit"})
    asked = await system.call(ASK, permit_wanted(site, resident, f"R{fresh()}"), status=202)
    assert await system.call(FETCH, asked) == {"state": "denied"}
    assert claims(site, await granted(site, system, resident))["row"] == "25", "each was wrong once"


async def test_an_answer_is_wrong_when_told_to(site: Site, system: Simulator) -> None:
    resident = await moved_in(system)

    async def after(wrong: str) -> tuple[dict[str, Any], dict[str, str], str]:
        await system.control("next", {"wrong": wrong})
        permit = await granted(site, system, resident)
        receipt = await sent(system, permit)
        return await system.call(RESULT, receipt), receipt, claims(site, permit)["jti"]

    for wrong, error in (("answer_other_key", InvalidTag), ("answer_garbage", InvalidTag)):
        told, _, jti = await after(wrong)
        with pytest.raises(error):
            opened(site.city_key, jti, told["answer"]["enc_ciphertext"])
    for wrong, state in (("refuses", "refused"), ("aborts", "aborted")):
        told, _, _ = await after(wrong)
        assert (told["state"], "answer" in told) == (state, False)
    told, receipt, _ = await after("never_answers")
    assert told["state"] == "waiting"
    await system.control("abort", {"inquiry": told["request_id"]})
    assert (await system.call(RESULT, receipt))["state"] == "aborted"
    assert await system.control("abort", {"inquiry": told["request_id"]}, status=409) == {"code": "not_waiting"}
    assert await system.control("next", {"wrong": "slow"}, status=422) == {"code": "format"}
