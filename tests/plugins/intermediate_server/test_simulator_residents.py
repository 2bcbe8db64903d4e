"""Residents ask for what the city has about them, and read what it announces."""

from typing import Any

import jwt
import pytest

from tests.plugins.intermediate_server.exchanges import DATASET, DOSE, claims, sealed, thumbprint
from tests.plugins.intermediate_server.running import Resident, Simulator, Site, fresh
from tests.plugins.vaccination_records.subjects import CITY, UPDATED_AT

FETCH, ANSWER = (f"server/v1/self-information/{call}" for call in ("fetch", "answer"))
SEND, STATUSES = "server/v1/announcements/send", "server/v1/announcements/statuses"


async def asks(system: Simulator, resident: Resident, **more: str) -> dict[str, str]:
    question = {"individual_number": resident.individual_number, "dataset_code": DATASET}
    return dict(await system.control("self-information", question | more))


async def test_a_resident_asks_and_opens_the_answer(site: Site, system: Simulator) -> None:
    resident = await system.resident()
    number = await asks(system, resident)
    listed = (await system.call("server/v1/self-information/list"))["self_requests"]
    (waiting,) = [each for each in listed if number.items() <= each.items()]
    request = await system.call(FETCH, number)
    signed, key = claims(site, request.pop("authorisation")), request.pop("recipient_encryption_key")
    assert request == waiting | {"internal_no": resident.internal_no, "dataset_code": DATASET}
    assert (signed["use"], signed["provider"], signed["key"]) == ("self", CITY, thumbprint(key))
    answer = number | {"result": "answered", "answer": sealed(key, signed["jti"], number | {"doses": [DOSE]})}
    assert await system.control("self-informed", number) == {"state": "waiting", "doses": None}
    for _ in range(2):
        assert await system.call(ANSWER, answer) == {}
    assert await system.control("self-informed", number) == {"state": "answered", "doses": [DOSE]}
    refused = number | {"result": "refused"}
    assert await system.ask(ANSWER, refused) == (409, {"code": "answered_otherwise"})
    assert await system.ask(FETCH, {"self_request_no": "SR-X"}) == (404, {"code": "unknown_self_request"})


async def test_an_answer_to_another_question_is_not_shown(site: Site, system: Simulator) -> None:
    number = await asks(system, await system.resident())
    request = await system.call(FETCH, number)
    jti = claims(site, request["authorisation"])["jti"]
    answer = sealed(request["recipient_encryption_key"], jti, {"self_request_no": "SR-X", "doses": [DOSE]})
    await system.call(ANSWER, number | {"result": "answered", "answer": answer})
    assert await system.control("self-informed", number) == {"state": "answered", "doses": None}
    assert (await system.call(FETCH, number))["result"] == "answered"


async def test_a_residents_request_can_be_wrong(site: Site, system: Simulator) -> None:
    resident = await system.resident()

    async def wrong(what: str) -> dict[str, Any]:
        return dict(await system.call(FETCH, await asks(system, resident, wrong=what)))

    for what, error in (("forged_permit", jwt.InvalidSignatureError), ("expired_permit", jwt.ExpiredSignatureError)):
        request = await wrong(what)
        with pytest.raises(error):
            claims(site, request["authorisation"])
    assert (await wrong("no_permit"))["authorisation"] is None
    assert (await wrong("no_key"))["recipient_encryption_key"] is None
    request = await wrong("other_key")
    assert claims(site, request["authorisation"])["key"] != thumbprint(request["recipient_encryption_key"])
    nobody = await system.call(FETCH, await asks(system, Resident.new()))
    assert nobody["internal_no"] is None


def announcement(resident: Resident, number: str, seq: int = 1, **changes: str) -> dict[str, Any]:
    return {
        "announcement_no": number,
        "internal_no": resident.internal_no,
        "title": "お知らせ",
        "text": "接種の時期です",
        "updated_at": UPDATED_AT,
        "update_seq": seq,
    } | changes


async def responses(system: Simulator, number: str) -> list[str]:
    statuses = (await system.call(STATUSES))["statuses"]
    return [each["response"] for each in statuses if each["announcement_no"] == number]


async def test_an_announcement_is_delivered_read_and_its_statuses_are_taken(system: Simulator) -> None:
    resident, number = await system.resident(), f"A{fresh()}"
    assert await system.call(SEND, announcement(resident, number), status=202) == {}
    assert await responses(system, number) == ["1"]
    taken = {"announcement_no": number, "response": "1"}
    assert await system.call(f"{STATUSES}/taken", taken) == {}
    assert await responses(system, number) == []
    await system.control("announcement-read", {"announcement_no": number})
    (status,) = [each for each in (await system.call(STATUSES))["statuses"] if each["announcement_no"] == number]
    assert (status["internal_no"], status["response"]) == (resident.internal_no, "2")
    for known in ("2", "1"):
        await system.call(f"{STATUSES}/taken", taken | {"response": known})
        assert await responses(system, number) == []
    await system.call(SEND, announcement(resident, number), status=202)
    assert await responses(system, number) == [], "the same again is not sent again"
    await system.call(SEND, announcement(resident, number, 2, text="変更"), status=202)
    assert await responses(system, number) == ["1"]
    for wrong, code in (
        (announcement(resident, number), "superseded"),
        (announcement(resident, number, 2), "version_conflict"),
        (announcement(await system.resident(), number, 3), "announcement_no_taken"),
    ):
        assert await system.ask(SEND, wrong) == (409, {"code": code})


async def test_an_announcement_needs_a_code_and_may_not_arrive(system: Simulator) -> None:
    resident, number = Resident.new(), f"A{fresh()}"
    assert await system.ask(SEND, announcement(resident, number)) == (404, {"code": "unknown_addressee"})
    await system.call("platform/v1/addressees/register", resident.addressee())
    assert await system.ask(SEND, announcement(resident, number)) == (409, {"code": "code_not_acquired"})
    await system.acquire(resident)
    await system.control("faults", {"faults": {"undeliverable": 1}})
    await system.call(SEND, announcement(resident, number), status=202)
    assert await responses(system, number) == ["9"]
    await system.control("announcement-read", {"announcement_no": number}, status=409)
