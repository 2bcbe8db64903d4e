"""The example's site as `gateway init` makes it, for each file of tests: eight connectors, their keys, a hub."""

import pytest

from tests.views.city import City


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    made = City.made(tmp_path_factory.mktemp("views") / "site")
    yield made
    made.journal.close()
