"""Hypothesis as every test folder uses it, the toy site of unit and flow tests, and how a run fills the cores."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Generator, Iterator
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.ports import free_port

# Derandomised: a test that passes here passes everywhere; look further with HYPOTHESIS_PROFILE=search.
settings.register_profile("renkei", deadline=None, derandomize=True, database=None, max_examples=60)
settings.register_profile("search", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("renkei")

# Nobody here trusts a public authority; a process that reads them at its start does so in vain, hundreds of times.
os.environ |= dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR"), os.devnull)
# Nor is anybody here behind the machine's proxy, if it has one: curl asks it for this machine, too.
os.environ |= dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1,::1")

LONGEST: Final = (
    "tests/acceptance/crash/",
    "tests/acceptance/",
    "tests/plugins/vaccination_records/test_conformance.py",
    "tests/plugins/intermediate_server/test_conformance.py",
    "tests/architecture/test_city_by_hand.py",
    "tests/plugins/demo_city/",
    "tests/plugins/intermediate_server/",
    "tests/views/",
)
"""What keeps a worker for long begins first; the many short files after it let all workers end together."""

# Who starts the tests in the background has SIGINT ignored, and programs inherit that: here they are to hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)  # without xdist it has no meaning
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: at most times one worker waits, for a process, a retry, a deadline."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Ten thousand tests, and all that they import, stay to the end: nobody looks for garbage among them again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((at for at, part in enumerate(LONGEST) if part in item.nodeid), len(LONGEST)))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A file's own: what its tests leave there meets no other file, whichever of them came first on this worker."""
    from tests.flow.site import make_site

    return make_site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def unused_tcp_port() -> int:
    """In the place of pytest-asyncio's, which an outgoing connection may take in the meantime."""
    return free_port()


@pytest.fixture(autouse=True)
def nobody_elses_telemetry() -> Iterator[None]:
    """A command that ran in this process muted the libraries for all of it, into a stream that is closed by now."""
    hook, known = sys.excepthook, {*logging.getLogger().handlers}
    yield
    sys.excepthook = hook
    for each in {*logging.getLogger().handlers} - known:
        if type(each).__module__.startswith("gateway."):
            logging.getLogger().removeHandler(each)
