"""A line for each test, on a journal of its own."""

import pytest

from tests.flow.line import running


@pytest.fixture(params=["in_process", "https"])
async def line(request, site, tmp_path):
    """The same line over both links: whatever is proven with it is proven of both."""
    async with running(site, tmp_path, link=request.param) as made:
        yield made
