"""The programs of `docs/conformance.md` are what an author may write."""

import re
import sys
from types import ModuleType
from typing import Any

from gateway.plugin.testing import Conformance, Subject
from gateway.plugin.testing.rules import RULES
from tests.architecture.tree import ROOT

PAGE = (ROOT / "docs/conformance.md").read_text(encoding="utf-8")
TESTS, EXEMPTION = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_pages_tests_are_the_suites_for_a_subject(monkeypatch):
    class SchoolRegister(Subject):
        """As a package of one's own has it."""

    module = ModuleType("gateway_school_register.conformance")
    monkeypatch.setattr(module, "SchoolRegister", SchoolRegister, raising=False)
    monkeypatch.setitem(sys.modules, "gateway_school_register", ModuleType("gateway_school_register"))
    monkeypatch.setitem(sys.modules, "gateway_school_register.conformance", module)
    defined: dict[str, Any] = {"__name__": "page"}
    exec(TESTS, defined)
    made = defined["TestConformance"]
    assert issubclass(made, Conformance)
    assert made.subject is SchoolRegister


def test_the_pages_exemption_is_of_a_rule_that_there_is():
    defined: dict[str, Any] = {"__name__": "page", "Subject": Subject}
    exec(EXEMPTION, defined)
    assert defined["SchoolRegister"].exempt.keys() <= {each.id for each in RULES}
