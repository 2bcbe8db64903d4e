"""What cannot be delivered now: later, in order, never lost; given up or expired in the open; replayed by name."""

import asyncio
import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.errors import Deferred, Refused
from gateway.hub import flow, fresh, settling, troubles
from gateway.hub.journal import reading
from gateway.hub.queue import Due
from gateway.messages import MessageKind
from gateway.plugin import Accepted, Dead, DeferredRecord, RefusedRecord
from gateway.wiring.hub_side import HubSide
from tests.flow.line import Clock, _hear, endings, running
from tests.flow.toys import OFFICE, REGISTER, TENANT, person

BUSY = DeferredRecord("system_busy")


def deferring(*numbers):
    """Defer these persons, accept the others."""
    names = {f"{number:010}" for number in numbers}
    return lambda delivery: {i: BUSY if r.internal_no in names else Accepted() for i, r in delivery.records}


def arrived(line, number):
    return [r["update_seq"] for _, r in line.register_system.records() if r["internal_no"] == f"{number:010}"]


async def test_only_what_was_deferred_comes_again_with_its_own_index(line):
    line.register_system.answer = deferring(2)
    receipt = await line.outbox.send("person.put", [person(1), person(2), person(3)], key=b"k")
    await line.until(lambda: len(line.register_system.deliveries) >= 3)
    assert endings(line.status(receipt.message_id)) == {0: ("accepted", None), 2: ("accepted", None)}
    line.register_system.answer = deferring()
    assert await line.settlement(receipt.message_id) == {0: Accepted(), 1: Accepted(), 2: Accepted()}
    assert {i for each in line.register_system.deliveries[1:] for i, _ in each.records} == {1}
    assert {each.message_id for each in line.register_system.deliveries} == {receipt.message_id}
    kinds = line.facts(receipt.message_id)
    assert kinds == ["message.recorded"] + ["delivery.attempted", "delivery.concluded"] * (len(kinds) // 2)


async def test_a_deferred_person_keeps_their_later_messages_back_and_nobody_elses(line):
    line.register_system.answer = deferring(1)
    await line.outbox.send("person.put", [person(1, seq=1)], key=b"1")
    await line.until(lambda: line.register_system.deliveries)
    last = await line.outbox.send("person.put", [person(1, seq=2), person(2, seq=2), person(1, seq=3)], key=b"2")
    await line.until(lambda: arrived(line, 2))
    assert set(arrived(line, 1)) == {1}
    line.register_system.answer = deferring()
    await line.settlement(last.message_id)
    assert arrived(line, 1)[-3:] == [1, 2, 3]
    assert arrived(line, 2) == [2]


async def test_two_deferred_messages_keep_back_only_their_own_persons(line):
    """The one that is tried again late must not hold what the other one has let go."""
    line.register_system.answer = lambda delivery: {
        i: DeferredRecord("system_busy", 3600.0 if r.internal_no.endswith("1") else 0.01) for i, r in delivery.records
    }
    line.hub.dispatcher.limits = line.hub.dispatcher.limits.model_copy(update={"retry_longest": 3600.0})
    await line.outbox.send("person.put", [person(1, seq=1)], key=b"1")
    await line.outbox.send("person.put", [person(2, seq=1)], key=b"2")
    await line.until(lambda: arrived(line, 1) and arrived(line, 2))
    await line.outbox.send("person.put", [person(1, seq=2), person(2, seq=2)], key=b"3")
    line.register_system.answer = deferring(1)
    await line.until(lambda: arrived(line, 2)[-1] == 2)
    assert arrived(line, 1) == [1]


async def test_after_the_last_attempt_a_record_is_a_dead_letter_and_its_lane_free(site, tmp_path):
    async with running(site, tmp_path, attempts=3) as line:
        line.register_system.answer = deferring(1)
        receipt = await line.outbox.send("person.put", [person(1), person(2)], key=b"1")
        behind = await line.outbox.send("person.put", [person(1, seq=2)], key=b"2")
        assert await line.settlement(receipt.message_id) == {0: Dead("gave_up"), 1: Accepted()}
        assert line.facts(receipt.message_id).count("delivery.attempted") == 3
        assert line.facts(receipt.message_id)[-1] == "message.dead"
        assert [each["message_id"] for each in line.journal.dead_letters()][:1] == [receipt.message_id]
        assert dead_letter(receipt.message_id, "gave_up") in line.told("message.dead")
        line.register_system.answer = deferring()
        assert await line.settlement(behind.message_id) in ({0: Accepted()}, {0: Dead("gave_up")})


def dead_letter(message_id, code, count=1):
    """What telemetry says of a message with so many records that have just died."""
    return {"tenant": TENANT, "destination": REGISTER, "message_id": message_id, "code": code, "count": count}


async def test_each_message_that_dies_is_one_line_of_telemetry_and_its_records_are_counted(site, tmp_path):
    async with running(site, tmp_path, message_seconds=60.0) as line:
        line.to_edges.edges.clear()
        people = [[person(1), person(2)], [person(3)]]
        sent = [await line.outbox.send("person.put", each, key=b"%d" % len(each)) for each in people]
        line.advance(seconds=61)
        await line.until(lambda: len(line.told("message.dead")) == len(sent))
        for each, records in zip(sent, people, strict=True):
            assert dead_letter(each.message_id, "expired", len(records)) in line.told("message.dead")
        dead = {"destination": REGISTER, "outcome": "dead", "code": "expired"}
        assert line.telemetry.registry.get_sample_value("renkei_records_total", dead) == 3.0


async def test_a_full_queue_is_told_when_it_begins_and_when_it_is_over(line, monkeypatch):
    async def full(*_, **__):
        raise Deferred("queue_full")

    monkeypatch.setattr(troubles, "QUIET_SECONDS", 0.0)
    with monkeypatch.context() as filled:
        filled.setattr(line.journal, "record", full)
        for _ in range(3):
            with pytest.raises(Deferred, match="queue_full"):
                await line.outbox.send("person.put", [person(1)], key=b"1")
    assert line.told("queue.full") == [{"tenant": TENANT, "code": "queue_full"}]
    assert line.told("queue.room") == []
    await line.outbox.send("person.put", [person(1)], key=b"1")
    assert line.told("queue.room") == [{"tenant": TENANT}]


async def test_that_there_is_room_again_is_told_also_if_nothing_comes_any_more(site, tmp_path, monkeypatch):
    monkeypatch.setattr(troubles, "QUIET_SECONDS", 0.0)
    async with running(site, tmp_path) as line:
        at_once = site.config.gateway.journal.model_copy(update={"checkpoint_seconds": 0.01})
        limits = site.config.gateway.limits.model_copy(update={"open_records": 2})
        file = site.config.gateway.model_copy(update={"journal": at_once, "limits": limits})
        side = HubSide(replace(site.config, gateway=file), line.journal, line.to_edges, line.telemetry, line.clock)
        side.hubs[TENANT] = line.hub
        task = asyncio.create_task(side._sign_checkpoints())
        line.register_system.answer = deferring(1, 2)
        await line.outbox.send("person.put", [person(1), person(2)], key=b"1")
        line.hub.dispatcher.troubles.not_taken(OFFICE, "queue_full", 0.0)
        await asyncio.sleep(0.1)
        assert line.told("queue.room") == []  # nobody comes, and it is as full as it was
        line.register_system.answer = deferring()
        await line.until(lambda: line.told("queue.room"))
        assert line.told("queue.room") == [{"tenant": TENANT}]
        task.cancel()


async def test_what_expires_is_dead_and_is_not_handed_over_any_more(site, tmp_path):
    async with running(site, tmp_path, message_seconds=60.0) as line:
        line.register_system.answer = deferring(1)
        receipt = await line.outbox.send("person.put", [person(1), person(2)], key=b"1")
        await line.until(lambda: line.register_system.deliveries)
        line.advance(seconds=61)
        assert await line.settlement(receipt.message_id) == {0: Dead("expired"), 1: Accepted()}
        count = len(line.register_system.deliveries)
        with pytest.raises(Refused, match="send_anew"):
            await line.hub.replay(receipt.message_id, "operator")
        assert len(line.register_system.deliveries) == count


async def test_a_replay_is_an_act_with_a_name_and_brings_only_the_dead(site, tmp_path):
    async with running(site, tmp_path, attempts=1) as line:
        line.register_system.answer = deferring(1)
        receipt = await line.outbox.send("person.put", [person(1), person(2), person(3, name="")], key=b"1")
        await line.settlement(receipt.message_id)
        line.register_system.answer = deferring()
        assert await line.hub.replay(receipt.message_id, "yamada") == (0,)
        assert await line.settlement(receipt.message_id, times=2) == {
            0: Accepted(),
            1: Accepted(),
            2: RefusedRecord("too_short", "name"),
        }
        assert [i for i, _ in line.register_system.records()] == [0, 1, 0]
        (replayed,) = [each for each in line.every_fact() if each["kind"] == "message.replayed"]
        assert (replayed["operator"], replayed["records"]) == ("yamada", "0")


@pytest.mark.parametrize("wrong", ["01960000-0000-7000-8000-000000000001", "nonsense", "delivered"])
async def test_a_replay_of_nothing_is_refused(line, wrong):
    receipt = await line.outbox.send("person.put", [person()], key=b"1")
    await line.settlement(receipt.message_id)
    message_id = receipt.message_id if wrong == "delivered" else wrong
    with pytest.raises(Refused) as caught:
        await line.hub.replay(message_id, "yamada")
    assert caught.value.code == ("not_replayable" if wrong == "delivered" else "unknown_message")


async def test_what_is_open_at_a_stop_goes_out_after_the_start(site, tmp_path):
    async with running(site, tmp_path, dispatch=False) as line:
        first = await line.outbox.send("person.put", [person(1, seq=1), person(2)], key=b"1")
        second = await line.outbox.send("person.put", [person(1, seq=2)], key=b"2")
    async with running(site, tmp_path) as line:
        assert await line.settlement(second.message_id) == {0: Accepted()}
        assert await line.settlement(first.message_id) == {0: Accepted(), 1: Accepted()}
        assert arrived(line, 1) == [1, 2]
        assert arrived(line, 2) == [1]


async def test_attempts_are_counted_over_a_restart(site, tmp_path):
    async with running(site, tmp_path, retry_first=30.0, retry_longest=60.0) as line:
        line.register_system.answer = deferring(1)
        receipt = await line.outbox.send("person.put", [person(1)], key=b"1")
        await line.until(lambda: "delivery.concluded" in line.facts(receipt.message_id))
    async with running(site, tmp_path, attempts=2) as line:
        line.register_system.answer = deferring(1)
        assert line.register_system.deliveries == []
        line.advance(seconds=120)
        assert await line.settlement(receipt.message_id) == {0: Dead("gave_up")}
        assert len(line.register_system.deliveries) == 1


async def test_a_settlement_that_was_not_heard_is_told_again_after_a_restart(site, tmp_path):
    async with running(site, tmp_path) as line:
        line.office_system.listening.clear()
        receipt = await line.outbox.send("person.put", [person()], key=b"1")
        await line.until(lambda: line.status(receipt.message_id).ended)

        async def never(message_id, outcomes):
            raise Deferred("system_unreachable")

        line.office_system.hear = never
    async with running(site, tmp_path) as line:
        assert await line.settlement(receipt.message_id) == {0: Accepted()}


async def test_a_settlement_that_was_put_off_is_told_again_though_another_one_hangs(line):
    hang, tries = asyncio.Event(), []

    async def hear(message_id, outcomes):
        if message_id == slow.message_id:
            await hang.wait()
        tries.append(message_id)
        if len(tries) == 1:
            raise Deferred("system_busy")

    line.office_system.listening.clear()
    line.office_system.hear = hear
    slow = await line.outbox.send("person.put", [person(1)], key=b"1")
    quick = await line.outbox.send("person.put", [person(2)], key=b"2")
    line.office_system.listening.set()
    assert await line.settlement(quick.message_id) == {0: Accepted()}
    hang.set()


async def test_an_edge_that_is_not_there_is_unreachable_until_it_is(line):
    edge = line.to_edges.edges.pop((TENANT, REGISTER))
    receipt = await line.outbox.send("person.put", [person()], key=b"1")
    await line.until(lambda: "delivery.concluded" in line.facts(receipt.message_id))
    concluded = next(each for each in line.journal.trace(receipt.message_id) if each["kind"] == "delivery.concluded")
    assert concluded["outcomes"] == [{"ending": "deferred", "code": "system_unreachable", "records": "0"}]
    line.to_edges.edges[TENANT, REGISTER] = edge
    assert await line.settlement(receipt.message_id) == {0: Accepted()}


async def test_a_slow_system_does_not_keep_the_others_waiting(line):
    """Deliveries to one system go side by side; what hangs ends with the deadline."""
    line.register.rules = _with_deadline(line.register.rules, 0.2)
    hang = asyncio.Event()

    async def answer(delivery):
        if delivery.records[0][1].internal_no.endswith("1"):
            await hang.wait()
        return {i: Accepted() for i, _ in delivery.records}

    line.register_system.answer = answer
    slow = await line.outbox.send("person.put", [person(1)], key=b"1")
    quick = await line.outbox.send("person.put", [person(2)], key=b"2")
    assert await line.settlement(quick.message_id) == {0: Accepted()}
    assert not line.status(slow.message_id).ended
    await line.until(lambda: "delivery.concluded" in line.facts(slow.message_id))
    hang.set()
    assert await line.settlement(slow.message_id) == {0: Accepted()}


def _with_deadline(rules, seconds):
    return replace(rules, limits=rules.limits.model_copy(update={"delivery_deadline": seconds}))


async def test_a_plugin_whose_own_task_was_cancelled_does_not_hold_the_lane_for_ever(line):
    first = [True]

    async def answer(delivery):
        if first and first.pop():
            raise asyncio.CancelledError
        return {i: Accepted() for i, _ in delivery.records}

    line.register_system.answer = answer
    receipt = await line.outbox.send("person.put", [person()], key=b"1")
    assert await line.settlement(receipt.message_id) == {0: Accepted()}


async def test_a_plugin_that_asks_for_nonsense_patience_is_deferred_like_any_other(line):
    nonsense: list[Any] = [-5, float("nan"), float("inf"), "soon"]
    answers = [DeferredRecord("system_busy", each) for each in nonsense]
    line.register_system.answer = lambda delivery: {0: answers.pop() if answers else Accepted()}
    receipt = await line.outbox.send("person.put", [person()], key=b"1")
    assert await line.settlement(receipt.message_id) == {0: Accepted()}


async def test_a_wall_clock_that_is_set_back_delays_no_retry(site, tmp_path):
    async with running(site, tmp_path) as line:
        line.register_system.answer = deferring(1)
        receipt = await line.outbox.send("person.put", [person(1)], key=b"1")
        await line.until(lambda: line.register_system.deliveries)
        line.clock.ahead -= timedelta(hours=3)
        line.register_system.answer = deferring()
        await line.settlement(receipt.message_id)


async def test_nor_does_one_that_is_set_back_over_a_restart(site, tmp_path):
    async with running(site, tmp_path) as line:
        line.register_system.answer = deferring(1)
        receipt = await line.outbox.send("person.put", [person(1)], key=b"1")
        await line.until(lambda: line.facts(receipt.message_id).count("delivery.concluded"))
    async with running(site, tmp_path, clock=Clock(timedelta(hours=-3))) as line:
        await line.settlement(receipt.message_id)


async def test_what_fails_by_a_bug_of_ours_each_time_ends_as_a_dead_letter(site, tmp_path, monkeypatch):
    async with running(site, tmp_path, attempts=3) as line:

        async def broken(*args: Any, **more: Any) -> None:
            raise ValueError

        monkeypatch.setattr(flow, "deliver", broken)
        receipt = await line.outbox.send("person.put", [person(1)], key=b"1")
        assert await line.settlement(receipt.message_id) == {0: Dead("internal")}


async def test_what_the_journal_does_not_know_is_dropped_after_its_attempts(site, tmp_path):
    async with running(site, tmp_path, attempts=2) as line:
        line.hub.dispatcher._queue.add(
            Due("01960000-0000-7000-8000-000000000001", 99, MessageKind.EVENT, OFFICE, REGISTER, {0: 0})
        )
        line.hub.dispatcher._due.set()
        await line.until(lambda: not line.hub.dispatcher.waiting)


async def test_a_source_that_hears_nothing_is_told_of_in_one_line(site, tmp_path):
    """However many messages wait for it; and in one more when it hears again."""
    async with running(site, tmp_path) as line:
        edge = line.to_edges.edges.pop((TENANT, OFFICE))
        sent = [
            await line.office.take(line.office.arrival("person.put", (person(n),), entrance="outbox"))
            for n in range(20)
        ]
        await line.until(lambda: all(line.status(each.recorded.message_id).ended for each in sent))
        await line.until(lambda: "settlement.deferred" in line.printed.getvalue())
        line.to_edges.edges[TENANT, OFFICE] = edge
        for each in sent:
            await line.settlement(each.recorded.message_id)
        await line.until(lambda: "settlement.heard" in line.printed.getvalue())
    assert line.printed.getvalue().count("settlement.deferred") == 1
    assert line.printed.getvalue().count("settlement.heard") == 1


async def test_a_connector_that_fails_on_one_message_is_told_of_once_and_with_its_id(site, tmp_path, monkeypatch):
    """Among others that it hears well, and though it could not be reached before."""
    monkeypatch.setattr(settling, "_PAUSE", 0.02)
    async with running(site, tmp_path) as line:
        edge = line.to_edges.edges.pop((TENANT, OFFICE))
        poisoned = await line.office.take(line.office.arrival("person.put", (person(1),), entrance="outbox"))

        async def hear(message_id, outcomes):
            if message_id == poisoned.recorded.message_id:
                raise KeyError(message_id)

        line.office_system.hear = hear
        await line.until(lambda: "settlement.deferred" in line.printed.getvalue())
        line.to_edges.edges[TENANT, OFFICE] = edge
        for number in range(2, 12):
            receipt = await line.outbox.send("person.put", [person(number)], key=bytes([number]))
            await line.settlement(receipt.message_id)
            await asyncio.sleep(0.02)
        await line.until(lambda: "settled raised" in line.printed.getvalue())
    told = [each for each in map(json.loads, line.printed.getvalue().splitlines()) if each["event"] == "bug"]
    assert [(each["source"], each["message_id"]) for each in told] == [(OFFICE, poisoned.recorded.message_id)]


async def test_a_second_ending_is_told_though_the_first_is_being_heard(site, tmp_path):
    """A dead letter is replayed, and ends anew, while its source still takes in that it was dead."""
    async with running(site, tmp_path, attempts=1) as line:
        line.register_system.answer = deferring(1)
        line.office_system.listening.clear()
        receipt = await line.outbox.send("person.put", [person(1)], key=b"1")
        await line.until(line.journal.dead_letters)
        line.register_system.answer = deferring()
        await line.hub.replay(receipt.message_id, "operator")
        await line.until(lambda: line.status(receipt.message_id).ended)
        line.office_system.listening.set()
        await line.until(lambda: not line.journal.deaf())
        assert [outcomes for _, outcomes in line.office_system.heard][-1] == {0: Accepted()}


async def test_a_source_that_was_away_hears_what_ends_after_its_only_unheard_message_was_replayed(
    site, tmp_path, monkeypatch
):
    monkeypatch.setattr(settling, "_PAUSE", 0.05)
    async with running(site, tmp_path, attempts=1) as line:
        line.register_system.answer = deferring(1)
        edge = line.to_edges.edges.pop((TENANT, OFFICE))
        taken = await line.office.take(line.office.arrival("person.put", (person(1),), entrance="outbox"))
        await line.until(lambda: "settlement.deferred" in line.printed.getvalue())
        go_on = asyncio.Event()

        async def held(delivery):
            await go_on.wait()
            return {index: Accepted() for index, _ in delivery.records}

        line.register_system.answer = held
        await line.hub.replay(taken.recorded.message_id, "operator")
        await asyncio.sleep(0.3)  # what was being told has given up meanwhile, and nothing is unheard
        go_on.set()
        line.to_edges.edges[TENANT, OFFICE] = edge
        for number in range(2, 5):
            await line.outbox.send("person.put", [person(number)], key=bytes([number]))
        await line.until(lambda: len(line.office_system.heard) >= 4 and not line.journal.deaf())


async def test_envelopes_that_need_not_be_read_back_are_bounded_and_the_oldest_are_let_go(site, tmp_path, monkeypatch):
    monkeypatch.setattr(fresh, "BYTES", 50_000)
    async with running(site, tmp_path) as line:
        go_on = asyncio.Event()

        async def held(delivery):
            await go_on.wait()
            return {index: Accepted() for index, _ in delivery.records}

        line.register_system.answer = held
        sent = [await line.outbox.send("person.put", [person(n)], key=b"%d" % n) for n in range(30)]
        kept = line.hub.dispatcher._fresh
        assert 25_000 < kept.bytes <= 50_000
        assert list(kept._kept)[-1] == sent[-1].message_id
        go_on.set()
        for each in sent:
            assert await line.settlement(each.message_id) == {0: Accepted()}
        assert (len(kept), kept.bytes) == (0, 0)


async def test_a_settled_that_is_cancelled_by_its_own_doing_is_told_once_and_does_not_spin(line):
    called = 0

    async def hear(message_id, outcomes):
        nonlocal called
        called += 1
        never = asyncio.get_running_loop().create_future()
        never.cancel()
        await never

    line.office_system.hear = hear
    began = time.monotonic()
    receipt = await line.outbox.send("person.put", [person(1)], key=b"1")
    await line.until(lambda: line.told("bug"))
    await asyncio.sleep(0.3)
    assert 1 <= len(line.told("bug")) <= called <= 1 + (time.monotonic() - began) / settling._PAUSE
    line.office_system.hear = _hear
    await line.settlement(receipt.message_id)


@pytest.mark.parametrize("code", [None, "connector_bug", "system_busy"], ids=["raises", "a bug", "says later"])
async def test_messages_that_are_not_heard_of_never_keep_the_later_ones_of_their_source_waiting(
    site, tmp_path, monkeypatch, code
):
    """Also after a restart, when they are the oldest and more than are told at a time."""
    for module in (settling, reading):
        monkeypatch.setattr(module, "UNHEARD", 4)
    monkeypatch.setattr(settling, "_TRIALS", 2)
    monkeypatch.setattr(settling, "_PAUSE", 0.02)
    poisoned: set[str] = set()

    async def hear(message_id, outcomes):
        if message_id in poisoned:
            raise KeyError if code is None else Deferred(code)

    async with running(site, tmp_path) as line:
        line.office_system.hear = hear
        line.office_system.listening.clear()
        for number in range(9):
            poisoned.add((await line.outbox.send("person.put", [person(number)], key=b"%d" % number)).message_id)
        line.office_system.listening.set()
        good = {
            (await line.outbox.send("person.put", [person(number)], key=b"%d" % number)).message_id
            for number in range(20, 23)
        }
        await line.until(lambda: good <= {message_id for message_id, _ in line.office_system.heard})
        line.to_edges.edges.pop((TENANT, OFFICE))
        taken = await line.office.take(line.office.arrival("person.put", (person(30),), entrance="outbox"))
        await line.until(lambda: line.status(taken.recorded.message_id).ended)
    async with running(site, tmp_path) as line:
        line.office_system.hear = hear
        await line.settlement(taken.recorded.message_id)
        poisoned.clear()
        await line.until(lambda: not line.journal.deaf())
