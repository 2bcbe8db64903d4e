"""One simulator for all the tests of a module: each has residents of its own and sets its own faults. What the portal
sends comes to a listener of the test's own, in the gateway's place.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tests.plugins.myna_portal.running import Simulator, Site, running
from tests.ports import free_port

TIMES = "times = { retry_after = 0, slow = 0.2, patience = 60.0 }"


DROPPED = 500
"""Stands for an answer that is lost with its connection."""


@dataclass
class Gateway:
    """What came, and what is answered: by operation, else 503. A status (or DROPPED) and a body; `later` is what comes
    in their place when the same is asked again.
    """

    came: list[tuple[str, Any, dict[str, str]]] = field(default_factory=list)
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    later: dict[str, tuple[int, Any]] = field(default_factory=dict)
    retry_after: str | None = None

    async def reply(self, request: web.Request) -> web.Response:
        operation = request.path.rpartition("/")[2]
        answers = self.later if operation in self.later and operation in self.operations() else self.answers
        self.came.append((request.path, await request.json(), dict(request.headers)))
        status, body = answers.get(operation, (503, {"code": "stopping"}))
        if status == DROPPED and request.transport is not None:
            request.transport.close()
        again = {"Retry-After": self.retry_after} if status == 202 and self.retry_after else {}
        return web.json_response(body, status=status, headers=again)

    def operations(self) -> list[str]:
        return [path.rpartition("/")[2] for path, _, _ in self.came]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.make(tmp_path_factory.mktemp("portal"))


@pytest.fixture(scope="module")
def gateway_port() -> int:
    """Known before the listener is there, for the simulator's configuration."""
    return free_port()


@pytest.fixture
def spare_port() -> int:
    """One that nobody has."""
    return free_port()


@pytest.fixture(scope="module")
def served(site: Site, gateway_port: int) -> Iterator[Simulator]:
    with running(site, f"https://127.0.0.1:{gateway_port}", TIMES) as simulator:
        yield simulator


@pytest.fixture
async def portal(served: Simulator) -> Simulator:
    assert await served.faults({}) == 204
    return served


@pytest.fixture
async def gateway(site: Site, gateway_port: int) -> AsyncIterator[Gateway]:
    standing = Gateway()
    async with site.serving(standing.reply, gateway_port):
        yield standing
