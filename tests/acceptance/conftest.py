"""Sites for the acceptance tests: one that all share who only pass things through, and new ones for who disturbs."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.site import Site

_ordinals = itertools.count(1)
NewSite = Callable[..., Site]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[Site]:
    """A running site. Whoever uses it leaves its configuration and its processes as they are."""
    made = Site.made(tmp_path_factory.mktemp("shared") / "site").start()
    yield made
    made.close()


@pytest.fixture
def new_site(tmp_path) -> Iterator[NewSite]:
    """Makes sites that nobody else uses and that nobody has started; `limits` as in gateway.toml."""
    sites: list[Site] = []

    def make(**limits: float) -> Site:
        sites.append(Site.made(tmp_path / f"site{len(sites)}", **limits))
        return sites[-1]

    yield make
    for each in sites:
        each.close()


@pytest.fixture
def ordinal() -> Callable[[], int]:
    """Numbers of made-up residents that no other test has."""
    return lambda: next(_ordinals)
