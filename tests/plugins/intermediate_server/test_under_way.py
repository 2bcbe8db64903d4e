"""What was sent is known until it has ended, and no longer; also if it ends before its receipt is there."""

import asyncio

import pytest

from gateway.plugin import Accepted, Deferred, Refused
from gateway_intermediate_server.interface.city import END
from gateway_intermediate_server.under_way import UnderWay
from tests.plugins.intermediate_server.line import Line

RECORD = {
    "internal_no": "9000000001",
    "inquiry_no": "INQ-1",
    "inquiry_status": "9",
    "inquiry_row": "25",
    "provider_code": "131016",
}


async def test_what_has_ended_is_known_no_longer_and_told_once() -> None:
    ended: list[str] = []

    async def hear(thing: str, _: object) -> None:
        ended.append(thing)

    under_way = UnderWay[str](Line(), hear)
    await under_way.send("IQ-1", END, RECORD, key="IQ-1")
    assert "IQ-1" in under_way
    for _ in range(2):
        await under_way.settled("message-0", {0: Accepted()})
    await under_way.settled("somebody else's", {0: Accepted()})
    assert ended == ["IQ-1"]
    assert "IQ-1" not in under_way


async def test_what_could_not_be_taken_is_told_again() -> None:
    ended: list[str] = []

    async def hear(thing: str, _: object) -> None:
        ended.append(thing)
        if len(ended) == 1:
            raise Deferred("system_busy")

    under_way = UnderWay[str](Line(), hear)
    await under_way.send("IQ-1", END, RECORD, key="IQ-1")
    with pytest.raises(Deferred):
        await under_way.settled("message-0", {0: Accepted()})
    assert "IQ-1" in under_way
    await under_way.settled("message-0", {0: Accepted()})
    assert ended == ["IQ-1", "IQ-1"]


async def test_what_the_server_refuses_to_hear_of_is_known_no_longer() -> None:
    async def hear(*_: object) -> None:
        raise Refused("unknown_inquiry")

    under_way = UnderWay[str](Line(), hear)
    await under_way.send("IQ-1", END, RECORD, key="IQ-1")
    with pytest.raises(Refused):
        await under_way.settled("message-0", {0: Accepted()})
    assert "IQ-1" not in under_way


async def test_what_ends_before_its_receipt_is_there_is_heard_all_the_same() -> None:
    ended: list[str] = []

    async def hear(thing: str, _: object) -> None:
        ended.append(thing)

    class Slow(Line):
        async def send(self, *args, **kwargs):
            receipt = await super().send(*args, **kwargs)
            settling.append(asyncio.create_task(under_way.settled(receipt.message_id, {0: Accepted()})))
            await asyncio.sleep(0.01)
            return receipt

    settling: list[asyncio.Task[None]] = []
    under_way = UnderWay[str](Slow(), hear)
    await under_way.send("IQ-1", END, RECORD, key="IQ-1")
    await asyncio.gather(*settling)
    assert ended == ["IQ-1"]


async def test_tens_of_thousands_under_way_do_not_hold_the_loop() -> None:
    """What is listed is looked up, and not searched for."""
    compared = 0

    class Number(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, str(other))

        __hash__ = str.__hash__

    async def hear(*_: object) -> None: ...

    under_way = UnderWay[Number](Line(), hear)
    numbers = [Number(f"IQ-{index}") for index in range(300)]
    for number in numbers:
        await under_way.send(number, END, RECORD, key=number)
    assert all(Number(str(number)) in under_way for number in numbers)
    assert compared < 10 * len(numbers)
