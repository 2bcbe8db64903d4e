"""The suite under an author's own pytest: a class to derive from, a test for each rule."""

import asyncio
from functools import lru_cache
from typing import ClassVar

import pytest

from gateway.plugin.testing.package import staged
from gateway.plugin.testing.rule import Rule
from gateway.plugin.testing.rules import RULES
from gateway.plugin.testing.scale import State, judged
from gateway.plugin.testing.subject import Subject

_stage = lru_cache(maxsize=1)(staged)
"""One for all rules of a connector: some share what was seen in a play."""


class Conformance:
    """Derive from it in a test module, name the subject, and each rule is a test. See `gateway.plugin.testing`.

    `hook` is the module that implements `renkei_connector`, where that is not the package that the subject lies in.
    """

    subject: ClassVar[type[Subject]]
    hook: ClassVar[str | None] = None

    @pytest.mark.parametrize("rule", RULES, ids=[each.id for each in RULES])
    def test_rule(self, rule: Rule) -> None:
        """The rule holds, or the subject names it as exempt, with its reason."""
        found = asyncio.run(judged(rule, _stage(self.subject, self.hook)))
        if found.state is State.TO_DO:
            pytest.fail(f"{rule.id} ({rule.level}): {found.seen}; {found.next}\n{found.detail}", pytrace=False)
