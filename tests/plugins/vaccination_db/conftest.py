"""One simulator for all the tests of a module: each sends doses of its own and sets its own faults."""

from collections.abc import Iterator

import pytest

from tests.plugins.receiving import Simulator
from tests.plugins.vaccination_db.running import Site, made, running

TIMES = "times = { retry_after = 0, slow = 0.2 }"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return made(tmp_path_factory.mktemp("research"))


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[Simulator]:
    with running(site, TIMES) as simulator:
        yield simulator


@pytest.fixture
async def database(served: Simulator) -> Simulator:
    assert await served.faults({}) == 204
    return served
