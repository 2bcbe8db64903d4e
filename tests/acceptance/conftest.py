"""Sites for the acceptance tests: one that all share who only pass things through, and new ones for who disturbs."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.child import TEMPLATE
from tests.acceptance.outside import Outside
from tests.acceptance.programs import GATEWAY, command
from tests.acceptance.site import ROUTES, Site
from tests.acceptance.subjects import MUNICIPALITY

_ordinals = itertools.count(1)
NewSite = Callable[..., Site]


@pytest.fixture(scope="session")
def starter(tmp_path_factory) -> Path:
    """What `gateway init` makes: configuration, keys, certificates. Sites are copies of it."""
    root = tmp_path_factory.mktemp("starter") / "site"
    assert command(*GATEWAY, "init", str(root), "--tenant", MUNICIPALITY).status == 0
    return Path(root)


@pytest.fixture(scope="session")
def site(tmp_path_factory, starter) -> Iterator[Site]:
    """A running site. Whoever uses it leaves its configuration and its processes as they are."""
    made = Site.made(tmp_path_factory.mktemp("shared") / "site", starter).start()
    yield made
    made.close()


@pytest.fixture
def new_site(tmp_path, starter) -> Iterator[NewSite]:
    """Makes sites that nobody else uses and that nobody has started; `limits` as in gateway.toml."""
    sites: list[Site] = []

    def make(**limits: float) -> Site:
        sites.append(Site.made(tmp_path / f"site{len(sites)}", starter, pmh=False, routes=ROUTES, **limits))
        return sites[-1]

    yield make
    for each in sites:
        each.close()


@pytest.fixture(scope="module")
def outside(tmp_path_factory) -> Iterator[Outside]:
    """`edge_per_zone` with all its systems, for one module. Whoever ends a process starts it again."""
    made = Outside(tmp_path_factory.mktemp("outside") / "site").start()
    (told,) = made.outcomes(made.send("template.register", [TEMPLATE]).message_id)
    assert told["outcome"] == "accepted"
    yield made
    made.close()


@pytest.fixture
def ordinal() -> Callable[[], int]:
    """Numbers of made-up residents that no other test has."""
    return lambda: next(_ordinals)
