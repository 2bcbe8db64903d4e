"""An empty log under the rules of the toys."""

import pytest

from tests.reports.made_up import Log


@pytest.fixture
def log(site):
    return Log(site.hub_rules)
