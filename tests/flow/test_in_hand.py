"""A connector is handed one thing of a person at a time, also when the hub waits for less long than it takes."""

import asyncio
from dataclasses import dataclass, field

import pytest

from gateway.errors import Deferred
from gateway.messages import Ending
from gateway.plugin import Accepted
from tests.flow.line import running
from tests.flow.toys import person, sought


@dataclass
class Slow:
    """A system that takes until `may_end` is set; `most` is how many deliveries it had at once, `done` what it took."""

    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    now: int = 0
    most: int = 0
    done: list[int] = field(default_factory=list)

    async def __call__(self, delivery):
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.may_end.wait()
            self.done += [getattr(record, "update_seq", 0) for _, record in delivery.records]
            return {index: Accepted({"internal_no": "0000000001", "update_seq": 7}) for index, _ in delivery.records}
        finally:
            self.now -= 1


@pytest.fixture(params=["in_process", "https"])
async def impatient(request, site, tmp_path):
    """A line whose hub waits for less long than its edges do, and what ends that."""
    async with running(site, tmp_path, link=request.param) as line:
        usual = line.hub.dispatcher.limits
        line.hub.adopt(line.hub.rules, usual.model_copy(update={"delivery_deadline": 0.02}))
        yield line, lambda: line.hub.adopt(line.hub.rules, usual)


async def test_of_one_person_nothing_is_handed_over_beside_what_is_still_in_hand(impatient):
    line, patient_again = impatient
    slow = line.register_system.answer = Slow()
    sent = [(await line.outbox.send("person.put", [person(1, seq=seq)], key=b"%d" % seq)).message_id for seq in (1, 2)]
    await line.until(lambda: line.facts(sent[0]).count("delivery.attempted") > 2)
    patient_again()
    slow.may_end.set()
    for each in sent:
        assert await line.settlement(each) == {0: Accepted()}
    assert (slow.most, slow.done) == (1, sorted(slow.done))
    assert set(slow.done) == {1, 2}


async def test_a_request_is_not_asked_twice_at_once(impatient):
    line, patient_again = impatient
    slow = line.register_system.answer = Slow()
    with pytest.raises(Deferred):
        await line.outbox.ask("person.find", [sought(1)], key=b"k", patience=0.3)
    patient_again()
    slow.may_end.set()
    (answer,) = await line.outbox.ask("person.find", [sought(1)], key=b"other")
    assert (answer.code, slow.most <= 2) == (None, True)


async def test_only_what_is_in_hand_waits_and_it_is_let_go_whatever_becomes_of_it(line):
    """The hub asks for the same again, and for a record of somebody else beside it."""
    slow = line.register_system.answer = Slow()
    message_id = (await line.outbox.send("person.put", [person(1), person(2)], key=b"k")).message_id
    await line.until(lambda: slow.now)
    envelope = line.journal.envelope(message_id)
    again = await line.register.deliver(envelope, frozenset({0, 1}))
    assert [(each.index, each.ending, each.code) for each in again.outcomes] == [
        (0, None, "behind_deferred"),
        (1, None, "behind_deferred"),
    ]
    assert slow.most == 1
    slow.may_end.set()
    await line.settlement(message_id)
    slow.may_end.clear()
    one = asyncio.create_task(line.register.deliver(envelope, frozenset({0})))
    await line.until(lambda: slow.now)
    slow_too = asyncio.create_task(line.register.deliver(envelope, frozenset({0, 1})))
    await line.until(lambda: slow.now == 2)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    slow.may_end.set()
    assert {each.index: each.ending for each in (await slow_too).outcomes} == {0: None, 1: Ending.ACCEPTED}
    assert [each.ending for each in (await line.register.deliver(envelope, frozenset({0}))).outcomes] == ["accepted"]
