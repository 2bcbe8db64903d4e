"""A certificate authority and a site for each test, and processes that end with it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway_vaccination_records import pauses
from tests.plugins.vaccination_records.certificates import Authority
from tests.plugins.vaccination_records.running import SERVICE, Client, Running, Site
from tests.plugins.vaccination_records.village import Village


@pytest.fixture
def site(tmp_path: Path) -> Site:
    authority = Authority(tmp_path)
    return Site(tmp_path, authority, *(authority.issue(name) for name in ("city", "other-city", "stranger")))


@pytest.fixture
async def start(site: Site) -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    processes: list[Running] = []

    async def begin(module: str = SERVICE, *options: str) -> Running:
        processes.append(await Running.start(site, module, *options))
        return processes[-1]

    yield begin
    for process in processes:
        await process.end()


@pytest.fixture
async def service(start: Callable[..., Awaitable[Running]]) -> Running:
    return await start()


@pytest.fixture
async def city(site: Site, service: Running) -> AsyncIterator[Client]:
    async with site.session(site.city) as session:
        yield Client(session, service.url)


@pytest.fixture
async def other_city(site: Site, service: Running) -> AsyncIterator[Client]:
    async with site.session(site.other_city) as session:
        yield Client(session, service.url)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The clock of the connector's pauses. It stands still until a test moves `now`: no pause is over by slowness."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(pauses, "_now", lambda: clock.now)
    return clock


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Village]:
    made = Village(tmp_path)
    yield made
    made.area.close()
