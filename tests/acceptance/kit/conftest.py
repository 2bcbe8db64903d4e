"""One environment for all that a worker runs: each test brings packages of other names."""

import pytest

from tests.acceptance.kit.fresh import Fresh


@pytest.fixture(scope="session")
def fresh(tmp_path_factory) -> Fresh:
    """The gateway as a wheel, in an environment of its own."""
    return Fresh.made(tmp_path_factory.mktemp("fresh"))
