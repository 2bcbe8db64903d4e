"""Who may import whom: every contract of pyproject.toml holds, and each is shown to break on one planted import."""

import subprocess
import sys
from copy import deepcopy
from typing import Any

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract

from tests.architecture.tree import ROOT, modules

CONFIGURATION = read_configuration(str(ROOT / "pyproject.toml"))
CONTRACTS: dict[str, dict[str, Any]] = {each["id"]: each for each in CONFIGURATION["contracts_options"]}
KINDS: dict[str, type[Any]] = {
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
}
IMPURE = sorted(CONTRACTS["pure-steps"]["forbidden_modules"])

PLANTED = [
    ("line", "gateway.errors", "gateway.messages"),
    ("line", "gateway.messages", "gateway.keys.directory"),
    ("line", "gateway.plugin.payload", "gateway.messages"),
    ("line", "gateway.keys.directory", "gateway.config"),
    ("line", "gateway.config", "gateway.observe"),
    ("line", "gateway.config", "gateway.link"),
    ("line", "gateway.config", "gateway.interfaces.changes"),
    ("line", "gateway.interfaces.verdict", "gateway.link.https"),
    ("line", "gateway.interfaces.document", "gateway.edge.rules"),
    ("line", "gateway.link", "gateway.hub.flow"),
    ("line", "gateway.edge.flow", "gateway.hub.flow"),
    ("line", "gateway.edge.flow", "gateway.wiring"),
    ("line", "gateway.wiring", "gateway.cli"),
    ("blind-hub", "gateway.hub.flow", "gateway.edge.open"),
    ("blind-hub", "gateway.hub.permit", "gateway.keys.private"),
    ("blind-hub", "gateway.hub.flow", "gateway.plugin"),
    ("blind-hub", "gateway.messages", "gateway.plugin.connector"),
    ("blind-hub", "gateway.keys.signatures", "gateway.keys.private"),
    ("hub-and-door", "gateway.hub.permit", "gateway.plugin.payload"),
    ("no-plugin-named", "gateway.wiring", "gateway_health_management"),
    ("no-plugin-named", "gateway.cli", "gateway_demo_city.city"),
    ("door-only", "gateway_health_management.interface", "gateway.messages"),
    ("door-only", "gateway_health_management.interface", "gateway.plugin.payload"),
    ("door-only", "gateway_vaccination_records.connector", "gateway.errors"),
    ("door-only", "gateway_demo_city.city", "gateway.config"),
    ("strangers", "gateway_health_management.interface", "gateway_vaccination_records.interface"),
    ("strangers", "gateway_demo_city.city", "gateway_health_management"),
    ("strangers", "gateway_pmh.connector", "gateway_vaccination_records.connector"),
    ("record-system", "gateway_vaccination_records.record_system.app", "gateway.plugin"),
    ("record-system", "gateway_vaccination_records.record_system.app", "gateway_vaccination_records.interface"),
    ("record-system", "gateway_pmh.simulated.app", "gateway_pmh.answers"),
    ("door-only", "gateway_pmh.connector", "gateway.errors"),
    ("door-only", "gateway_pmh.connector", "gateway.plugin.tokens"),
    ("door-only", "gateway_clinic_app.connector", "gateway.plugin.exchange"),
    ("no-plugin-named", "gateway.config", "gateway_pmh.interface"),
    *(("pure-steps", "gateway.edge.admit", forbidden) for forbidden in IMPURE),
    *(("pure-steps", step, "time") for step in CONTRACTS["pure-steps"]["source_modules"]),
]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    first, *others = CONFIGURATION["session_options"]["root_packages"]
    return grimp.build_graph(first, *others, include_external_packages=True, cache_dir=None)


def contract(which):
    options = {key: value for key, value in CONTRACTS[which].items() if key not in {"id", "name", "type"}}
    return KINDS[CONTRACTS[which]["type"]](which, CONFIGURATION["session_options"], options)


@pytest.mark.parametrize("which", CONTRACTS)
def test_holds(which, graph):
    assert contract(which).check(deepcopy(graph), verbose=False).kept


@pytest.mark.parametrize(("which", "importer", "forbidden"), PLANTED)
def test_breaks_on_a_planted_import(which, importer, forbidden, graph):
    planted = deepcopy(graph)
    for module in (importer, forbidden):
        assert module in planted.modules or "." not in module, f"{module} is not there to be planted in"
        if module not in planted.modules:
            planted.add_module(module, is_squashed=True)
    assert forbidden not in planted.find_modules_directly_imported_by(importer), "not planted: it is there"

    planted.add_import(importer=importer, imported=forbidden, line_number=1, line_contents="planted")

    assert not contract(which).check(planted, verbose=False).kept


def test_breaks_on_a_module_without_a_place(graph):
    planted = deepcopy(graph)
    planted.add_module("gateway.utils")
    assert not contract("line").check(planted, verbose=False).kept


def test_every_contract_is_shown_to_break():
    assert {which for which, _, _ in PLANTED} == set(CONTRACTS)


def test_lint_imports_names_the_broken_contract(tmp_path):
    """The same from outside: a copy of the tree with one stray file fails the command that `make check` runs."""
    for path in modules("gateway", "plugins"):
        copy = tmp_path / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / path).read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "gateway/hub/stray.py").write_text("from gateway.keys import private\n")

    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(
        [*command, "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{tmp_path / 'plugins'}"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 1
    assert "gateway.hub.stray -> gateway.keys.private" in done.stdout
    assert f"{len(CONTRACTS) - 1} kept, 1 broken" in done.stdout
