"""A register that is not there costs a probe at a time; who waits for it uses up no attempts, and still expires."""

import asyncio
import json
import time
from collections import Counter
from typing import Any

import pytest

from gateway.errors import Deferred
from gateway.plugin import Accepted, DeferredRecord
from tests.flow.line import endings, running
from tests.flow.toys import REGISTER, TENANT, person

SLOW: dict[str, Any] = {"retry_first": 0.1, "retry_longest": 0.2, "in_flight": 4}
MANY = 60


@pytest.fixture(params=["in_process", "https"])
async def line(request, site, tmp_path):
    async with running(site, tmp_path, link=request.param, **SLOW) as made:
        yield made


async def send(line, numbers):
    sends = (line.outbox.send("person.put", [person(number)], key=b"%d" % number) for number in numbers)
    return [each.message_id for each in await asyncio.gather(*sends)]


def attempts(line) -> int:
    return sum(each["kind"] == "delivery.attempted" for each in line.every_fact())


def told(line) -> Counter[str]:
    lines = map(json.loads, line.printed.getvalue().splitlines())
    return Counter(each["event"] for each in lines if each["event"].startswith("breaker."))


def gone(line):
    """Its edge is not there; what brings it back."""
    edge = line.to_edges.edges.pop((TENANT, REGISTER))
    return lambda: line.to_edges.put((TENANT, REGISTER), edge)


async def test_many_messages_for_a_system_that_is_away_cost_a_handful_of_attempts(line):
    back, began = gone(line), time.monotonic()
    sent = await send(line, range(MANY))
    await line.until(lambda: line.hub.dispatcher.unreached == {REGISTER})
    before = attempts(line)
    await line.until(lambda: attempts(line) >= before + 3)  # probes go on
    made, probes = attempts(line), (time.monotonic() - began) / SLOW["retry_first"]
    assert made <= SLOW["in_flight"] + 3 + probes
    untried = [each for each in sent if "delivery.attempted" not in line.facts(each)]
    back()
    for each in sent:
        await line.settlement(each)
        assert endings(line.status(each)) == {0: ("accepted", None)}
    assert line.facts(untried[-1]).count("delivery.attempted") == 1
    assert not line.hub.dispatcher.unreached
    assert told(line) == {"breaker.opened": 1, "breaker.closed": 1}


async def test_an_edge_that_is_back_is_tried_at_once(site, tmp_path):
    async with running(site, tmp_path, retry_first=300.0, retry_longest=600.0) as line:
        back = gone(line)
        sent = await send(line, range(5))
        await line.until(lambda: line.hub.dispatcher.unreached)
        sent += await send(line, [6])
        back()
        await line.settlement(sent[-1])
        assert not line.hub.dispatcher.unreached


async def test_messages_that_fail_by_themselves_keep_no_other_from_being_tried(line):
    """Each of them looks as if the system were away; a probe goes with what was tried least."""
    poisoned = {f"{number:010}" for number in (1, 2, 3)}
    line.register_system.answer = lambda delivery: {
        index: DeferredRecord("system_unreachable") if each.internal_no in poisoned else Accepted()
        for index, each in delivery.records
    }
    await send(line, [1, 2, 3])
    await line.until(lambda: line.hub.dispatcher.unreached)
    for each in await send(line, range(4, 10)):
        assert await line.settlement(each) == {0: Accepted()}


async def test_what_waits_for_it_still_expires(line):
    gone(line)
    sent = await send(line, range(MANY))
    await line.until(lambda: line.hub.dispatcher.unreached)
    line.advance(days=4)
    for each in sent:
        await line.settlement(each)
    assert {endings(line.status(each))[0] for each in sent} == {("dead", "expired")}
    assert line.hub.dispatcher.unreached == {REGISTER}
    assert attempts(line) < MANY


@pytest.mark.parametrize("code", ["system_busy", "connector_bug"])
async def test_what_a_system_says_of_single_records_opens_nothing(line, code):
    line.register_system.answer = lambda told: {index: DeferredRecord(code) for index, _ in told.records}
    sent = await send(line, range(10))
    await line.until(lambda: all("delivery.concluded" in line.facts(each) for each in sent))
    assert not line.hub.dispatcher.unreached
    assert not told(line)


async def test_what_waits_by_a_code_of_the_interfaces_own_keeps_nobody_else_waiting(line):
    """However long it asks for: it speaks of its records, not of the system."""
    awaited = {f"{number:010}" for number in range(6)}
    line.register_system.answer = lambda told: {
        index: DeferredRecord("register_full", 600.0) if each.internal_no in awaited else Accepted()
        for index, each in told.records
    }
    waiting = await send(line, range(6))
    await line.until(lambda: all("delivery.concluded" in line.facts(each) for each in waiting))
    assert not line.hub.dispatcher.unreached
    for each in await send(line, range(6, 12)):
        assert await line.settlement(each) == {0: Accepted()}
    assert not told(line)
    groups = [group for each in line.every_fact() for group in each.get("outcomes", ())]
    assert {group.get("code") for group in groups} == {None, "register_full"}


async def test_a_system_that_asks_to_be_left_alone_is(site, tmp_path):
    """Retry-After holds for all that goes to it, not for the one message that heard it."""

    def busy(told):
        raise Deferred("system_busy", retry_after=600.0)

    async with running(site, tmp_path, retry_longest=900.0, in_flight=2) as line:
        line.register_system.answer = busy
        await send(line, range(20))
        await line.until(lambda: line.hub.dispatcher.unreached)
        await line.until(lambda: not line.hub.dispatcher.places.busy((REGISTER, False)))
        assert attempts(line) <= 4
