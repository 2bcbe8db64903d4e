"""What `test_conformance.py` of every connector of ours asserts: each rule is judged, nothing is to do."""

import importlib
import tomllib

from gateway.plugin.testing.package import staged
from gateway.plugin.testing.rule import Level
from gateway.plugin.testing.rules import RULES
from gateway.plugin.testing.scale import State, findings, reached
from tests.architecture.tree import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
SUBJECTS, HOOKS = PROJECT["gateway.conformance"], PROJECT["gateway.connectors"]


def is_gold(connector: str) -> None:
    """Raises AssertionError, with what is to do."""
    module, _, name = SUBJECTS[connector].partition(":")
    subject = getattr(importlib.import_module(module), name)
    found = list(findings(staged(subject, HOOKS[connector], connector)))
    left = [f"{each.rule.id}: {each.seen}; {each.next}\n{each.detail}" for each in found if each.state is State.TO_DO]
    assert left == []
    assert reached(found) is Level.GOLD
    assert len(found) == len(RULES)
    assert subject.exempt.keys() <= {each.id for each in RULES}
