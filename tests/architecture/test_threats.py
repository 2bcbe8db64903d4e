"""Each test that the threat table names exists, and no threat is without one."""

import ast
import re

import pytest

from tests.architecture.tree import ROOT, parsed, paths

PAGE = (ROOT / "docs/threats.md").read_text()
ROWS = re.findall(r"^\| (T\d\d) \| (.+) \|$", PAGE, re.MULTILINE)
THERE = frozenset(paths("tests"))
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def examples_in(path):
    """The test functions of a module by name."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = (node for node in ast.walk(parsed(path)) if isinstance(node, functions))
    return {node.name for node in found if node.name.startswith("test_")}


@pytest.mark.parametrize(("number", "row"), ROWS, ids=[number for number, _ in ROWS])
def test_every_threat_has_a_test_that_exists(number, row):
    named = TEST.findall(row)
    assert named, number
    assert [f"{path}::{test}" for path, test in named if path not in THERE or test not in examples_in(path)] == []


def test_threats_are_numbered_without_a_gap():
    assert [number for number, _ in ROWS] == [f"T{number:02}" for number in range(1, len(ROWS) + 1)]
    assert len(ROWS) == len(re.findall(r"^\| T", PAGE, re.MULTILINE))


def test_each_cell_of_a_row_says_something():
    assert [number for number, row in ROWS if len(row.split(" | ")) != 5 or not all(row.split(" | "))] == []
