"""What goes out once it is recorded: its first attempt is recorded with it; what is not recorded goes nowhere."""

import asyncio

import pytest

from gateway.errors import Deferred, Refused
from gateway.hub.places import Places
from gateway.hub.queue import Queue
from gateway.messages import decode_header
from gateway.plugin import Accepted
from tests.flow.line import running
from tests.flow.toys import person
from tests.unit.test_seal_open import envelope_of, sealed_by_office


async def test_a_message_alone_is_recorded_with_its_first_attempt_in_one_write(line, monkeypatch):
    async def never(*_, **__):
        raise AssertionError

    monkeypatch.setattr(line.journal, "attempted", never)
    receipt = await line.outbox.send("person.put", [person(1), person(2)], key=b"1")
    assert await line.settlement(receipt.message_id) == {0: Accepted(), 1: Accepted()}
    recorded, attempted, concluded = line.journal.trace(receipt.message_id)
    assert (attempted["kind"], attempted["attempt"], attempted["records"]) == ("delivery.attempted", 1, "0-1")
    assert attempted["at"] == recorded["at"] <= concluded["at"]


async def test_what_comes_while_another_is_recorded_keeps_behind_it(line, monkeypatch):
    record, recorded, go_on = line.journal.record, asyncio.Event(), asyncio.Event()

    async def slow(*permitted, **rest):
        try:
            return await record(*permitted, **rest)
        finally:
            if not recorded.is_set():
                recorded.set()
                await go_on.wait()

    monkeypatch.setattr(line.journal, "record", slow)
    first = asyncio.create_task(line.outbox.send("person.put", [person(1, seq=0)], key=b"0"))
    await recorded.wait()
    later = [await line.outbox.send("person.put", [person(1, seq=n)], key=b"%d" % n) for n in range(1, 4)]
    assert line.register_system.deliveries == []
    go_on.set()
    for each in (await first, *later):
        await line.settlement(each.message_id)
    assert [record["update_seq"] for _, record in line.register_system.records()] == [0, 1, 2, 3]


async def test_what_was_not_recorded_holds_no_lane_and_no_place(site, tmp_path, monkeypatch):
    async def full(*_, **__):
        raise Deferred("queue_full")

    async with running(site, tmp_path, in_flight=1) as line:
        with monkeypatch.context() as filled:
            filled.setattr(line.journal, "record", full)
            with pytest.raises(Deferred, match="queue_full"):
                await line.outbox.send("person.put", [person(1)], key=b"1")
        assert line.hub.dispatcher.waiting == 0
        receipt = await line.outbox.send("person.put", [person(1)], key=b"1")
        assert await line.settlement(receipt.message_id) == {0: Accepted()}


async def test_a_repeat_and_a_reused_key_hold_no_lane_and_no_place(site, tmp_path):
    async with running(site, tmp_path, in_flight=1) as line:
        first = await line.outbox.send("person.put", [person(1)], key=b"1")
        await line.settlement(first.message_id)
        again = await line.outbox.send("person.put", [person(1)], key=b"1")
        assert again.message_id == first.message_id
        with pytest.raises(Refused, match="request_key_reused"):
            await line.outbox.send("person.put", [person(1, seq=2)], key=b"1")
        receipt = await line.outbox.send("person.put", [person(1, seq=2)], key=b"2")
        assert await line.settlement(receipt.message_id) == {0: Accepted()}
        assert line.facts(first.message_id).count("delivery.attempted") == 1


async def test_what_no_longer_is_permitted_when_it_would_go_is_dead_and_was_not_handed_over(line, monkeypatch):
    def refuse(*_):
        raise Refused("no_route")

    monkeypatch.setattr("gateway.hub.dispatcher.permit_again", refuse)
    receipt = await line.outbox.send("person.put", [person(1)], key=b"1")
    await line.settlement(receipt.message_id)
    assert line.register_system.deliveries == []
    assert [(each["kind"], each.get("attempt")) for each in line.journal.trace(receipt.message_id)] == [
        ("message.recorded", None),
        ("delivery.attempted", 1),
        ("message.dead", 1),
    ]


async def test_what_waits_for_the_place_of_something_that_is_not_recorded_goes_then(site, tmp_path, monkeypatch):
    async with running(site, tmp_path, in_flight=1) as line:
        record, recording, go_on = line.journal.record, asyncio.Event(), asyncio.Event()

        async def refused(*permitted, **rest):
            monkeypatch.setattr(line.journal, "record", record)
            recording.set()
            await go_on.wait()
            raise Deferred("queue_full")

        monkeypatch.setattr(line.journal, "record", refused)
        first = asyncio.create_task(line.outbox.send("person.put", [person(1)], key=b"1"))
        await recording.wait()
        second = await line.outbox.send("person.put", [person(2)], key=b"2")
        await asyncio.sleep(0.02)
        assert line.register_system.deliveries == []
        go_on.set()
        with pytest.raises(Deferred, match="queue_full"):
            await first
        assert await line.settlement(second.message_id) == {0: Accepted()}


def test_what_is_being_recorded_without_a_place_is_not_overtaken(site):
    """Room may come free meanwhile; its lanes are nobody's until it is recorded."""
    first, second = (decode_header(envelope_of(sealed_by_office(site, person(1, seq=n))).header) for n in range(2))
    room = iter((0, 16, 16))
    places = Places(Queue(), lambda _: next(room), lambda: None)
    with places.place(first) as behind:
        assert not behind.goes
        with places.place(second) as later:
            assert not later.goes
    with places.place(second) as alone:
        assert alone.goes


@pytest.mark.parametrize("alone", [True, False])
async def test_an_attempt_whose_end_could_not_be_recorded_counts(line, monkeypatch, alone):
    conclude, failed = line.journal.conclude, list[bool]()

    async def once(*args, **rest):
        if not failed:
            failed.append(True)
            raise Deferred("log_unavailable")
        return await conclude(*args, **rest)

    if not alone:
        line.hub.dispatcher.places._room = lambda _: 0
    monkeypatch.setattr(line.journal, "conclude", once)
    monkeypatch.setattr("gateway.hub.dispatcher._LOG_PAUSE", 0.01)
    receipt = await line.outbox.send("person.put", [person(1)], key=b"1")
    await line.settlement(receipt.message_id)
    assert [(each["kind"], each.get("attempt")) for each in line.journal.trace(receipt.message_id)] == [
        ("message.recorded", None),
        ("delivery.attempted", 1),
        ("delivery.attempted", 2),
        ("delivery.concluded", 2),
    ]
