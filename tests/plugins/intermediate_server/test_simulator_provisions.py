"""Other bodies ask, rightly or with exactly one thing wrong; an answer is for good and reaches who asked, or nobody."""

from typing import Any

import jwt
import pytest

from tests.plugins.intermediate_server.exchanges import DOSE, claims, inquire, recorded, sealed, thumbprint
from tests.plugins.intermediate_server.running import (
    MUNICIPALITY,
    PREFECTURE,
    Resident,
    Simulator,
    Site,
    running,
)
from tests.plugins.vaccination_records.subjects import CITY

FETCH, ANSWER = (f"server/v1/provisions/{call}" for call in ("fetch", "answer"))


async def fetched(system: Simulator, resident: Resident, **changes: Any) -> dict[str, Any]:
    asked = await system.control("inquire", inquire(resident, **changes))
    return dict(await system.call(FETCH, asked))


def holds(site: Site, request: dict[str, Any], audience: str = CITY) -> set[str]:
    """What a careful provider finds in order."""
    permit, route = claims(site, request["permit"], audience), claims(site, request["route_info"], audience)
    named = ("row", "procedure_code", "dataset_code")
    (line,) = [
        each
        for each in claims(site, request.pop("list"))["rows"]
        if [each[name] for name in named] == [request[name] for name in named]
    ] or [{"inquirer": "nobody"}]
    inquirer = "municipality" if permit["inquirer"] == MUNICIPALITY else "governor"
    key = request["inquirer_encryption_key"]
    found = {
        "names": all(permit[name] == request[name] for name in named),
        "provider": permit["provider"] == CITY,
        "inquirer": permit["inquirer"] == request["claimed_inquirer_code"],
        "listed": line["inquirer"] in ("any", inquirer),
        "row": request["row"] in ("25", "26", "153"),
        "key": key is not None and permit["key"] == thumbprint(key),
        "route": route["permit"] == permit["jti"] and route["sub"] == permit["sub"],
        "destination": route["destination"] == request["claimed_destination"] == permit["inquirer"],
    }
    return {name for name, is_so in found.items() if not is_so}


@pytest.mark.parametrize(
    ("wrong", "missing", "audience"),
    [
        (None, set(), CITY),
        ("no_key", {"key"}, CITY),
        ("other_key", {"key"}, CITY),
        ("row_out_of_bounds", {"row"}, CITY),
        ("row_26_by_municipality", {"listed"}, CITY),
        ("not_on_list", {"listed"}, CITY),
        ("wrong_municipality", {"provider"}, "999971"),
        ("claimed_destination", {"destination"}, CITY),
    ],
)
async def test_a_request_is_good_but_for_what_is_wrong(
    site: Site, system: Simulator, wrong: str | None, missing: set[str], audience: str
) -> None:
    resident = await system.resident()
    request = await fetched(system, resident, wrong=wrong)
    assert request["internal_no"] == resident.internal_no
    assert holds(site, request | {"list": await system.matching_list()}, audience) == missing


@pytest.mark.parametrize(
    ("wrong", "token", "error"),
    [
        ("forged_permit", "permit", jwt.InvalidSignatureError),
        ("expired_permit", "permit", jwt.ExpiredSignatureError),
        ("unsigned_permit", "permit", jwt.PyJWTError),
        ("forged_route", "route_info", jwt.InvalidSignatureError),
    ],
)
async def test_one_token_is_not_good(
    site: Site, system: Simulator, wrong: str, token: str, error: type[Exception]
) -> None:
    request = await fetched(system, await system.resident(), wrong=wrong)
    with pytest.raises(error):
        claims(site, request[token])
    if wrong == "unsigned_permit":
        assert jwt.get_unverified_header(request[token])["alg"] == "none"
    other = ({"permit", "route_info"} - {token}).pop()
    assert claims(site, request[other])["use"] in ("permit", "route")


async def test_a_permit_is_missing_or_was_used_before(system: Simulator) -> None:
    resident = await system.resident()
    assert (await fetched(system, resident, wrong="no_permit"))["permit"] is None
    first = await fetched(system, resident, body=PREFECTURE)
    again = await fetched(system, await system.resident(), body=PREFECTURE, wrong="replayed_permit")
    assert again["provision_no"] != first["provision_no"]
    assert (again["permit"], again["route_info"]) == (first["permit"], first["route_info"])


async def test_there_is_nothing_to_replay_at_first(tmp_path: Any) -> None:
    with running(Site.make(tmp_path)) as system:
        asking = inquire(Resident.new(), wrong="replayed_permit")
        assert await system.control("inquire", asking, status=409) == {"code": "nothing_to_replay"}


async def test_the_network_denies_what_the_list_does_not_have(system: Simulator) -> None:
    resident = await system.resident()
    row_26 = {"row": "26", "procedure_code": "JT00000000002601"}
    assert await system.control("inquire", inquire(resident, **row_26), status=409) == {"code": "denied"}
    assert (await fetched(system, resident, body=PREFECTURE, **row_26))["row"] == "26"
    stranger = inquire(resident, body="999971")
    assert await system.control("inquire", stranger, status=404) == {"code": "unknown_body"}
    wrong = inquire(resident, body=PREFECTURE, wrong="row_26_by_municipality")
    assert await system.control("inquire", wrong, status=409) == {"code": "not_a_municipality"}


async def test_whoever_has_no_code_here_is_nobody(system: Simulator) -> None:
    resident = Resident.new()
    assert (await fetched(system, resident))["internal_no"] is None
    await system.call("platform/v1/addressees/register", resident.addressee())
    assert (await fetched(system, resident))["internal_no"] is None


async def test_an_answer_is_for_good_and_reaches_who_asked_or_nobody(site: Site, system: Simulator) -> None:
    request = await fetched(system, await system.resident())
    number = {"provision_no": request["provision_no"]}
    permit_no = claims(site, request["permit"])["jti"]
    plain = number | {"doses": [DOSE]}
    answer = number | {"permit_no": permit_no, "destination": MUNICIPALITY, "result": "answered"}
    assert await system.ask(ANSWER, answer) == (422, {"code": "format"}), "answered with nothing"
    answer["answer"] = sealed(request["inquirer_encryption_key"], permit_no, plain)
    answer["record"] = recorded(permit_no)
    assert await system.call(ANSWER, answer) == {}
    assert await system.call(ANSWER, answer) == {}
    refused = {"result": "refused", "answer": None, "record": None}
    assert await system.ask(ANSWER, answer | refused) == (409, {"code": "answered_otherwise"})
    assert (await system.control("inquired", number))["doses"] == [DOSE]

    astray = await fetched(system, await system.resident())
    number = {"provision_no": astray["provision_no"]}
    refusal = number | {"result": "refused"}
    await system.call(ANSWER, refusal | {"permit_no": permit_no, "destination": PREFECTURE})
    assert (await system.control("inquired", number))["state"] == "waiting"


@pytest.mark.parametrize("mistake", ["key", "permit", "question"])
async def test_what_was_sealed_otherwise_is_not_opened(site: Site, system: Simulator, mistake: str) -> None:
    request, other = [await fetched(system, await system.resident(), body=body) for body in (MUNICIPALITY, PREFECTURE)]
    number = {"provision_no": request["provision_no"]}
    permit_no = claims(site, request["permit"])["jti"]
    key = (other if mistake == "key" else request)["inquirer_encryption_key"]
    jti = claims(site, other["permit"])["jti"] if mistake == "permit" else permit_no
    named = {"provision_no": (other if mistake == "question" else request)["provision_no"]}
    content = number | {"permit_no": permit_no, "destination": MUNICIPALITY, "result": "answered"}
    answer = sealed(key, jti, named | {"doses": [DOSE]})
    await system.call(ANSWER, content | {"answer": answer, "record": recorded(permit_no)})
    told = await system.control("inquired", number)
    assert (told["state"], told["doses"]) == ("answered", None)


async def kept(system: Simulator, permit_no: str) -> list[dict[str, Any]]:
    own = (await system.control("statutory-records"))["own"]
    return [each for each in own if each["permit_no"] == permit_no]


async def test_an_inquirys_record_is_kept_once_for_each_permit(system: Simulator) -> None:
    record = recorded("PM-ONE", undisclosed_flag=True)
    for given in (record, record | {"provided_at": "2026-04-01T09:00:02+09:00"}):
        assert await system.call("server/v1/statutory-records/make", given) == {}
    assert await kept(system, "PM-ONE") == [record | {"kind": "inquiry"}]


async def test_an_answer_and_its_record_are_taken_together_or_neither(site: Site, system: Simulator) -> None:
    request = await fetched(system, await system.resident())
    number = {"provision_no": request["provision_no"]}
    permit_no = claims(site, request["permit"])["jti"]
    answer = number | {"permit_no": permit_no, "destination": MUNICIPALITY, "result": "no_data"}
    for wrong in (None, recorded(permit_no)):  # none; one that says more than the answer gives
        assert await system.ask(ANSWER, answer | {"record": wrong}) == (422, {"code": "format"})
    refusal = number | {"result": "refused", "record": recorded(permit_no)}
    assert await system.ask(ANSWER, refusal) == (422, {"code": "format"})
    assert await kept(system, permit_no) == []
    record = recorded(permit_no, items=[])
    del record["provided_at"]
    assert await system.call(ANSWER, answer | {"record": record}) == {}
    other = number | {"result": "refused", "record": record | {"items": ["lot_no"]}}
    assert await system.ask(ANSWER, other) == (409, {"code": "answered_otherwise"})
    assert await kept(system, permit_no) == [record | {"kind": "provision"}]


async def test_the_list_comes_forged_or_ended_when_told_to(site: Site, system: Simulator) -> None:
    assert claims(site, await system.matching_list())["sub"] == "matching-list"
    for fault, error in (("forged_list", jwt.InvalidSignatureError), ("ended_list", jwt.ExpiredSignatureError)):
        await system.control("faults", {"faults": {fault: 1}})
        wrong = await system.matching_list()
        with pytest.raises(error):
            claims(site, wrong)
