"""The stand-in for platform, server, network and other bodies in the test's own process: no socket, its clock in hand.

A call may go wrong on the way, or be the last that the asker makes before it is killed; a witness sees each one.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import jwt
import pytest
from pydantic import ValidationError
from pydantic_core import to_json

from gateway_intermediate_server import site
from gateway_intermediate_server.simulated import announcements, codes, config, inquiries, network, requests
from gateway_intermediate_server.simulated.elsewhere import Elsewhere
from gateway_intermediate_server.simulated.face import Call
from gateway_intermediate_server.simulated.faults import Faults
from gateway_intermediate_server.simulated.matching import ROWS, Row
from gateway_intermediate_server.simulated.own import OwnCity
from gateway_intermediate_server.simulated.refusal import Refusal
from gateway_intermediate_server.simulated.server import Server
from gateway_intermediate_server.simulated.signing import SigningKey
from tests.plugins.intermediate_server.running import ISSUER

PERMIT_LIFE: Final = 600
_DOES: Final = {"drop": True, "garbage": True, "maintenance": False}
"""Whether the call is done before it goes wrong."""


@dataclass
class Clock:
    """The time everywhere: the real one, moved forward at will."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Kill:
    """The asker dies at the call that comes after so many, before it is done or after."""

    calls: int
    done: bool


@dataclass
class _Answer:
    """As much of a response as is read."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> "_Answer":
        return self

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self.body


@dataclass
class Unsocketed:
    """`witness(path, body)` is called before a call of the city's is done; `rows` are the list of today."""

    clock: Clock
    patched: pytest.MonkeyPatch
    opened: ExitStack = field(default_factory=ExitStack)
    rows: list[Row] = field(default_factory=lambda: list(ROWS))
    version: int = 1
    wrong: list[str] = field(default_factory=list)
    kill: Kill | None = None
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    witness: Callable[[str, Mapping[str, Any]], None] = lambda path, body: None

    def serve(self, file: Any) -> None:
        """As its configuration says, all in memory."""
        for module in (announcements, codes, inquiries, network):
            self.patched.setattr(module, "time", SimpleNamespace(time=self._time))
        self.patched.setattr(requests, "moment", lambda: self.clock().isoformat(timespec="seconds"))
        loop = SimpleNamespace(time=self._time)  # the connector's own clock moves with all others
        self.patched.setattr(site, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
        self.faults = Faults({})
        self.server = Server(config.load(file), self.faults, self.opened)
        self.patched.setattr(self.server.network, "matching_list", self._list)
        self.patched.setattr(self.server.network.key, "read", self._permit_of_ours)
        self._own: Mapping[str, Call] = OwnCity(self.server).calls()
        self._elsewhere: Mapping[str, Call] = Elsewhere(self.server, self.faults).calls()

    def close(self) -> None:
        self.opened.close()
        self.patched.undo()

    def control(self, path: str, **body: Any) -> Any:
        """What happens elsewhere. Raises Refusal."""
        call = self._elsewhere[f"/control/v1/{path}"]
        return call.work(call.form.model_validate(body))

    def city(self, path: str, **body: Any) -> Any:
        """What another system of the city's does. Raises Refusal."""
        call = self._own[path]
        return call.work(call.form.model_validate(body))

    @asynccontextmanager
    async def request(self, method: str, url: str, *, data: Any = None, **_: Any) -> AsyncIterator[Any]:
        """As a session of the line would; see `gateway.plugin.exchange.System`."""
        path, wrong = urlsplit(url).path, self.wrong.pop(0) if self.wrong else None
        await self._dies(done=False)
        status, body = 503, b'{"code": "maintenance"}'
        if wrong is None or _DOES[wrong]:
            status, body = self._done(path, data.read() if data is not None else b"{}")
        await self._dies(done=True)
        if wrong == "drop":
            raise aiohttp.ServerDisconnectedError
        yield _Answer(status, b'{"list":' if wrong == "garbage" else body)

    def _done(self, path: str, body: bytes) -> tuple[int, bytes]:
        call = self._own[path]
        try:
            form = call.form.model_validate_json(body)
            self.witness(path, form.model_dump(exclude_none=True))
            return call.status, _json(call.work(form))
        except ValidationError:
            return 422, b'{"code": "format"}'
        except Refusal as refusal:
            return refusal.status, _json({"code": refusal.code})

    async def _dies(self, *, done: bool) -> None:
        if self.kill is None or self.kill.done is not done:
            return
        self.kill.calls -= 1
        if self.kill.calls < 0:
            self.killed.set()
            await asyncio.Event().wait()

    def _time(self) -> float:
        return time.time() + self.clock.ahead.total_seconds()

    def _list(self, to: str, *, ended: bool = False) -> str:
        """Of today."""
        claims = {"version": self.version, "rows": [row._asdict() for row in self.rows]}
        named = {"aud": to, "sub": "matching-list", "jti": f"ML-{self.version}", "use": "list"}
        now = int(self._time()) - (7200 if ended else 0)
        return self.server.network.key.sign({"iss": ISSUER, "iat": now, "exp": now + 3600, **named, **claims})

    def _permit_of_ours(self, token: str, issuer: str, audience: str) -> dict[str, Any] | None:
        """As `SigningKey.read` does, by this clock."""
        public = jwt.PyJWK(self.server.network.key.jwks["keys"][0])
        options: Any = {"verify_exp": False, "verify_iat": False}
        try:
            claims = jwt.decode(token, public, ["ES256"], audience=audience, issuer=issuer, options=options)
        except jwt.PyJWTError:
            return None
        return claims if claims["exp"] > self._time() else None


@contextmanager
def in_hand(file: Any) -> Iterator[Unsocketed]:
    """All of it, with the time that its configuration says, which passes by `clock.ahead`."""
    made = Unsocketed(Clock(), pytest.MonkeyPatch())
    try:
        made.serve(file)
        yield made
    finally:
        made.close()


def signed(key: SigningKey, token: str | None, audience: str) -> dict[str, Any] | None:
    """What the network signed for that body, whenever that was; None if it did not."""
    options: Any = {"verify_exp": False, "verify_iat": False}
    try:
        public = jwt.PyJWK(key.jwks["keys"][0])
        return dict(jwt.decode(token or "", public, ["ES256"], audience=audience, issuer=ISSUER, options=options))
    except jwt.PyJWTError:
        return None


def _json(answer: object) -> bytes:
    return to_json(answer)
