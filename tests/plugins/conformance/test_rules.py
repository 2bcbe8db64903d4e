"""Each rule of the conformance suite can fail, and says what it saw; of a good connector none does."""

import asyncio
import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.plugin.testing import stage as stages
from gateway.plugin.testing.package import staged
from gateway.plugin.testing.rule import Level, Rule
from gateway.plugin.testing.rules import RULES
from gateway.plugin.testing.scale import Finding, State, findings, judged, reached
from gateway.plugin.testing.stage import Stage
from tests.plugins.conformance.breakers import BREAKERS, Breaker
from tests.plugins.example.school_register_conformance import SchoolRegisterSubject

EXAMPLE = Path(__file__).parents[1] / "example"
GOOD = "gateway_school_register"
BY_ID = {each.id: each for each in RULES}


@pytest.fixture
def example(tmp_path, monkeypatch):
    """A copy of the example's package, edited: a stage for it."""

    def make(breaker: Breaker | None = None, subject: Any = SchoolRegisterSubject) -> Stage:
        for name in (f"{GOOD}.py", "interface.lock.json", "README.md"):
            shutil.copy(EXAMPLE / name, tmp_path)
        if breaker is not None:
            text = (tmp_path / breaker.file).read_text(encoding="utf-8")
            assert breaker.old in text, "the example has changed: so must its breaker"
            (tmp_path / breaker.file).write_text(text.replace(breaker.old, breaker.new), encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, GOOD, raising=False)
        importlib.invalidate_caches()
        return staged(subject, GOOD, name="school_register")

    yield make
    sys.modules.pop(GOOD, None)


def judge(rule: Rule, stage: Stage) -> Finding:
    return asyncio.run(judged(rule, stage))


def test_a_good_connector_reaches_gold(example):
    found = list(findings(example()))
    left = [(each.rule.id, each.seen, each.detail) for each in found if each.state is not State.DONE]
    assert left == [("attests", "no peer shows it a proof", "")]
    assert [each.rule for each in found] == list(RULES)
    assert reached(found) is Level.GOLD


@pytest.mark.parametrize("breaker", BREAKERS, ids=[f"{each.rule}-{at}" for at, each in enumerate(BREAKERS)])
def test_what_breaks_a_rule_is_seen(breaker, example, monkeypatch):
    monkeypatch.setattr(stages, "SLACK", 2.0)  # what hangs here hangs for good
    monkeypatch.setattr(stages, "LONG", 2.0)
    found = judge(BY_ID[breaker.rule], example(breaker))
    assert found.state is State.TO_DO
    assert breaker.seen in found.seen, found.detail
    assert found.next


def test_every_rule_has_a_breaker_and_every_breaker_a_rule():
    proofs = {"attests"}  # see test_proofs.py: nobody shows the example one
    assert {each.rule for each in BREAKERS} | proofs == set(BY_ID)
