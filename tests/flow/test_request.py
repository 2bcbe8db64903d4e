"""A request's way and its reply's way back: exactly `reply_fields`, one answer for each record, never lost."""

import asyncio
import json
import sys
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from gateway.errors import Deferred, Refused
from gateway.messages import Recorded
from gateway.plugin import Accepted, Answer, DeferredRecord, Duplicate, RefusedRecord
from tests.flow.line import TOMORROW, endings, just_now, running
from tests.flow.toys import NUMBER, OFFICE, REGISTER, TENANT, person, sought
from tests.unit.test_permit import reply
from tests.unit.test_seal_open import sealed_by_office

SECRET = "架空の秘密の値"


def found(number=1, **other):
    return {"internal_no": f"{number:010}", "update_seq": 7} | other


def answering(*replies):
    """Answer each record by its index: values with Accepted, an outcome as it is."""

    def answer(delivery):
        plain = {i: replies[i] for i, _ in delivery.records}
        return {i: Accepted(each) if isinstance(each, dict) else each for i, each in plain.items()}

    return answer


async def test_the_answer_is_what_the_route_lets_back_and_nothing_else(line):
    line.register_system.answer = answering(found(1, name="架空　太郎", sex="1"))
    assert await line.outbox.ask("person.find", [sought(1)]) == (Answer(0, record=found(1)),)
    assert line.register_system.records() == [(0, sought(1))]
    (recorded,) = [each for each in line.every_fact() if each.get("header", {}).get("kind") == "reply"]
    assert recorded["header"]["withheld"] == ["name", "sex"]
    assert recorded["header"]["item_sets"] == [["internal_no", "update_seq"]]
    assert "太郎" not in json.dumps(line.every_fact(), ensure_ascii=False)


@pytest.mark.parametrize("link", ["in_process", "https"])
async def test_answers_that_go_into_no_one_message_end_with_that_at_once(site, tmp_path, link):
    """The same question would have the same answers: it is not asked again, and somebody is told."""
    async with running(site, tmp_path, link=link, body_bytes=400) as line:
        line.register_system.answer = answering(*(found(n, update_seq=2**31 - 1) for n in range(9)))
        answers = await line.outbox.ask("person.find", [sought(n) for n in range(9)])
        assert answers == tuple(Answer(n, code="body_too_large") for n in range(9))
        (delivery,) = line.register_system.deliveries
        (told,) = line.told("bug")
        assert told.pop("problem") == "the answers could not be sent: body_too_large"
        known = {"tenant": TENANT, "connector": REGISTER, "operation": "person.find", "message_id": delivery.message_id}
        assert told == known | {"error": "contract", "places": []}
        assert await line.outbox.ask("person.find", [sought(0)]) == (Answer(0, record=found(0, update_seq=2**31 - 1)),)


async def test_what_the_hub_says_is_a_repeat_and_is_none_has_no_answer(line, monkeypatch):
    """With no key it can be no repeat; with one, the answer says which question it is to."""
    line.register_system.answer = answering(found(1))
    await line.outbox.ask("person.find", [sought(1)], key=b"one")
    first = next(each["message_id"] for each in line.every_fact())

    async def lying(hub, peer, sealed):
        monkeypatch.undo()
        return Recorded(first, repeated=True, seq=1)

    for key in (b"two", None):
        monkeypatch.setattr(type(line.hub), "submit", lying)
        with pytest.raises(Refused, match="dispute"):
            await line.outbox.ask("person.find", [sought(2)], key=key)


async def test_each_record_is_answered_by_a_record_or_a_code(line):
    line.register_system.answer = answering(
        found(0), RefusedRecord("no_such_person"), found(2), Accepted(), Duplicate(), found(5, update_seq=-1)
    )
    answers = await line.outbox.ask("person.find", [sought(n) for n in range(6)])
    assert answers == (
        Answer(0, record=found(0)),
        Answer(1, code="no_such_person"),
        Answer(2, record=found(2)),
        Answer(3, code="refused_by_system"),
        Answer(4, code="refused_by_system"),
        Answer(5, code="out_of_range"),
    )


@pytest.mark.parametrize(
    ("surplus", "code"),
    [
        ({SECRET: 1}, "unknown_field"),
        ({"individual_number": NUMBER}, "unknown_field"),
        ({"name": f"太郎 {NUMBER}"}, "individual_number_in_text"),
        ({"update_seq": "7"}, "wrong_type"),
        ({"sex": None}, "null_value"),
        ({"update_seq": b"7"}, "wrong_type"),
    ],
)
async def test_an_answer_that_breaks_the_registers_own_interface_is_refused_there(line, surplus, code):
    line.register_system.answer = answering(found() | surplus)
    assert await line.outbox.ask("person.find", [sought()]) == (Answer(0, code=code),)
    told = json.dumps(line.every_fact(), ensure_ascii=False) + line.printed.getvalue()
    assert SECRET not in told
    assert NUMBER not in told


async def test_a_reply_does_not_wait_behind_what_awaits_it(site, tmp_path):
    """A connector may ask back within `deliver`, when all that may be under way to it is; its breaker may be open."""
    async with running(site, tmp_path, in_flight=1) as line:
        line.register_system.answer = answering(found(1))
        line.hub.dispatcher.places.enter((OFFICE, False))
        line.hub.dispatcher._breakers[OFFICE].probe_at = float("inf")
        assert await line.outbox.ask("person.find", [sought(1)]) == (Answer(0, record=found(1)),)
        await line.until(lambda: not line.hub.dispatcher.waiting)
        assert line.hub.dispatcher.unreached == {OFFICE}, "what somebody awaits tells nothing of the system"


def commits(folder):
    """How many transactions the journal has committed, by SQLite's own index of the WAL (`iChange`)."""
    return int.from_bytes((folder / f"{TENANT}.db-shm").read_bytes()[8:12], sys.byteorder)


async def test_a_question_and_its_answer_go_out_as_they_are_recorded(site, tmp_path):
    """Three commits and no more: each attempt is a fact before it is made, and waits for no commit of its own."""
    async with running(site, tmp_path) as line:
        line.register_system.answer = answering(found(1))
        before = commits(tmp_path)
        assert await line.outbox.ask("person.find", [sought(1)]) == (Answer(0, record=found(1)),)
        await line.until(lambda: not line.hub.dispatcher.waiting)
        assert commits(tmp_path) - before == 3
        kinds = [each["kind"] for each in line.every_fact()]
        assert kinds == [*["message.recorded", "delivery.attempted"] * 2, *["delivery.concluded"] * 2]


async def test_no_more_questions_go_out_at_once_than_may_be_in_flight(site, tmp_path):
    most, now = 0, 0

    async def slow(told):
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return {0: Accepted(found(1))}

    async with running(site, tmp_path, in_flight=2) as line:
        line.register_system.answer = slow
        asked = await asyncio.gather(*(line.outbox.ask("person.find", [sought(1)]) for _ in range(8)))
        assert asked == [(Answer(0, record=found(1)),)] * 8
        assert most <= 2
        await line.until(lambda: not line.hub.dispatcher.waiting)
        assert not any(
            line.hub.dispatcher.places.busy((name, each)) for name in (OFFICE, REGISTER) for each in (False, True)
        )


async def test_no_question_goes_past_an_open_breaker(site, tmp_path):
    async with running(site, tmp_path) as line:
        line.hub.dispatcher._breakers[REGISTER].probe_at = float("inf")
        recorded = await line.hub.submit(OFFICE, asked_now(line))
        await asyncio.sleep(0.02)
        assert line.register_system.deliveries == []
        assert [each["kind"] for each in line.journal.trace(recorded.message_id)] == ["message.recorded"]


async def test_what_is_not_recorded_leaves_its_place(site, tmp_path):
    """The same envelope again, at the same moment and later, is refused; the same question again has its answer."""
    async with running(site, tmp_path, in_flight=4) as line:
        line.register_system.answer = answering(found(1))
        sealed = asked_now(line)
        ends = await asyncio.gather(*(line.hub.submit(OFFICE, sealed) for _ in range(3)), return_exceptions=True)
        assert [each.code for each in ends if isinstance(each, Refused)] == ["message_id_reused"] * 2
        for _ in range(2):
            assert await line.outbox.ask("person.find", [sought(1)], key=b"1") == (Answer(0, record=found(1)),)
        await line.until(lambda: not line.hub.dispatcher.waiting)
        assert line.hub.dispatcher.places.busy((REGISTER, False)) == 0


def asked_now(line):
    return sealed_by_office(line.site, sought(1), operation="person.find", received_at=line.clock())


@pytest.mark.parametrize("garbage", ["found", 7, [found()], object()])
async def test_an_answer_that_is_no_object_is_refused(line, garbage):
    line.register_system.answer = lambda delivery: {0: Accepted(garbage)}
    assert await line.outbox.ask("person.find", [sought()]) == (Answer(0, code="not_an_object"),)


async def test_an_answer_may_be_any_mapping_as_the_door_says(line):
    line.register_system.answer = lambda delivery: {0: Accepted(MappingProxyType(found()))}
    assert await line.outbox.ask("person.find", [sought()]) == (Answer(0, record=found()),)


async def test_an_answer_nested_without_end_is_refused_and_not_tried_for_ever(line):
    deep: Any = "x"
    for _ in range(3000):
        deep = {"name": deep}
    line.register_system.answer = answering(found() | deep)
    (answer,) = await line.outbox.ask("person.find", [sought()])
    assert answer.code in ("too_deep", "wrong_type")


async def test_a_request_of_which_all_is_refused_is_answered_at_once(line):
    assert await line.outbox.ask("person.find", [{"internal_no": "x"}]) == (Answer(0, code="wrong_pattern"),)
    assert line.register_system.deliveries == []


async def test_a_request_is_answered_whole_once_nothing_is_deferred(line):
    first = [{0: Accepted(found(0)), 1: DeferredRecord("system_busy")}]
    line.register_system.answer = lambda delivery: first.pop() if first else answering(found(0), found(1))(delivery)
    answers = await line.outbox.ask("person.find", [sought(0), sought(1)])
    assert answers == (Answer(0, record=found(0)), Answer(1, record=found(1)))
    assert sum(each.get("header", {}).get("kind") == "reply" for each in line.every_fact()) == 1


async def test_the_same_question_again_gets_the_same_answer_without_a_second_effect(line):
    line.register_system.answer = answering(found())
    first = await line.outbox.ask("person.find", [sought()], key=b"k")
    assert await line.outbox.ask("person.find", [sought()], key=b"k") == first
    assert len(line.register_system.deliveries) == 1
    with pytest.raises(Refused, match="request_key_reused"):
        await line.outbox.ask("person.find", [sought(2)], key=b"k")


async def test_a_reply_that_nobody_awaits_any_more_goes_to_the_connector(line):
    may_answer = asyncio.Event()

    async def late(delivery):
        await may_answer.wait()
        return {0: Accepted(found())}

    line.register_system.answer = late
    with pytest.raises(Deferred, match="deadline"):
        await line.outbox.ask("person.find", [sought()], key=b"k", patience=0.05)
    may_answer.set()
    await line.until(lambda: line.office_system.deliveries)
    (delivery,) = line.office_system.deliveries
    request_id = line.register_system.deliveries[0].message_id
    assert (delivery.reply_to, delivery.operation) == (request_id, "person.find")
    assert line.office_system.records() == [(0, found())]
    assert await line.settlement(request_id) == {0: Accepted()}
    assert await line.outbox.ask("person.find", [sought()], key=b"k") == (Answer(0, record=found()),)


async def test_a_reply_is_not_lost_while_the_connector_is_slow_to_hear_of_something_else(line):
    """Settlements of a source go one by one: behind a slow one, the answer must still reach asker or `deliver`."""
    line.office_system.listening.clear()
    await line.outbox.send("person.put", [person()], key=b"k")
    await line.until(lambda: line.register_system.deliveries)
    line.register_system.answer = answering(found())
    try:
        answers = await line.outbox.ask("person.find", [sought()], patience=0.3)
    except Deferred:
        line.office_system.listening.set()
        await line.until(line.office_system.records)
        assert line.office_system.records() == [(0, found())]
    else:
        assert answers == (Answer(0, record=found()),)


async def test_a_connector_may_ask_while_it_hears_how_a_message_ended(line):
    line.register_system.answer = lambda delivery: {
        0: Accepted(found() if delivery.operation == "person.find" else None)
    }
    asked: list[Any] = []

    async def settled(message_id, outcomes):
        asked.append(await line.outbox.ask("person.find", [sought()]))

    line.office_system.hear = settled
    await line.outbox.send("person.put", [person()], key=b"k")
    await line.until(lambda: asked)
    assert asked == [(Answer(0, record=found()),)]


async def test_a_reply_to_no_open_request_is_refused_and_that_is_a_fact(line, site):
    forged = reply(site, expires_at=TOMORROW, created_at=just_now())
    with pytest.raises(Refused, match="no_open_request"):
        await line.hub.submit(REGISTER, forged)
    fact = line.every_fact()[-1]
    assert (fact["kind"], fact["stage"], fact["code"], fact["connector"]) == (
        "message.refused",
        "hub",
        "no_open_request",
        REGISTER,
    )


async def test_an_answer_comes_with_its_requests_outcomes_and_no_other_way(line, site):
    """Neither beside an open request nor after one that has ended: it would come past what is asked of an answer."""
    line.register_system.answer = lambda delivery: {0: RefusedRecord("no_such_person")}
    await line.outbox.ask("person.find", [sought()])
    message_id = line.register_system.deliveries[0].message_id
    forged = reply(
        site, correlation_id=message_id, expires_at=TOMORROW, created_at=just_now(), message_id=message_id[:-1] + "0"
    )
    with pytest.raises(Refused, match="no_open_request"):
        await line.hub.submit(REGISTER, forged)
    assert line.office_system.records() == []


async def test_an_answer_beyond_the_hubs_limits_is_asked_for_again_and_its_edge_is_said_to_be_behind(line):
    """Until they are raised the request waits; who asked is told nothing that would be wrong later."""
    line.register_system.answer = lambda delivery: {i: Accepted(reply=found()) for i, _ in delivery.records}
    whole, troubles = line.hub.rules, line.hub.dispatcher.troubles
    small = replace(whole, limits=whole.limits.model_copy(update={"records_per_message": 1}))
    recorded = line.hub.dispatcher.recorded

    def shrinks(*permitted):  # after the request was taken
        line.hub.dispatcher.rules = small
        recorded(*permitted)

    line.hub.dispatcher.recorded = shrinks
    asking = asyncio.create_task(line.outbox.ask("person.find", [sought(), sought()]))
    await line.until(lambda: troubles.behind)
    assert troubles.behind == {REGISTER: "limits_differ"}
    line.hub.dispatcher.recorded = recorded
    line.hub.dispatcher.rules = whole
    assert [each.code for each in await asking] == [None, None]
    assert troubles.behind == {}


async def test_an_answer_that_no_route_carries_any_more_is_refused_to_the_asker(line):
    line.register_system.answer = answering(found(1))
    await line.outbox.ask("person.find", [sought(1)])
    message_id, tenant = line.register_system.deliveries[0].message_id, line.hub.rules.tenant
    routes = tuple(each for each in tenant.file.routes if each.operation != "person.find")
    tenant = replace(tenant, file=tenant.file.model_copy(update={"routes": routes}))
    line.hub.adopt(replace(line.hub.rules, tenant=tenant), line.hub.dispatcher.limits)
    with pytest.raises(Refused, match="no_route"):
        await line.office.status(message_id)
    (refusal,) = (each for each in line.every_fact() if each["kind"] == "message.refused")
    assert (refusal["stage"], refusal["code"], refusal["connector"]) == ("hub", "no_route", OFFICE)


async def test_a_request_that_is_given_up_is_answered_so(line):
    line.hub.dispatcher.limits = line.hub.dispatcher.limits.model_copy(update={"attempts": 2})
    line.register_system.answer = lambda delivery: {}
    assert await line.outbox.ask("person.find", [sought()]) == (Answer(0, code="gave_up"),)
    message_id = line.register_system.deliveries[0].message_id
    assert endings(line.status(message_id)) == {0: ("dead", "gave_up")}
