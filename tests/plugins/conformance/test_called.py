"""A call of a connector's has an end, whatever becomes of who waits for it; a machine that stands still is no hang."""

import asyncio
import time

from gateway.plugin.testing import called
from gateway.plugin.testing.called import Call, until


async def test_a_call_for_which_nobody_waits_any_more_is_broken_off():
    call = Call(asyncio.Event().wait())
    waits = asyncio.ensure_future(call.done(600))
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.wait([waits])
    assert (call.task.done(), type(call.error)) == (True, asyncio.CancelledError)


async def test_a_call_during_which_the_machine_stands_still_has_its_time_afterwards():
    async def stands_still():
        time.sleep(0.3)  # noqa: ASYNC251 - what the whole process does then
        for _ in range(10):
            await asyncio.sleep(0)

    assert await Call(stands_still()).done(0.2)


async def test_whatever_time_has_passed_it_is_looked_for_again(monkeypatch):
    monkeypatch.setattr(called, "LONG", -1.0)
    seen = iter((False, False, True))

    async def holds():
        return next(seen)

    assert await until(holds)
