"""A call of a connector's has an end, whatever becomes of who waits for it."""

import asyncio

from gateway.plugin.testing.called import Call


async def test_a_call_for_which_nobody_waits_any_more_is_broken_off():
    call = Call(asyncio.Event().wait())
    waits = asyncio.ensure_future(call.done(600))
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.wait([waits])
    assert (call.task.done(), type(call.error)) == (True, asyncio.CancelledError)
