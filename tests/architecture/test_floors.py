"""The floors stand alone: what speeds the line up must speed no floor up."""

import ast

from tests.architecture.tree import modules


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def strays(found):
    return {
        (path, name)
        for path, tree in found.items()
        for name in imported(tree)
        if name.startswith("gateway") or (name.startswith("bench") and not name.startswith("bench.floors"))
    }


def test_the_floors_import_nothing_of_ours_but_each_other():
    floors = modules("bench/floors")
    assert len(floors) >= 6
    assert strays(floors) == set()


def test_a_planted_import_is_caught():
    planted = {"bench/floors/bare.py": ast.parse("from gateway.messages import encode\nimport bench.load")}
    assert {name for _, name in strays(planted)} == {"gateway.messages", "bench.load"}
