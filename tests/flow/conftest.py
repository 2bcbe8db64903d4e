"""A line for each test, on a journal of its own."""

import pytest

from tests.flow.line import running


@pytest.fixture
async def line(site, tmp_path):
    async with running(site, tmp_path) as made:
        yield made
