"""Names say what a thing is; these say nothing. And the core knows no plugin, not even by name."""

import ast
import re
import tomllib
from functools import cache

from tests.architecture.tree import ROOT, modules, paths

EMPTY_CLASS = re.compile(r"(Manager|Handler|Helper|Base|Utils?|Utilities)$|^(Base|Abstract|Util)[A-Z]")
EMPTY_MODULE = re.compile(r"(^|_)(utils?|common|helpers?|misc|shared|base|manager)$")
SOURCES = ("gateway", "plugins", "bench", "tests")


def empty_names(path, tree):
    yield from (part for part in path.removesuffix(".py").split("/") if EMPTY_MODULE.search(part))
    yield from (
        node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and EMPTY_CLASS.search(node.name)
    )


def test_no_name_is_empty():
    assert [(path, name) for path, tree in modules(*SOURCES).items() for name in empty_names(path, tree)] == []


def test_planted_empty_names_are_caught():
    planted = ast.parse("class KeyManager: ...\nclass BaseStore: ...\nclass Database: ...")
    assert list(empty_names("gateway/hub/http_utils.py", planted)) == ["http_utils", "KeyManager", "BaseStore"]


@cache
def plugin_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        word
        for points in project["entry-points"].values()
        for name, target in points.items()
        for word in ({name, target.partition(":")[0]} if "_" in name else {target.partition(":")[0]})
    }


def named_plugins(text):
    return {name for name in plugin_names() if name in text}


def test_the_core_names_no_plugin():
    named = {path: named_plugins((ROOT / path).read_text()) for path in paths("gateway")}
    assert {path: names for path, names in named.items() if names} == {}


def test_a_planted_plugin_name_is_caught():
    assert named_plugins('if connector == "health_management":') == {"health_management"}
