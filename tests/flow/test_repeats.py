"""Sending again: the same key and body is the same message, whatever happened in between."""

import asyncio
import json
import threading
from dataclasses import replace

import pytest

from gateway.errors import Refused
from gateway.plugin import Accepted, RefusedRecord
from tests.flow.line import HANGS, running
from tests.flow.toys import person


async def test_the_same_again_is_the_same_message_and_is_settled_again(line):
    first = await line.outbox.send("person.put", [person(1), person(2, name="")], key=b"k")
    heard = await line.settlement(first.message_id)
    again = await line.outbox.send("person.put", [person(1), person(2, name="")], key=b"k")
    assert (again.message_id, first.repeated, again.repeated) == (first.message_id, False, True)
    assert await line.settlement(first.message_id, times=2) == heard
    assert heard == {0: Accepted(), 1: RefusedRecord("too_short", "name")}
    assert len(line.register_system.deliveries) == 1


async def test_a_message_of_refused_records_alone_is_repeated_too(line):
    first = await line.outbox.send("person.put", [person(name="")], key=b"k")
    again = await line.outbox.send("person.put", [person(name="")], key=b"k")
    assert (again.message_id, again.repeated) == (first.message_id, True)


async def test_the_same_key_with_another_body_is_refused_and_recorded(line):
    await line.outbox.send("person.put", [person(1)], key=b"k")
    with pytest.raises(Refused, match="request_key_reused"):
        await line.outbox.send("person.put", [person(2)], key=b"k")
    fact = line.every_fact()[-1]
    if fact["kind"] != "message.refused":
        (fact,) = [each for each in line.every_fact() if each["kind"] == "message.refused"]
    assert (fact["stage"], fact["code"]) == ("hub", "request_key_reused")


async def test_what_is_made_of_what_changes_is_the_same_by_what_its_connector_says(line):
    first = await line.outbox.send("person.put", [person(1)], key=b"k", same=b"request-1")
    again = await line.outbox.send("person.put", [person(1, name="架空次郎")], key=b"k", same=b"request-1")
    assert (again.message_id, again.repeated) == (first.message_id, True)
    with pytest.raises(Refused, match="request_key_reused"):
        await line.outbox.send("person.put", [person(1)], key=b"k", same=b"request-2")
    with pytest.raises(Refused, match="request_key_reused"):
        await line.outbox.send("person.put", [person(1)], key=b"k")
    await line.settlement(first.message_id)
    assert len(line.register_system.deliveries) == 1


async def test_a_key_is_an_operations_own(line):
    first = await line.outbox.send("person.put", [person(1)], key=b"k")
    line.register_system.answer = lambda delivery: {0: RefusedRecord("no_such_person")}
    await line.outbox.ask("person.find", [{"internal_no": "1"}], key=b"k")
    assert not first.repeated


async def test_a_key_is_an_entrances_own(site, line):
    """A peer's Idempotency-Key, by whatever chance the key of a file's chunk, is another message."""
    records = (person(1),)
    body = json.dumps(records, sort_keys=True, separators=(",", ":")).encode()
    first = await line.outbox.send("person.put", records, key=b"k")
    pinned = next(iter(site.office_rules.pinned))
    posted = line.office.arrival(
        "person.put", body, entrance="http", fingerprint=pinned, listener="municipal", request_key=b"k"
    )
    taken = await line.office.take(posted)
    assert (taken.recorded.repeated, taken.recorded.message_id != first.message_id) == (False, True)


async def test_the_same_again_after_a_restart_and_at_once(site, tmp_path):
    async with running(site, tmp_path) as line:
        first = await line.outbox.send("person.put", [person()], key=b"k")
        await line.settlement(first.message_id)
    async with running(site, tmp_path) as line:
        sent = [line.outbox.send("person.put", [person()], key=b"k") for _ in range(5)]
        assert {each.message_id for each in await asyncio.gather(*sent)} == {first.message_id}
        assert line.register_system.deliveries == []


async def test_many_at_once_with_one_key_are_one_message(line):
    sent = [line.outbox.send("person.put", [person()], key=b"k") for _ in range(20)]
    receipts = await asyncio.gather(*sent)
    assert len({each.message_id for each in receipts}) == 1
    assert sorted(each.repeated for each in receipts) == [False] + [True] * 19
    await line.settlement(receipts[0].message_id)
    assert len(line.register_system.deliveries) == 1


async def test_a_send_that_was_cancelled_after_it_was_recorded_is_delivered_all_the_same(line):
    """A connector may lose patience (`asyncio.timeout`) while the journal commits; recorded is recorded."""
    writer, begun, busy = line.journal._writer, threading.Event(), threading.Event()

    def busily(_):
        begun.set()
        busy.wait(HANGS)

    holding = asyncio.create_task(writer.commit(busily, large=True))  # in its thread
    await line.until(begun.is_set)
    task = asyncio.create_task(line.outbox.send("person.put", [person()], key=b"k"))
    await line.until(lambda: writer._waiting)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    busy.set()
    await holding
    again = await line.outbox.send("person.put", [person()], key=b"k")
    assert await line.settlement(again.message_id) == {0: Accepted()}
    assert len(line.register_system.deliveries) == 1


@pytest.mark.parametrize("where", ["edge", "hub"])
async def test_a_repeat_has_its_first_answer_whatever_todays_rules_say(line, where):
    """Whichever end it is that would refuse it by now."""
    first = await line.outbox.send("person.put", [person(1)], key=b"k")
    await line.settlement(first.message_id)
    if where == "hub":
        line.hub.adopt(replace(line.hub.rules, legal_basis={}), line.hub.rules.limits)
    else:
        line.office.rules = replace(line.office.rules, legal_basis={})
    with pytest.raises(Refused, match="basis_not_in_force"):
        await line.outbox.send("person.put", [person(1)], key=b"other")
    again = await line.outbox.send("person.put", [person(1)], key=b"k")
    assert (again.message_id, again.repeated) == (first.message_id, True)
    await line.settlement(first.message_id, times=2)
    with pytest.raises(Refused, match="basis_not_in_force"):
        await line.outbox.send("person.put", [person(2)], key=b"k")
