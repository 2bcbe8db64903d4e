"""Cities of this session's making, and the library that brings disk and clock to fail."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.crash import faults
from tests.acceptance.crash.city import City

NewCity = Callable[[str], City]


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    return faults.compiled(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def new_city(tmp_path, starter) -> Iterator[NewCity]:
    """Makes the test's city; see `City.made`."""
    cities: list[City] = []

    def make(deployment: str) -> City:
        cities.append(City.made(deployment, tmp_path / "site", starter))
        return cities[-1]

    yield make
    for each in cities:
        each.close()
