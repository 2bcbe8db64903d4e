"""One simulator for all the tests of a module: each asks about residents of its own and sets its own faults."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.plugins.intermediate_server.line import City, Line, opened
from tests.plugins.intermediate_server.running import Simulator, Site, running


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.make(tmp_path_factory.mktemp("intermediate_server"))


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[Simulator]:
    with running(site) as simulator:
        yield simulator


@pytest.fixture
async def system(served: Simulator) -> Simulator:
    await served.control("faults", {"faults": {}})
    return served


@pytest.fixture
async def city(system: Simulator) -> AsyncIterator[City]:
    """The connector, in front of a line of its own."""
    async with opened(system, Line()) as each:
        yield each
