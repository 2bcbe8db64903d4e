"""What `test_conformance.py` of every connector of ours asserts: each rule is judged, nothing is to do."""

import asyncio
import importlib
import json
import re
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.plugin.testing import forms
from gateway.plugin.testing.package import staged
from gateway.plugin.testing.rule import Level
from gateway.plugin.testing.rules import RULES
from gateway.plugin.testing.scale import State, findings, reached
from tests.architecture.tree import ROOT
from tests.forking import Speaking

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
SUBJECTS, HOOKS = PROJECT["gateway.conformance"], PROJECT["gateway.connectors"]


@asynccontextmanager
async def forked(_python: str, _m: str, module: str, *words: str) -> AsyncIterator[Mapping[str, Any]]:
    """`started`, with a fork: rules start a stand-in of their own that would otherwise load the same anew."""
    program = await asyncio.to_thread(Speaking, module, *words)
    try:
        yield json.loads(program.first)
    finally:
        await asyncio.to_thread(program.end)


def is_gold(connector: str) -> None:
    """Raises AssertionError, with what is to do."""
    where, _, name = SUBJECTS[connector].partition(":")
    module = importlib.import_module(where)
    subject = getattr(module, name)
    unseen = set[int]()

    def number(value: str, known: Callable[[str], str] = forms.number) -> str:
        if not (digits := known(value)) and re.fullmatch("[0-9]{9,}", value):
            unseen.add(len(value))
        return digits

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "started", forked, raising=False)
        patch.setattr(forms, "number", number)
        found = list(findings(staged(subject, HOOKS[connector], connector)))
    left = [f"{each.rule.id}: {each.seen}; {each.next}\n{each.detail}" for each in found if each.state is State.TO_DO]
    assert left == []
    assert {each.seen for each in found if each.state is State.DONE} == {""}, "what stands in no reply no rule sees"
    assert not unseen, "numbers of so many digits of its records cannot be sought in part: too many zeros"
    assert reached(found) is Level.GOLD
    assert len(found) == len(RULES)
    assert subject.exempt.keys() <= {each.id for each in RULES}
