"""Both operators' pages say what each code and each line of telemetry of `intermediate_server` means."""

import ast
import re

import pytest

from gateway_intermediate_server import answers
from gateway_intermediate_server.interface import INTERFACE
from tests.architecture.tree import ROOT, modules

PLUGIN = "plugins/gateway_intermediate_server"
PAGES = {"docs/operate.md": "## The intermediate server", "docs/operate.ja.md": "## 中間サーバー"}
RAISED = {"Refused", "Later", "Deferred", "RefusedRecord", "DeferredRecord"}


def calls(names):
    """The first argument of every call of one of these, where it is written out."""
    own = [tree for path, tree in modules(PLUGIN).items() if "/simulat" not in path]
    for call in (node for tree in own for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", None))
        if name in names and call.args:
            said = (each.value for each in ast.walk(call.args[0]) if isinstance(each, ast.Constant))
            yield from (each for each in said if isinstance(each, str))


def told(page):
    """The words in code form of the first cells of the section's table."""
    section = (ROOT / page).read_text().partition(f"\n{PAGES[page]}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)`", cell)}


@pytest.mark.parametrize("page", PAGES)
def test_every_code_and_line_of_telemetry_of_the_connector_is_explained_and_the_reverse(page):
    codes = {*INTERFACE.codes, *answers._CODES, *calls(RAISED)}
    assert told(page) == codes | set(calls({"warning"}))
