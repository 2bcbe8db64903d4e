"""Every connector of ours is held to every rule of the suite, each in its own folder: some take long."""

import pytest

from tests.architecture.tree import ROOT
from tests.plugins.conformance.ours import HOOKS, SUBJECTS


def test_every_connector_of_ours_has_a_subject() -> None:
    assert SUBJECTS.keys() == HOOKS.keys()


@pytest.mark.parametrize("connector", sorted(SUBJECTS))
def test_every_connector_of_ours_is_held_to_the_rules(connector: str) -> None:
    assert f'is_gold("{connector}")' in (ROOT / f"tests/plugins/{connector}/test_conformance.py").read_text("utf-8")
