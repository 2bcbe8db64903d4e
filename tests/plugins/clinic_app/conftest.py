"""One PMH and one process of clinics for all the tests of a module; what clinics send comes to a listener in the
gateway's place, with a connector of each test's own.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.plugins.clinic_app import running
from tests.plugins.clinic_app.running import Clinics, Gateway
from tests.plugins.pmh.running import Simulator, Site
from tests.plugins.pmh.running import running as pmh_running
from tests.ports import free_port


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site.make(tmp_path_factory.mktemp("clinics"))


@pytest.fixture(scope="module")
def gateway_port() -> int:
    """Known before the listener is there, for the simulator's configuration."""
    return free_port()


@pytest.fixture(scope="module")
def served_pmh(site: Site) -> Iterator[Simulator]:
    with pmh_running(site) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def served(site: Site, served_pmh: Simulator, gateway_port: int) -> Iterator[Clinics]:
    address, patience = f"https://127.0.0.1:{gateway_port}", "times = { patience = 60.0 }"
    with running.running(site, address, served_pmh.eligibility, patience) as simulator:
        yield simulator


@pytest.fixture
async def pmh(served_pmh: Simulator) -> Simulator:
    assert await served_pmh.faults({}) == 204
    return served_pmh


@pytest.fixture
async def clinics(served: Clinics) -> Clinics:
    assert await served.faults({}) == 204
    return served


@pytest.fixture
async def gateway(site: Site, gateway_port: int) -> AsyncIterator[Gateway]:
    async with running.standing(site, gateway_port) as standing:
        yield standing
