"""One simulator for all the tests of a module: each asks for keys of its own and sets its own faults."""

from collections.abc import Iterator

import pytest

from tests.plugins.history_lookup.running import Site, made, running
from tests.plugins.receiving import Simulator

TIMES = "times = { retry_after = 0, slow = 0.2, processing = 0.8 }"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return made(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def served(site: Site) -> Iterator[Simulator]:
    with running(site, TIMES) as simulator:
        yield simulator


@pytest.fixture
async def system(served: Simulator) -> Simulator:
    assert await served.faults({}) == 204
    return served
