"""If the log cannot be written, nothing passes: everyone hears Deferred, and nothing more is handed over."""

import asyncio

import pytest

from gateway.errors import Deferred
from gateway.plugin import Accepted, Act, DeferredRecord
from tests.flow.line import running
from tests.flow.toys import TENANT, person, sought


def break_log(folder):
    (folder / f"{TENANT}.db").unlink()


async def unavailable(awaitable):
    with pytest.raises(Deferred) as caught:
        await awaitable
    assert caught.value.code == "log_unavailable"


async def test_nothing_enters_any_more_by_any_entrance(line, tmp_path):
    break_log(tmp_path)
    await unavailable(line.outbox.send("person.put", [person()], key=b"k"))
    await unavailable(line.outbox.send("person.put", [person(name="")], key=b"l"))
    await unavailable(line.outbox.send("person.unrouted", [person()], key=b"m"))
    await unavailable(line.outbox.ask("person.find", [sought()]))
    await unavailable(line.outbox.note(Act.FILE_TAKEN, reference=b"x", counts={}))
    await unavailable(line.office.status("01960000-0000-7000-8000-000000000001"))
    await unavailable(line.hub.replay("01960000-0000-7000-8000-000000000001", "yamada"))
    assert line.register_system.deliveries == []
    well, why = line.journal.health()
    assert not well
    assert "deleted" in why


async def test_what_was_due_is_not_handed_over_without_a_fact(site, tmp_path):
    async with running(site, tmp_path, retry_first=0.02, retry_longest=0.02) as line:
        line.register_system.answer = lambda delivery: {0: DeferredRecord("system_busy")}
        await line.outbox.send("person.put", [person()], key=b"k")
        await line.until(lambda: line.register_system.deliveries)
        break_log(tmp_path)
        await line.until(lambda: not line.journal.health()[0])
        handed = len(line.register_system.deliveries)
        await asyncio.sleep(0.2)
        assert len(line.register_system.deliveries) <= handed + 1  # the one that was on its way
        assert line.office_system.heard == []


async def test_an_outcome_that_cannot_be_recorded_is_not_told(site, tmp_path):
    async with running(site, tmp_path) as line:
        may_answer = asyncio.Event()

        async def slow(delivery):
            await may_answer.wait()
            return {0: Accepted()}

        line.register_system.answer = slow
        await line.outbox.send("person.put", [person()], key=b"k")
        await line.until(lambda: line.register_system.deliveries)
        break_log(tmp_path)
        may_answer.set()
        await line.until(lambda: "delivery.not_recorded" in line.printed.getvalue())
        await asyncio.sleep(0.05)
        assert line.office_system.heard == []
        assert len(line.register_system.deliveries) == 1


async def test_a_broken_log_with_much_that_waits_is_not_told_of_each(site, tmp_path):
    async with running(site, tmp_path, retry_first=0.3, retry_longest=0.3) as line:
        line.register_system.answer = lambda delivery: {0: DeferredRecord("system_busy")}
        for number in range(60):
            await line.outbox.send("person.put", [person(number)], key=bytes([number]))
        break_log(tmp_path)
        await line.until(lambda: "delivery.not_recorded" in line.printed.getvalue())
        await asyncio.sleep(0.3)  # an attempt that was under way may end meanwhile, and the next tells anew
        told = line.printed.getvalue().count("delivery.not_recorded")
        await asyncio.sleep(1.5)
        assert line.printed.getvalue().count("delivery.not_recorded") == told
        assert told <= 2, "not for each of the sixty"
