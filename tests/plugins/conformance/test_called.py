"""A call of a connector's has an end, whatever becomes of who waits for it."""

import asyncio
import time

from gateway.plugin.testing import called
from gateway.plugin.testing.called import Call


async def test_a_call_for_which_nobody_waits_any_more_is_broken_off():
    call = Call(asyncio.Event().wait())
    waits = asyncio.ensure_future(call.done(600))
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.wait([waits])
    assert (call.task.done(), type(call.error)) == (True, asyncio.CancelledError)


async def test_a_machine_that_stands_still_breaks_no_call_off():
    async def answered() -> str:
        await asyncio.sleep(0.01)
        for _ in range(9):  # as an answer comes through a network's layers
            await asyncio.sleep(0)
        return "in time"

    call = Call(answered())
    asyncio.get_running_loop().call_soon(time.sleep, 0.6)
    assert await call.done(0.5)
    assert call.task.result() == "in time"


async def test_what_was_asked_while_the_machine_stood_still_is_asked_again(monkeypatch):
    monkeypatch.setattr(called, "LONG", 0.0)
    told = iter([False, False, True])

    async def holds() -> bool:
        return next(told)

    assert await called.until(holds)
