"""Hypothesis as every test folder uses it, and the toy site that unit and flow tests share."""

import signal

import pytest
from hypothesis import HealthCheck, settings

# Derandomised: a test that passes here passes everywhere; look further with HYPOTHESIS_PROFILE=search.
settings.register_profile("renkei", deadline=None, derandomize=True, database=None, max_examples=60)
settings.register_profile("search", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("renkei")

# Who starts the tests in the background has SIGINT ignored, and programs inherit that: here they are to hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    from tests.flow.site import make_site

    return make_site(tmp_path_factory.mktemp("site"))
