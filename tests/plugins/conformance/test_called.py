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


async def test_what_a_standstill_has_kept_from_coming_has_its_time_afterwards(monkeypatch):
    monkeypatch.setattr(called, "LONG", 0.8)
    loop = asyncio.get_running_loop()
    began, looks = [], 0

    async def holds():
        nonlocal looks
        looks += 1
        if looks == 1:
            time.sleep(0.8)  # noqa: ASYNC251 - what the whole process does then
            began.append(loop.time())
        return loop.time() - began[0] > 0.4

    assert await until(holds)
