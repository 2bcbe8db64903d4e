"""kill -9 under load: nothing acknowledged is lost, nothing is delivered under two ids, everything is as it was."""

import pytest

from tests.acceptance.crash.kills import RandomKills, opening, walk
from tests.acceptance.crash.load import Load
from tests.acceptance.crash.oracle import all_holds


def test_kill_9_at_every_named_write_point(new_city, library, tmp_path):
    """Here in the worst way that each point knows; `make soak` in all of them."""
    city = new_city("hub_and_edges")
    load = Load(city.site, seed=1)
    dead = opening(city, load)
    walk(city, load, library, tmp_path, most=1)
    all_holds(city, load, dead)


@pytest.mark.parametrize(("deployment", "seed"), [("run", 1), ("edge_per_zone", 2)])
def test_kill_9_at_random(new_city, library, deployment, seed):
    """The same seed kills the same programs in the same ways; where exactly they are then, the machine says."""
    city = new_city(deployment)
    load = Load(city.site, seed)
    dead = opening(city, load)
    kills = RandomKills(city, library, seed)
    for _ in range(4):
        kills.one()
    all_holds(city, load, dead)
