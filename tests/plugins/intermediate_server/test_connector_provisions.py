"""情報提供 (F26, R20): nothing without permit, list, route, key and release; and killed anywhere, it is given once."""

import itertools
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.plugin import Accepted, Act, Dead, DeferredRecord, Refused, RefusedRecord
from gateway.plugin.exchange import Later
from gateway_intermediate_server import answers, turns
from gateway_intermediate_server.asked import Provision as Listed
from gateway_intermediate_server.client import Client
from gateway_intermediate_server.simulated.signing import SigningKey
from tests.plugins.intermediate_server.exchanges import inquire
from tests.plugins.intermediate_server.line import DOSE, City, Line, Sent, opened, replica
from tests.plugins.intermediate_server.running import MUNICIPALITY, PREFECTURE, Resident, Simulator

ANSWER = "provision.answer"


async def somebody(city: City, *, flagged: bool = False, **changes: Any) -> Resident:
    """A resident with one replica."""
    resident = Resident.new()
    await city.deliver("addressee.register", resident.addressee(no_auto_response_flag=flagged))
    await city.deliver("replica.register", replica(resident.internal_no, f"P-{resident.internal_no}", **changes))
    return resident


async def asked(city: City, resident: Resident, **changes: Any) -> str:
    """Another body asks, and the connector has looked."""
    number = (await city.simulator.control("inquire", inquire(resident, **changes)))["provision_no"]
    await city.poll()
    return str(number)


def made(city: City, number: str) -> Sent:
    """The newest message that answers that request."""
    return city.line.about(number)[-1]


async def recorded(city: City, sent: Sent) -> list[dict[str, Any]]:
    """情報提供等記録 of the city, under the permit of that message."""
    permit = next(each.proof.decode() for each in sent.claims if each.name == "permit")
    return [each for each in (await own_records(city)) if each["permit_no"] == permit]


async def own_records(city: City) -> list[dict[str, Any]]:
    return list((await city.simulator.control("statutory-records"))["own"])


async def heard(city: City, number: str) -> tuple[str, Any]:
    told = await city.simulator.control("inquired", {"provision_no": number})
    return told["state"], told["doses"]


async def test_a_body_asks_and_is_answered_through_the_line(city: City) -> None:
    resident = await somebody(city)
    number = await asked(city, resident)
    (sent,) = city.line.about(number)
    assert sent.record == {
        "internal_no": resident.internal_no,
        "provision_no": number,
        "provision_row": "25",
        "inquirer_code": MUNICIPALITY,
        "dataset_code": "TM00000000000101",
        "doses": [DOSE],
    }
    assert sent.attested == {"permit"}
    (permit,) = sent.claims
    assert permit.party == MUNICIPALITY
    assert permit.until is not None
    assert permit.asked is not None
    assert await heard(city, number) == ("waiting", None)  # nothing leaves before the release
    assert await city.release(sent) == Accepted()
    assert await heard(city, number) == ("answered", [DOSE])
    (record,) = await recorded(city, sent)
    items = ["lot_no", "overseas_flag", "vaccinated_on", "vaccine_generic_name"]
    assert (record["kind"], record["inquirer_code"], record["items"]) == ("provision", MUNICIPALITY, items)
    assert record["provided_at"] >= record["requested_at"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("no_permit", "permit_not_valid"),
        ("forged_permit", "permit_not_valid"),
        ("unsigned_permit", "permit_not_valid"),
        ("expired_permit", "permit_not_valid"),
        ("wrong_municipality", "permit_not_valid"),
        ("forged_route", "permit_not_valid"),
        ("no_key", "no_inquirer_key"),
        ("other_key", "no_inquirer_key"),
        ("row_out_of_bounds", "not_on_matching_list"),
        ("not_on_list", "not_on_matching_list"),
        ("row_26_by_municipality", "counterparty_not_allowed"),
    ],
)
async def test_what_is_wrong_is_refused_without_a_cause_and_the_log_has_the_cause(
    city: City, wrong: str, code: str
) -> None:
    number = await asked(city, await somebody(city), wrong=wrong)
    assert city.line.about(number) == []
    assert await heard(city, number) == ("refused", None)
    assert city.line.refusals(number) == [code]
    await city.poll()
    assert city.line.refusals(number) == [code]  # it is over


@pytest.mark.parametrize(
    ("token", "changes"),
    [
        ("permit", {"provider": PREFECTURE}),
        ("permit", {"row": "153"}),
        ("permit", {"procedure_code": "JT00000000015301"}),
        ("permit", {"dataset_code": "TM00000000000201"}),
        ("permit", {"inquirer": PREFECTURE}),
        ("permit", {"use": "route"}),
        ("route_info", {"destination": PREFECTURE}),
        ("route_info", {"permit": "PM-ANOTHER"}),
        ("route_info", {"sub": "PS-ANOTHER"}),
        ("route_info", {"aud": MUNICIPALITY}),
        ("route_info", None),
    ],
)
async def test_what_the_network_signed_for_another_exchange_is_refused(
    city: City, monkeypatch: pytest.MonkeyPatch, token: str, changes: dict[str, str] | None
) -> None:
    """Each is soundly signed; it only does not go with the rest."""
    real, network = Client.ask, SigningKey.load(city.simulator.site.folder / "keys/network.pem")

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if not path.endswith("provisions/fetch") or answer.provision_no != number:
            return answer
        claims = jwt.decode(getattr(answer, token), options={"verify_signature": False})
        signed = None if changes is None else network.sign(claims | changes)
        return answer.model_copy(update={token: signed})

    resident = await somebody(city)
    number = (await city.simulator.control("inquire", inquire(resident)))["provision_no"]
    with monkeypatch.context() as patched:
        patched.setattr(Client, "ask", ask)
        await city.poll()
    assert city.line.about(number) == []
    assert city.line.refusals(number) == ["permit_not_valid"]
    assert await heard(city, number) == ("refused", None)


async def test_rule_9_nobody_can_tell_a_refusal_from_nobody_there(city: City) -> None:
    """Neither by the answer nor by what stands in it."""
    number = await asked(city, Resident.new())
    assert await heard(city, number) == ("refused", None)
    assert city.line.refusals(number) == ["no_such_person"]


async def test_a_dataset_that_the_city_does_not_manage_is_not_given(system: Simulator) -> None:
    async with opened(system, Line(), datasets=["TM00000000000999"]) as city:
        number = await asked(city, await somebody(city))
        assert city.line.refusals(number) == ["dataset_not_managed"]


async def test_row_26_goes_to_a_governor_and_to_nobody_else(city: City) -> None:
    number = await asked(city, await somebody(city), body=PREFECTURE, row="26", procedure_code="JT00000000002601")
    sent = made(city, number)
    assert sent.record["provision_row"] == "26"
    await city.release(sent)
    assert (await heard(city, number))[0] == "answered"


async def test_a_claimed_destination_is_not_where_it_goes(city: City) -> None:
    """C189: the network's word counts, and nothing else."""
    number = await asked(city, await somebody(city), wrong="claimed_destination")
    sent = made(city, number)
    assert sent.record["inquirer_code"] == MUNICIPALITY
    await city.release(sent)
    assert (await heard(city, number))[0] == "answered"


async def test_a_permit_is_used_once(city: City) -> None:
    resident = await somebody(city)
    first = await asked(city, resident)
    await city.release(made(city, first))
    replayed = await asked(city, resident, wrong="replayed_permit")
    assert replayed != first
    assert city.line.about(replayed) == []
    assert await heard(city, replayed) == ("refused", None)


async def test_a_permit_is_used_once_also_after_a_restart(system: Simulator) -> None:
    line = Line()
    async with opened(system, line) as city:
        resident = await somebody(city)
        first = made(city, await asked(city, resident))
    async with opened(system, line) as city:
        replayed = await asked(city, resident, wrong="replayed_permit")
        assert await heard(city, replayed) == ("refused", None)
        assert await city.release(first) == Accepted()
    assert line.about(replayed) == []


async def test_a_restart_and_another_replica_are_no_second_use_of_a_permit(system: Simulator) -> None:
    """What waits for people is found again, found to be overtaken when it is released, and made anew."""
    line = Line()
    async with opened(system, line) as city:
        resident = await somebody(city, flagged=True)
        number = await asked(city, resident)
        held = made(city, number)
    async with opened(system, line) as city:
        changed = replica(resident.internal_no, f"P-{resident.internal_no}", 2, lot_no="MADEUP02")
        assert await city.deliver("replica.register", changed) == Accepted()
        await city.poll()
        assert await heard(city, number) == ("waiting", None)
        assert await city.release(held) == RefusedRecord("overtaken")
        await city.poll()
        assert await city.release(made(city, number)) == Accepted()
        assert await heard(city, number) == ("answered", [DOSE | {"lot_no": "MADEUP02"}])


async def test_one_permit_is_for_one_request_about_one_person_whatever_the_server_says(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that nothing was answered, and names another person, or shows the permit in another request."""
    real = Client.ask
    swapped: dict[str, dict[str, Any]] = {}

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if path.endswith("provisions/fetch"):
            return answer.model_copy(update=swapped.get(answer.provision_no, {}))
        return answer

    monkeypatch.setattr(Client, "ask", ask)
    resident, somebody_else = await somebody(city), await somebody(city)
    number = await asked(city, resident)
    first = made(city, number)
    overtaken = RefusedRecord("overtaken")
    await city.settle(first, overtaken)
    swapped[number] = {"internal_no": somebody_else.internal_no}
    await city.poll()
    assert city.line.about(number) == [first]
    assert await heard(city, number) == ("refused", None)

    number = await asked(city, resident)
    await city.settle(made(city, number), overtaken)
    await city.poll()
    (permit,) = {each.proof.decode() for sent in city.line.about(number) for each in sent.claims}
    token = (await city.simulator.call("server/v1/provisions/fetch", {"provision_no": number}))["permit"]
    other = (await city.simulator.control("inquire", inquire(resident)))["provision_no"]
    fetched = await city.simulator.call("server/v1/provisions/fetch", {"provision_no": number})
    swapped[other] = {"permit": token, "route_info": fetched["route_info"]}
    swapped[other] |= {"inquirer_encryption_key": fetched["inquirer_encryption_key"]}
    for _ in range(3):
        await city.poll()
    assert city.line.about(other) == []
    assert await heard(city, other) == ("refused", None)
    assert [each.key.decode().split("\n")[0] for each in city.line.about(number)] == [permit, permit]


async def test_what_is_overtaken_again_and_again_is_refused_in_the_end(city: City) -> None:
    number = await asked(city, await somebody(city))
    for _ in range(7):
        await city.settle(made(city, number), RefusedRecord("overtaken"))
        await city.poll()
    assert len(city.line.about(number)) == 5
    assert await heard(city, number) == ("refused", None)


async def test_after_a_restart_the_newest_message_is_reached_by_those_before_it(system: Simulator) -> None:
    """What the line tells once more of each; nothing else counts."""
    line = Line()
    async with opened(system, line) as city:
        number = await asked(city, await somebody(city))
        for _ in range(2):
            await city.settle(made(city, number), RefusedRecord("overtaken"))
            await city.poll()
    sent = line.about(number)
    assert len(sent) == 3
    async with opened(system, line) as city:
        for each in sent[:2]:
            await city.poll()
            await city.settle(each, RefusedRecord("overtaken"))
        await city.poll()
        assert await city.release(sent[2]) == Accepted()
    assert line.about(number) == sent
    assert await heard(city, number) == ("answered", [DOSE])


@pytest.mark.parametrize("failure", ["connector_bug", "system_unreachable", "deadline"])
async def test_one_request_that_the_server_cannot_tell_stops_no_other(
    city: City, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    real = Client.ask

    async def ask(client: Client, path: str, body: Any, *args: Any, **kwargs: Any) -> Any:
        if path.endswith("provisions/fetch") and body["provision_no"] == ill:
            raise Later(failure)
        return await real(client, path, body, *args, **kwargs)

    ill = (await city.simulator.control("inquire", inquire(await somebody(city))))["provision_no"]
    with monkeypatch.context() as patched:
        patched.setattr(Client, "ask", ask)
        number = await asked(city, await somebody(city))
        assert len(city.line.about(number)) == 1
        health = await city.connector.health()
        assert not health.ok
        assert f"provisions wait: {failure}" in health.detail


@pytest.mark.parametrize("refused_by_line", [True, False])
async def test_a_refusal_that_the_server_does_not_take_is_one_fact(
    city: City, monkeypatch: pytest.MonkeyPatch, *, refused_by_line: bool
) -> None:
    """It is answered once the server can take it, and neither noted nor sent again until then."""
    monkeypatch.setattr(turns, "LONGEST", 0.0)
    real, sent = Client.ask, []

    async def ask(client: Client, path: str, *args: Any, **kwargs: Any) -> Any:
        if path.endswith("provisions/answer"):
            raise Later("system_busy")
        return await real(client, path, *args, **kwargs)

    async def send(*_: Any, same: bytes, **__: Any) -> Any:
        sent.append(same.decode().split("\n")[0])
        raise Refused("request_key_reused")

    resident = await somebody(city)
    with monkeypatch.context() as patched:
        patched.setattr(Client, "ask", ask)
        patched.setattr(city.line, "send", send)
        number = await asked(city, resident, **({} if refused_by_line else {"wrong": "no_permit"}))
        for _ in range(3):
            await city.poll()
        assert await heard(city, number) == ("waiting", None)
    assert sent.count(number) == refused_by_line
    assert city.line.refusals(number) == ([] if refused_by_line else ["permit_not_valid"])
    await city.poll()
    assert await heard(city, number) == ("refused", None)


async def test_what_was_answered_and_is_listed_for_ever_is_not_sent_at_every_look(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, steady = Client.ask, SimpleNamespace(time=lambda: 1000.0)
    monkeypatch.setattr(turns, "asyncio", SimpleNamespace(get_running_loop=lambda: steady))

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if path.endswith("provisions/fetch") and answer.provision_no == number:
            return answer.model_copy(update={"result": None})
        if path.endswith("provisions/list"):
            one = Listed(provision_no=number, received_at="2026-04-01T09:00:00+09:00")
            return answer.model_copy(update={"provisions": [one]})
        return answer

    number = await asked(city, await somebody(city))
    assert await city.release(made(city, number)) == Accepted()
    monkeypatch.setattr(Client, "ask", ask)
    for _ in range(9):
        await city.poll()
        await city.settle(made(city, number), Accepted())
    assert city.line.repeats == 1  # at once; the next are seconds apart, and then minutes


async def test_who_has_no_replica_is_answered_without_data(city: City) -> None:
    resident = Resident.new()
    await city.deliver("addressee.register", resident.addressee())
    number = await asked(city, resident)
    sent = made(city, number)
    assert "doses" not in sent.record
    assert await city.release(sent) == Accepted()
    assert await heard(city, number) == ("no_data", None)
    (record,) = await recorded(city, sent)
    assert (record["items"], "provided_at" in record) == ([], False)


async def test_only_the_days_asked_for_are_given(city: City) -> None:
    resident = await somebody(city)
    later = replica(resident.internal_no, f"Q-{resident.internal_no}", vaccinated_on="2025-06-01")
    await city.deliver("replica.register", later)
    sent = made(city, await asked(city, resident, inquiry_from="2025-01-01"))
    assert [each["vaccinated_on"] for each in sent.record["doses"]] == ["2025-06-01"]


@pytest.mark.parametrize("flags", [{"flagged": True}, {"no_auto_response_flag": True}])
async def test_a_flag_asks_for_people_to_look(city: City, flags: dict[str, bool]) -> None:
    """C152: of the person, or of one record."""
    sent = made(city, await asked(city, await somebody(city, **flags)))
    assert sent.attested == {"permit", "review"}
    assert await city.release(sent) == Accepted()


async def test_what_is_not_to_be_disclosed_is_marked(city: City) -> None:
    """番号法第23条第2項."""
    number = await asked(city, await somebody(city), undisclosed_flag=True)
    sent = made(city, number)
    assert sent.attested == {"permit", "undisclosed"}
    await city.release(sent)
    assert [each["undisclosed_flag"] for each in await recorded(city, sent)] == [True]


async def test_rule_5_a_flag_that_was_set_meanwhile_holds_it_after_all(city: City) -> None:
    """The message was not looked at; it is made anew, and held, by the same word as where the replica changed."""
    resident = await somebody(city)
    number = await asked(city, resident)
    await city.deliver("addressee.register", resident.addressee(seq=2, no_auto_response_flag=True))
    assert await city.release(made(city, number)) == RefusedRecord("overtaken")
    assert await heard(city, number) == ("waiting", None)
    await city.poll()
    again = made(city, number)
    assert again.attested == {"permit", "review"}
    assert await city.release(again) == Accepted()
    assert (await heard(city, number))[0] == "answered"


async def test_a_replica_that_changed_meanwhile_is_not_given_as_it_was(city: City) -> None:
    resident = await somebody(city)
    number = await asked(city, resident)
    changed = replica(resident.internal_no, f"P-{resident.internal_no}", 2, lot_no="MADEUP02")
    assert await city.deliver("replica.register", changed) == Accepted()
    assert await city.release(made(city, number)) == RefusedRecord("overtaken")
    await city.poll()
    assert await city.release(made(city, number)) == Accepted()
    assert await heard(city, number) == ("answered", [DOSE | {"lot_no": "MADEUP02"}])


async def test_a_clock_that_is_behind_refuses_nothing_for_good(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LONGEST", 0.0)
    resident = await somebody(city)
    city.ahead = timedelta(minutes=-5)
    number = await asked(city, resident)
    assert (await heard(city, number), city.line.refusals(number)) == (("waiting", None), [])
    health = await city.connector.health()
    assert (health.ok, "not_yet_valid" in health.detail) == (False, True)
    city.ahead = timedelta()
    await city.poll()
    sent = made(city, number)
    city.ahead = timedelta(minutes=-5)
    assert await city.deliver(sent.operation, sent.record) == DeferredRecord("not_yet_valid")
    city.ahead = timedelta()
    assert await city.release(sent) == Accepted()


async def test_a_request_that_came_before_its_permit_is_refused_and_waits_for_no_clock(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the server's word: so nothing is recorded under that permit, and the refusal is noted once."""
    real, resident = Client.ask, await somebody(city)
    before = len(await own_records(city))

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        answer = await real(client, path, body, form, *args, **kwargs)
        if path.endswith("provisions/fetch"):
            return answer.model_copy(update={"received_at": "2026-04-01T09:00:00+09:00"})
        return answer

    monkeypatch.setattr(Client, "ask", ask)
    number = await asked(city, resident, wrong="no_key")
    assert await heard(city, number) == ("refused", None)
    assert city.line.refusals(number) == ["no_inquirer_key"]
    assert len(await own_records(city)) == before


@pytest.mark.parametrize(
    "ending",
    [
        Dead("header_mismatch"),  # a row or an assessment went, while it was held or queued
        Dead("interface_changed"),
        Dead("unknown_key"),
        Dead("send_anew"),  # an operator tried to replay it
        RefusedRecord("header_mismatch"),
    ],
)
async def test_what_a_reload_overtook_is_made_anew(city: City, ending: Any) -> None:
    number = await asked(city, await somebody(city, flagged=True))
    await city.settle(made(city, number), ending)
    assert await heard(city, number) == ("waiting", None)
    await city.poll()
    first, again = city.line.about(number)
    assert (again.record, again.attested) == (first.record, first.attested)
    assert again.key != first.key
    assert await city.release(again) == Accepted()
    assert await heard(city, number) == ("answered", [DOSE])


async def test_what_left_the_city_before_a_reload_is_not_made_anew(city: City) -> None:
    number = await asked(city, await somebody(city))
    (sent,) = city.line.about(number)
    await city.deliver(sent.operation, sent.record, sent.claims)  # and that was not heard of
    await city.settle(sent, Dead("header_mismatch"))
    await city.poll()
    assert city.line.about(number) == [sent]
    assert (Act.PROVISION_STANDS, number.encode(), {"results": 1}, "header_mismatch") in city.line.notes


async def test_while_only_one_of_edge_and_hub_is_reloaded_a_request_waits(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST", 0.0)
    resident = await somebody(city)
    city.line.refuses = "header_mismatch"
    number = await asked(city, resident)
    for _ in range(7):
        await city.poll()
    assert await heard(city, number) == ("waiting", None)
    assert "provisions wait: header_mismatch" in (await city.connector.health()).detail
    city.line.refuses = None
    await city.poll()
    assert await city.release(made(city, number)) == Accepted()


@pytest.mark.parametrize("ending", [RefusedRecord("not_released"), Dead("expired")])
async def test_what_nobody_released_is_refused_and_recorded_as_not_provided(city: City, ending: Any) -> None:
    """番号法第23条: that it was asked for, and nothing of a provision; also if its permit has ended by then."""
    number = await asked(city, await somebody(city, flagged=True))
    city.ahead = timedelta(minutes=11)
    await city.settle(made(city, number), ending)
    assert await heard(city, number) == ("refused", None)
    (record,) = await recorded(city, made(city, number))
    assert (record["inquirer_code"], record["row"], record["items"]) == (MUNICIPALITY, "25", [])
    assert "provided_at" not in record


async def test_a_request_that_is_refused_at_once_is_recorded_if_its_permit_and_person_are_there(city: City) -> None:
    resident, before = await somebody(city), len(await own_records(city))
    for wrong in ("no_permit", "forged_permit", "unsigned_permit", "expired_permit", "wrong_municipality"):
        await asked(city, resident, wrong=wrong)
    await asked(city, Resident.new())
    assert len(await own_records(city)) == before
    number = await asked(city, resident, wrong="no_key")
    assert await heard(city, number) == ("refused", None)
    known = await own_records(city)
    assert len(known) == before + 1
    first = await asked(city, resident)
    await city.release(made(city, first))
    await asked(city, resident, wrong="replayed_permit")
    (record,) = await recorded(city, made(city, first))
    assert "provided_at" in record


async def test_the_record_comes_with_the_answer_or_not_at_all(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Client.ask

    async def ask(client: Client, path: str, *args: Any, **kwargs: Any) -> Any:
        if path.endswith("provisions/answer"):
            await city.simulator.control("faults", {"faults": {"maintenance": 1}})
        return await real(client, path, *args, **kwargs)

    number = await asked(city, await somebody(city))
    sent = made(city, number)
    with monkeypatch.context() as patched:
        patched.setattr(Client, "ask", ask)
        assert isinstance(await city.deliver(ANSWER, sent.record, sent.claims), DeferredRecord)
    assert await recorded(city, sent) == []
    assert await city.release(sent) == Accepted()
    assert ["provided_at" in each for each in await recorded(city, sent)] == [True]


async def test_what_left_the_city_though_its_ending_says_otherwise_is_a_fact(city: City) -> None:
    """It was answered, that was not heard of, and then its permit ended."""
    number = await asked(city, await somebody(city))
    sent = made(city, number)
    assert await city.deliver(ANSWER, sent.record, sent.claims) == Accepted()
    await city.settle(sent, Dead("expired"))
    stands = [each for each in city.line.notes if each[1] == number.encode()]
    assert stands == [(Act.PROVISION_STANDS, number.encode(), {"results": 1}, "expired")]
    assert ("provision.stands", {"message_id": sent.message_id, "code": "expired"}) in city.said.lines
    assert await heard(city, number) == ("answered", [DOSE])
    assert ["provided_at" in each for each in await recorded(city, sent)] == [True]


async def test_a_permit_that_ended_before_the_release_gives_nothing(city: City) -> None:
    number = await asked(city, await somebody(city))
    sent = made(city, number)
    city.ahead = timedelta(minutes=11)
    assert await city.release(sent) == RefusedRecord("permit_not_valid")
    assert await heard(city, number) == ("refused", None)


async def test_what_was_refused_is_not_given_by_a_replay(city: City) -> None:
    number = await asked(city, await somebody(city))
    sent = made(city, number)
    await city.settle(sent, Dead("gave_up"))
    assert await city.deliver(ANSWER, sent.record, sent.claims) == RefusedRecord("provided_otherwise")
    assert await heard(city, number) == ("refused", None)


async def test_a_message_that_differs_from_the_permit_gives_nothing(city: City) -> None:
    """A sealed message cannot be altered; but if it were."""
    sent = made(city, await asked(city, await somebody(city)))
    other = await somebody(city)
    for changes in (
        {"internal_no": other.internal_no},
        {"inquirer_code": PREFECTURE},
        {"provision_row": "153"},
        {"dataset_code": "TM00000000000201"},
    ):
        assert await city.deliver(ANSWER, sent.record | changes, sent.claims) == RefusedRecord("permit_not_valid")


async def test_killed_between_any_two_steps_it_is_given_once(system: Simulator) -> None:
    line = Line()
    async with opened(system, line) as city:
        number = await asked(city, await somebody(city))
        sent = made(city, number)
    async with opened(system, line) as city:  # killed after the send: it is the same message
        await city.poll()
        await city.poll()
        assert await city.deliver(ANSWER, sent.record, sent.claims) == Accepted()
    async with opened(system, line) as city:  # killed after the answer, before the hub heard of it
        assert await city.release(sent) == Accepted()
        await city.poll()
    assert line.about(number) == [sent]
    assert line.refusals(number) == []
    assert await heard(city, number) == ("answered", [DOSE])
    assert [each["kind"] for each in await recorded(city, sent)] == ["provision"]


@pytest.mark.parametrize("steps", range(3))
async def test_a_connection_that_drops_anywhere_only_delays(
    city: City, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """It drops after so many steps, each time once the thing was done, so that it is done again."""
    number = await asked(city, await somebody(city))
    sent, real, calls = made(city, number), Client.ask, itertools.count()

    async def ask(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == steps:
            await city.simulator.control("faults", {"faults": {"drop": 1}})
        return await real(*args, **kwargs)

    monkeypatch.setattr(Client, "ask", ask)
    assert await city.deliver(ANSWER, sent.record, sent.claims) == DeferredRecord("system_unreachable")
    assert await city.release(sent) == Accepted()
    assert await heard(city, number) == ("answered", [DOSE])


async def test_without_a_matching_list_nothing_is_made_and_nothing_refused(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C187: a list that somebody else signed is none."""
    resident = await somebody(city)
    forged = SigningKey(ec.generate_private_key(ec.SECP256R1())).sign({"use": "list"})
    assert city.connector._site is not None
    with monkeypatch.context() as patched:
        patched.setattr(city.connector._site.matching, "_fetch", AsyncMock(return_value=forged))
        number = await asked(city, resident)
        assert city.line.about(number) == []
        assert await heard(city, number) == ("waiting", None)
        assert not (await city.connector.health()).ok
    await city.poll()
    assert await city.release(made(city, number)) == Accepted()


async def test_a_refusal_is_a_fact_before_it_is_told(city: City) -> None:
    resident = await somebody(city)
    city.line.broken = True
    number = await asked(city, resident, wrong="no_permit")
    assert await heard(city, number) == ("waiting", None)
    city.line.broken = False
    await city.poll()
    assert city.line.refusals(number) == ["permit_not_valid"]
    assert await heard(city, number) == ("refused", None)


async def test_what_the_server_tells_in_another_form_stops_nothing_else_and_is_told_once(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "LONGEST", 0.0)
    real = Client.ask

    async def ask(client: Client, path: str, body: Any, form: Any, *args: Any, **kwargs: Any) -> Any:
        if path.endswith("provisions/fetch") and body["provision_no"] == broken:
            raise answers.Garbage
        return await real(client, path, body, form, *args, **kwargs)

    broken = (await city.simulator.control("inquire", inquire(await somebody(city))))["provision_no"]
    with monkeypatch.context() as patched:
        patched.setattr(Client, "ask", ask)
        other = await asked(city, await somebody(city))
        await city.poll()
        assert len(city.line.about(other)) == 1
        assert city.line.about(broken) == []
        events = [event for event, _ in city.said.lines]
        assert events.count("provision.deferred") == 1
        assert "requests unreadable: 1" in (await city.connector.health()).detail
    await city.poll()
    assert len(city.line.about(broken)) == 1
