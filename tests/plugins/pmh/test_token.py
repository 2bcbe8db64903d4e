import asyncio

import pytest

from gateway_pmh.token import Granted, Token


class Server:
    """Grants numbered tokens; `now` is the clock."""

    def __init__(self, seconds: float) -> None:
        self.now = 100.0
        self.granted = 0
        self.seconds = seconds
        self.fails = False
        self.token = Token(self.grant, lambda: self.now)

    async def grant(self, ends: float) -> Granted:
        await asyncio.sleep(0)
        if self.fails:
            raise ConnectionError
        self.granted += 1
        return Granted(f"token {self.granted}", self.seconds)

    async def value(self) -> str:
        return await self.token.value(self.now + 10)


@pytest.mark.parametrize(("seconds", "renewed_after"), [(10, 8), (300, 240), (3600, 3540)])
async def test_a_token_is_used_until_shortly_before_it_ends(seconds: float, renewed_after: float) -> None:
    server = Server(seconds)
    assert await server.value() == "token 1"
    server.now += renewed_after - 0.1
    assert await server.value() == "token 1"
    server.now += 0.1
    assert await server.value() == "token 2"


async def test_those_who_ask_at_once_share_one() -> None:
    server = Server(60)
    assert set(await asyncio.gather(*(server.value() for _ in range(5)))) == {"token 1"}
    assert server.granted == 1


async def test_only_the_refused_token_is_forgotten() -> None:
    server = Server(60)
    first = await server.value()
    server.token.forget(first)
    assert await server.value() == "token 2"
    server.token.forget(first)
    assert await server.value() == "token 2"


async def test_after_a_failure_to_grant_it_is_asked_again() -> None:
    server = Server(60)
    server.fails = True
    with pytest.raises(ConnectionError):
        await server.value()
    server.fails = False
    assert await server.value() == "token 1"
